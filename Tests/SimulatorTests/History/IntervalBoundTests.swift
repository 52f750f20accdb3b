import Raft
import Simulator
import TestSupport
import Testing

@Suite struct IntervalBoundTests {
    private typealias Admission = (units: UInt64, time: UInt64)

    private func isWithin(_ admissions: [Admission], interval: UInt64, burst: UInt64) -> Bool {
        var bound = IntervalBound(interval: interval, burst: burst)
        do {
            for admission in admissions { try bound.admitted(admission.units, at: admission.time) }
            return true
        } catch {
            return false
        }
    }

    /// Each pair of admissions, by the definition.
    private func isWithinByDefinition(_ admissions: [Admission], interval: UInt64, burst: UInt64) -> Bool {
        for first in admissions.indices {
            var units: UInt64 = 0
            for last in first..<admissions.count {
                units += admissions[last].units
                let width = admissions[last].time - admissions[first].time
                if units * interval > burst * interval + width { return false }
            }
        }
        return true
    }

    @Test func admitsABurstAndThenTheRate() {
        #expect(isWithin([(5, 0), (1, 10), (1, 20), (2, 40)], interval: 10, burst: 5))
        #expect(isWithin([(5, 1_000), (5, 1_050)], interval: 10, burst: 5))
    }

    @Test func refusesOneUnitMoreThanTheBurst() {
        #expect(!isWithin([(6, 1_000)], interval: 10, burst: 5))
        #expect(!isWithin([(3, 1_000), (3, 1_009)], interval: 10, burst: 5))
        #expect(isWithin([(3, 1_000), (3, 1_010)], interval: 10, burst: 5))
    }

    @Test func refusesAnExcessThatBuildsUpSlowly() {
        // A unit every 9 ns where one every 10 ns is allowed: 50 of them use up a burst of 5.
        let admissions = (0..<60).map { (units: 1, time: 9 * $0) as Admission }
        #expect(!isWithin(admissions, interval: 10, burst: 5))
        #expect(isWithin(Array(admissions.prefix(40)), interval: 10, burst: 5))
    }

    @Test func anIdleTimeSavesUpNoMoreThanTheBurst() {
        #expect(!isWithin([(1, 0), (6, 1_000_000)], interval: 10, burst: 5))
    }

    @Test func refusesTimeThatRunsBackwards() {
        #expect(!isWithin([(1, 10), (1, 9)], interval: 10, burst: 5))
    }

    @Test func holdsAtTheEndOfTheNumbers() {
        #expect(isWithin([(1, .max)], interval: .max, burst: 1))
        #expect(!isWithin([(2, .max)], interval: .max, burst: 1))
    }

    @Test func agreesWithTheDefinition() {
        var random = Xoshiro256(seed: seed())
        var refused = 0
        for _ in 0..<2_000 {
            let interval = 1 + random.below(10)
            let burst = 1 + random.below(6)
            var time: UInt64 = 0
            var admissions: [Admission] = []
            for _ in 0..<random.below(12) {
                time += random.below(2 * interval + 8)
                admissions.append((random.below(4), time))
            }
            let expected = isWithinByDefinition(admissions, interval: interval, burst: burst)
            #expect(isWithin(admissions, interval: interval, burst: burst) == expected, "\(admissions)")
            if !expected { refused += 1 }
        }
        #expect(refused > 100)
        #expect(refused < 1_900)
    }
}
