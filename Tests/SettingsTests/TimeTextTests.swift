import Testing

@testable import Settings

@Suite struct TimeTextTests {
    @Test(arguments: [
        ("0", 0), ("0s", 0), ("500ms", 500_000_000), ("90s", 90_000_000_000), ("10m", 600_000_000_000),
        ("10min", 600_000_000_000), ("1h30m", 5_400_000_000_000),
        ("2d", 172_800_000_000_000), ("1d1h1m1s1ms", 90_061_001_000_000), ("366d", 31_622_400_000_000_000),
        ("007s", 7_000_000_000),
    ])
    func `A duration is read exactly`(text: String, nanoseconds: Int) throws {
        #expect(try parseDuration(text) == UInt64(nanoseconds))
    }

    @Test(arguments: [
        "", "10", "m", "10 m", "1.5h", "-1s", "+1s", "1m1h", "1s1s", "1x", "1S", "367d", "366d1ms", "999999999999d",
        "9999999999999999999999s", "1h 30m", "1hm", "٣s", "10s\n",
    ])
    func `What is no duration is refused`(text: String) {
        #expect(throws: Complaint.self) { try parseDuration(text) }
    }

    @Test func `A duration's text reads back`() throws {
        var random = SeededGenerator(seed: printedSeed())
        for _ in 0..<5_000 {
            let milliseconds =
                UInt64.random(in: 0...366 * 86_400_000, using: &random) >> UInt64.random(in: 0...30, using: &random)
            #expect(try parseDuration(durationText(milliseconds * 1_000_000)) == milliseconds * 1_000_000)
        }
    }

    @Test(arguments: [
        ("60/min", 60, 60_000_000_000, 1_000_000_000), ("1/day", 1, 86_400_000_000_000, 86_400_000_000_000),
        ("10/s", 10, 1_000_000_000, 100_000_000),
        ("5/10s", 5, 10_000_000_000, 2_000_000_000), ("3/s", 3, 1_000_000_000, 333_333_334),
        ("7/min", 7, 60_000_000_000, 8_571_428_572),
        ("1000/1h30m", 1_000, 5_400_000_000_000, 5_400_000_000), ("100/hour", 100, 3_600_000_000_000, 36_000_000_000),
        ("1000000/s", 1_000_000, 1_000_000_000, 1_000), ("999999/s", 999_999, 1_000_000_000, 1_001),
    ])
    func `A rate is read, its interval rounded up`(text: String, count: Int, window: Int, interval: Int) throws {
        let rate = try parseRate(text)
        #expect(rate.count == UInt64(count))
        #expect(rate.windowNanoseconds == UInt64(window))
        #expect(rate.interval == UInt64(interval))
        #expect(rate.text == text)
    }

    @Test func `A rate never grants more than it says and less than a thousandth short`() throws {
        var random = SeededGenerator(seed: printedSeed())
        for _ in 0..<20_000 {
            let count = UInt64.random(in: 1...1_000_000, using: &random) >> UInt64.random(in: 0...19, using: &random)
            guard count > 0 else { continue }
            let unit = ["s", "min", "h", "d", "10s", "5m"].randomElement(using: &random)!
            let rate = try parseRate("\(count)/\(unit)")
            // count × interval ≥ window: the units take at least the window. One nanosecond less and they would not.
            #expect(rate.count * rate.interval >= rate.windowNanoseconds)
            #expect(rate.count * (rate.interval - 1) < rate.windowNanoseconds)
            let excess = rate.count * rate.interval - rate.windowNanoseconds
            #expect(excess * 1_000 <= rate.windowNanoseconds)
        }
    }

    @Test(arguments: [
        ("10/s", 10), ("60/min", 1), ("1/day", 1), ("90/min", 1), ("600/min", 10), ("1000/min", 16), ("50000/min", 833),
    ])
    func `A burst defaults to one second's worth, at least 1`(text: String, burst: Int) throws {
        #expect(try parseRate(text).defaultBurst == UInt64(burst))
    }

    @Test(arguments: ["0", "0/s", "0/10min"])
    func `Rate zero needs no time`(text: String) throws {
        #expect(try parseRate(text).count == 0)
    }

    @Test(arguments: [
        "", "60", "60/", "/min", "60/0s", "60/fortnight", "60/min/s", "-1/s", "1.5/s", "1e3/s", "60 / min", "1000001/s",
        "999999999999/min", "99999999999999999999/d", "60/-1s", "0/x", "2000/ms",
    ])
    func `What is no rate is refused`(text: String) {
        #expect(throws: Complaint.self) { try parseRate(text) }
    }
}
