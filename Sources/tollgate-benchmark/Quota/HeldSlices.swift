import Ledger
import Quota

/// A loop that holds a slice of every client's quota, and what it costs it to pay with them.
///
/// In a node only what is asked for often has a slice; here a million have, so that what is seen is the table and the
/// memory, and nothing of how slices come.
struct HeldSlices {
    private static let policy = PolicyID(rawValue: 1)
    private static let limit = LimitID(rawValue: 1)
    private static let decisions = 2_000_000

    private var slices: LoopSlices
    private let spread: QuotaKeySequence.Spread

    init(_ spread: QuotaKeySequence.Spread) {
        self.spread = spread
        slices = LoopSlices(loops: 1, bucketsMax: max(1_024, spread.count))
        let state = LimitState(remaining: 1_000_000, resetNanoseconds: 1, burst: 1_000_000_000)
        for number in 0..<UInt32(spread.count) {
            let bucket = BucketID(limit: Self.limit, key: QuotaKeySequence.key(number), reserve: 0)
            let id = SliceID(session: SessionID(rawValue: 1), sequence: UInt64(number))
            let slice = Slice(id: id, units: 1 << 40, state: state, grantedAt: 0, stopsAt: .max)
            slices.granted(bucket, slice, now: 1)
        }
    }

    /// Nanoseconds of the thread for a decision, and for making the request that it is about, which is no part of it.
    mutating func cost(seed: UInt64) throws(BenchmarkError) -> (decision: Double, request: Double) {
        var keys = QuotaKeySequence(spread, seed: seed)
        var paid = 0
        var began = ProcessorTime.ofThisThread()
        for time in 0..<Self.decisions {
            if case .paid = slices.pay(Self.charge(keys.take()), now: UInt64(time) + 2) { paid += 1 }
        }
        let whole = ProcessorTime.ofThisThread() - began
        guard paid == Self.decisions else { throw BenchmarkError("\(Self.decisions - paid) decisions had no slice") }
        var sum: UInt64 = 0
        began = ProcessorTime.ofThisThread()
        for _ in 0..<Self.decisions { sum &+= Self.charge(keys.take()).limits[0].key.low }
        let request = ProcessorTime.ofThisThread() - began
        guard sum != 0 else { throw BenchmarkError("no request was made") }
        let count = Double(Self.decisions)
        return (Double(whole - min(whole, request)) / count, Double(request) / count)
    }

    @inline(never)
    private static func charge(_ number: UInt32) -> Charge {
        let key = QuotaKeySequence.key(number)
        let limit = LimitCharge(limit: limit, key: key, fallback: key, reserve: 0)
        return Charge(policy: policy, cost: 1, pass: nil, limits: [limit])
    }
}
