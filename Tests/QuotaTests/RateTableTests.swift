import TestSupport
import Testing

@testable import Quota

@Suite struct RateTableTests {
    private func key(_ number: UInt64) -> UInt64 {
        var random = Seeded(number)
        return random.next()
    }

    /// The sighting, from 1, by which a key is hot that is seen at a steady rate.
    private func hotAfter(_ every: UInt64, loops: Int, sightings: Int = 1_000) -> Int? {
        var table = RateTable(loops: loops)
        for number in 1...sightings {
            let now = second + UInt64(number) * every
            if table.isHot(key(1), now: now) { return number }
            table.saw(key(1), now: now)
        }
        return nil
    }

    @Test func whoIsSeenFourTimesAtOnceIsHot() {
        #expect(hotAfter(0, loops: 1) == 4)
        #expect(hotAfter(20 * millisecond, loops: 1) == 4)
        #expect(hotAfter(0, loops: 2) == 2)
        #expect(hotAfter(0, loops: 64) == 2)
    }

    @Test func whoIsSeenLessOftenThanFourTimesASecondIsNot() {
        #expect(hotAfter(251 * millisecond, loops: 1) == nil)
        #expect(hotAfter(501 * millisecond, loops: 2) == nil)
        #expect(hotAfter(1_001 * millisecond, loops: 4) == nil)
        #expect(hotAfter(second, loops: 1) == nil)
    }

    @Test func whoIsSeenMoreOftenBecomesHot() throws {
        #expect(try #require(hotAfter(100 * millisecond, loops: 1)) <= 8)
        #expect(hotAfter(200 * millisecond, loops: 1) != nil)
        #expect(hotAfter(200 * millisecond, loops: 4) != nil)
    }

    @Test func heatIsForgottenInASecond() {
        var table = RateTable(loops: 1)
        for _ in 0..<1_000 { table.saw(key(1), now: second) }
        #expect(table.isHot(key(1), now: second))
        #expect(table.isHot(key(1), now: second + 300 * millisecond))
        #expect(!table.isHot(key(1), now: second + 1_300 * millisecond))
    }

    @Test func aMillionKeysSeenOnceAreCold() {
        var table = RateTable(loops: 4)
        var hot = 0
        for number in 0..<200_000 as Range<UInt64> {
            if table.isHot(key(number), now: second) { hot += 1 }
            table.saw(key(number), now: second)
        }
        #expect(hot == 0)
    }

    @Test func aHotKeyIsFoundAmongAThousandColdOnes() {
        var table = RateTable(loops: 1)
        var found: UInt64?
        for number in 0..<100_000 as Range<UInt64> {
            let now = second + number * millisecond / 10
            table.saw(key(1_000 + number), now: now)
            if number.isMultiple(of: 1_000) {
                if table.isHot(key(1), now: now), found == nil { found = number / 1_000 }
                table.saw(key(1), now: now)
            }
        }
        #expect(found.map { $0 <= 20 } == true)
    }

    @Test func theEndOfTimeIsNoTrap() {
        var table = RateTable(loops: .max)
        table.saw(key(1), now: .max)
        _ = table.isHot(key(1), now: .max)
        table.saw(key(1), now: 0)
        _ = table.isHot(key(1), now: 0)
        var other = RateTable(loops: -1)
        other.saw(0, now: .max)
        #expect(!other.isHot(1, now: 0))
    }
}
