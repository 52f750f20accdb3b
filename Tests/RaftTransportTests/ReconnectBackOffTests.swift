import TestSupport
import Testing

@testable import RaftTransport

struct ReconnectBackOffTests {
    private let backOff = ReconnectBackOff(minimum: 50, maximum: 2_000, successful: 5_000)

    @Test func `the window doubles with each failure up to the widest`() {
        var backOff = backOff
        var windows: [UInt64] = []
        for _ in 0..<9 {
            backOff.failed()
            windows.append(backOff.window)
        }
        #expect(windows == [50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000])
        for _ in 0..<1_000 { backOff.failed() }
        #expect(backOff.window == 2_000)
    }

    @Test func `a connection that lived long enough was a success, and a short one a failure`() {
        var backOff = backOff
        for _ in 0..<4 { backOff.failed() }
        backOff.ended(lived: 4_999)
        #expect(backOff.window == 800)
        backOff.ended(lived: 5_000)
        #expect(backOff.window == 50)
        backOff.failed()
        #expect(backOff.window == 50)
    }

    @Test func `waits are drawn from the whole window`() {
        var generator = Seeded(seed())
        var backOff = backOff
        for _ in 0..<3 { backOff.failed() }
        var seen: Set<UInt64> = []
        for _ in 0..<20_000 { seen.insert(backOff.delay(using: &generator)) }
        #expect(seen.min() == 0 && seen.max() == 200 && seen.count == 201)
    }

    @Test func `a wait may be bounded further`() {
        var generator = Seeded(seed())
        var backOff = backOff
        for _ in 0..<9 { backOff.failed() }
        let waits = (0..<2_000).map { _ in backOff.delay(within: 100, using: &generator) }
        #expect(Set(waits).count == 101 && waits.max() == 100)
        for _ in 0..<2_000 { #expect(backOff.delay(within: .max, using: &generator) <= 2_000) }
    }

    @Test func `extreme settings do not trap`() {
        var generator = Seeded(seed())
        for (minimum, maximum) in [(0, 0), (5, 1), (1, .max), (.max, .max)] as [(UInt64, UInt64)] {
            var backOff = ReconnectBackOff(minimum: minimum, maximum: maximum, successful: 0)
            for _ in 0..<70 {
                #expect(backOff.delay(using: &generator) <= max(1, minimum, maximum))
                backOff.failed()
            }
        }
    }
}
