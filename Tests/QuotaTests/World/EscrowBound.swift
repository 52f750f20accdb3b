import Testing

/// The promise of the policy level `escrow`, for one bucket: no interval w admits more than burst + rate × (w + D).
///
/// Told of every admission in any order; checked at the end. n units of the interval from a to b keep
/// n × interval ≤ burst × interval + D + (b − a), so what was admitted so far, times the interval and less the time, is never
/// more than burst × interval + D above the least that this was before.
struct EscrowBound {
    static let slice: UInt64 = 2 * second
    private(set) var interval: UInt64
    private(set) var burst: UInt64
    private var admissions: [(at: UInt64, units: UInt64)] = []

    init(interval: UInt64, burst: UInt64) {
        self.interval = interval
        self.burst = burst
    }

    mutating func admitted(_ units: UInt64, at time: UInt64) { admissions.append((time, units)) }

    /// Other numbers stand, or stood: no interval is promised less than by the most generous of them, whatever is changed when.
    mutating func loosen(interval: UInt64, burst: UInt64) {
        self.interval = min(self.interval, interval)
        self.burst = max(self.burst, burst)
    }

    var units: UInt64 { admissions.reduce(0) { $0 + $1.units } }

    /// How many units too many some interval had; not above 0 where the promise is kept.
    func excess() -> Int128 {
        var taken: Int128 = 0
        var least = Int128.max
        var most = Int128.min
        for admission in admissions.sorted(by: { $0.at < $1.at }) {
            least = min(least, taken - Int128(admission.at))
            taken += Int128(admission.units) * Int128(interval)
            most = max(most, taken - Int128(admission.at) - least)
        }
        let bound = Int128(burst) * Int128(interval) + Int128(Self.slice)
        return most <= bound ? 0 : (most - bound + Int128(interval) - 1) / Int128(interval)
    }
}

@Suite struct EscrowBoundTests {
    @Test func itFindsOneUnitTooMany() {
        var bound = EscrowBound(interval: second, burst: 10)
        bound.admitted(10, at: 5 * second)
        #expect(bound.excess() == 0)
        bound.admitted(2, at: 5 * second)
        #expect(bound.excess() == 0, "two seconds of a slice's life")
        bound.admitted(1, at: 5 * second + 1)
        #expect(bound.excess() == 1)
    }

    @Test func itFindsItInAnyInterval() {
        var bound = EscrowBound(interval: second, burst: 10)
        bound.admitted(3, at: 0)
        for at in 100..<120 as Range<UInt64> { bound.admitted(1, at: at * second) }
        #expect(bound.excess() == 0)
        bound.admitted(13, at: 110 * second)
        #expect(bound.excess() > 0)
    }
}
