import Paxos
import TestSupport
import Testing

struct BackOffTests {
    @Test func `waits stay in a window that doubles up to the maximum`() {
        var generator = Seeded(seed())
        let backOff = BackOff(minimum: 10, maximum: 100)
        for (attempt, longest) in [(-1, 20), (0, 20), (1, 40), (2, 80), (3, 100), (60, 100), (Int.max, 100)] {
            var seen: (least: UInt64, most: UInt64) = (.max, 0)
            for _ in 0..<2_000 {
                let delay = backOff.delay(attempt: attempt, using: &generator)
                seen = (min(seen.least, delay), max(seen.most, delay))
            }
            #expect(seen.least == 10)
            #expect(seen.most == UInt64(longest))
        }
    }

    @Test func `extreme settings neither trap nor run backwards`() {
        var generator = Seeded(seed())
        for (minimum, maximum) in [(0, 0), (5, 1), (1, .max), (.max, .max), (.max, 0)] as [(UInt64, UInt64)] {
            let backOff = BackOff(minimum: minimum, maximum: maximum)
            for attempt in 0..<70 {
                let delay = backOff.delay(attempt: attempt, using: &generator)
                #expect((backOff.minimum...backOff.maximum).contains(delay))
            }
        }
    }

    @Test func `the same generator draws the same waits`() {
        var one = Seeded(7)
        var other = Seeded(7)
        for attempt in 0..<20 {
            #expect(
                BackOff().delay(attempt: attempt, using: &one) == BackOff().delay(attempt: attempt, using: &other)
            )
        }
    }
}
