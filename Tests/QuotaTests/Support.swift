import Ledger
import Quota
import TestSupport
import Testing

let millisecond: UInt64 = 1_000_000
let second: UInt64 = 1_000_000_000
let day: UInt64 = 86_400 * second

let policy = PolicyID(rawValue: 1)

extension QuotaKey {
    /// A key for a number, spread as real keys are.
    static func test(_ number: UInt64) -> QuotaKey {
        var random = Seeded(number)
        return QuotaKey(high: random.next(), low: random.next())
    }
}

/// A limit of a charge. Each hundred keys have a fallback.
func limit(_ key: UInt64, limit: UInt32 = 1, reserve: UInt32 = 0) -> LimitCharge {
    LimitCharge(
        limit: LimitID(rawValue: limit),
        key: .test(key),
        fallback: .test(1_000_000_000 + key / 100),
        reserve: reserve
    )
}

func charge(_ limits: [LimitCharge], cost: UInt32 = 1, pass: PassCharge? = nil) -> Charge {
    Charge(policy: policy, cost: cost, pass: pass, limits: limits)
}

func recall(_ key: UInt64) -> SliceRecall {
    let limit = limit(key)
    return SliceRecall(policy: policy, limit: limit.limit, key: limit.key, fallback: limit.fallback)
}

extension LimitState {
    /// Of a bucket of 100 units, one of which comes back in a second.
    static func left(_ remaining: UInt64) -> LimitState {
        LimitState(remaining: remaining, resetNanoseconds: (100 - remaining) * second, burst: 100)
    }
}

extension Slice {
    convenience init(units: UInt64, id: UInt64 = 1, state: LimitState = .left(50), stopsAt: UInt64 = .max) {
        self.init(
            id: SliceID(integerLiteral: id),
            units: units,
            state: state,
            grantedAt: 0,
            stopsAt: stopsAt
        )
    }
}

/// What a book wants, sorted.
struct Wanted {
    var lends: [(ticket: UInt64, lend: Lend)] = []
    var returns: [SliceReturn] = []
    var granted: [(bucket: BucketID, slice: Slice, loops: LoopSet)] = []
    var refused: [(bucket: BucketID, refusal: SliceRefusal, loops: LoopSet)] = []
    var unavailable: [(bucket: BucketID, why: LedgerUnavailable, loops: LoopSet)] = []

    var isEmpty: Bool {
        lends.isEmpty && returns.isEmpty && granted.isEmpty && refused.isEmpty && unavailable.isEmpty
    }

    init(_ actions: [SliceAction]) {
        for action in actions {
            switch action {
            case .lend(let ticket, let lend): lends.append((ticket, lend))
            case .give(let units): returns.append(units)
            case .granted(let bucket, let slice, let loops): granted.append((bucket, slice, loops))
            case .refused(let bucket, let refusal, let loops): refused.append((bucket, refusal, loops))
            case .unavailable(let bucket, let why, let loops): unavailable.append((bucket, why, loops))
            }
        }
    }
}

extension SliceBook {
    /// What it wants since the last look.
    mutating func look() -> Wanted { Wanted(takeActions()) }

    mutating func want(_ limit: LimitCharge, least: UInt32 = 1, loop: Int = 0, now: UInt64) {
        want(limit, policy: policy, least: least, loop: loop, now: now)
    }

    /// The first that it asks the ledger for.
    mutating func ask() throws -> (ticket: UInt64, lend: Lend) {
        let lends = look().lends
        return try #require(lends.first)
    }

    mutating func granted() throws -> (bucket: BucketID, slice: Slice, loops: LoopSet) {
        let granted = look().granted
        return try #require(granted.first)
    }

    mutating func refused() throws -> (bucket: BucketID, refusal: SliceRefusal, loops: LoopSet) {
        let refused = look().refused
        return try #require(refused.first)
    }

    /// Asks for a slice of a bucket and is lent one a millisecond later.
    mutating func hold(_ limit: LimitCharge, units: UInt64, id: UInt64 = 7, now: UInt64) throws -> Slice {
        want(limit, now: now)
        answered(try ask().ticket, .lent(id, units), now: now + millisecond)
        return try granted().slice
    }

    /// Lets time pass in steps of 5 ms.
    mutating func pass(from: UInt64, to: UInt64) -> Wanted {
        var actions: [SliceAction] = []
        for now in stride(from: from, through: to, by: Int(5 * millisecond)) {
            tick(now: now)
            actions += takeActions()
        }
        return Wanted(actions)
    }
}

/// Of the one session that there is.
extension SliceID: ExpressibleByIntegerLiteral {
    public init(integerLiteral sequence: UInt64) {
        self.init(session: SessionID(rawValue: 1), sequence: sequence)
    }
}

extension Result<CommandResult, LedgerUnavailable> {
    static func lent(_ slice: UInt64, _ units: UInt64, _ state: LimitState = .left(50)) -> Self {
        .success(.lent(.lent(slice: SliceID(integerLiteral: slice), units: units, state: state)))
    }

    /// Nothing is left, and a unit comes back in a minute.
    static func empty(outstanding: UInt64 = 0, retryAfter: UInt64 = 60 * second) -> Self {
        .success(
            .lent(
                .refused(retryAfterNanoseconds: retryAfter, state: .left(0), outstanding: outstanding)
            )
        )
    }
}

extension Payment {
    var paid: [LimitState]? { if case .paid(let states) = self { states } else { nil } }
    var refused: ChargeOutcome? { if case .refused(let outcome) = self { outcome } else { nil } }
    var wanting: [Int]? { if case .wanting(let places) = self { places } else { nil } }
    var rest: (charge: Charge, reservation: Reservation)? {
        if case .rest(let charge, let reservation) = self { (charge, reservation) } else { nil }
    }
}
