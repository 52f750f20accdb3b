import Gateway
import Glibc
import Ledger
import NIOCore
import Settings

/// Asks one loop for decisions, some hundred at a time, as fast as it answers. Confined to the loop.
final class QuotaDriver {
    /// Decisions of which the answer is not there yet.
    private static let openMax = 256
    /// Decisions in one turn of the loop, between which it hears others.
    private static let perTurn = 256

    private let quota: QuotaLoop
    private let level: PolicySettings.Consistency
    private let policy: PolicyID
    private let limit: LimitID
    private var keys: QuotaKeySequence
    private var open = 0
    private var isTurnDue = false
    private var isEnding = false
    private var ended: EventLoopPromise<Void>?
    /// Decisions so far.
    private(set) var decided: UInt64 = 0
    /// Answers other than yes. There must be none.
    private(set) var refused: UInt64 = 0

    init(_ quota: QuotaLoop, _ level: PolicySettings.Consistency, _ facts: PolicyFacts, _ keys: QuotaKeySequence) {
        self.quota = quota
        self.level = level
        policy = facts.id
        limit = facts.limits[0].id
        self.keys = keys
    }

    func begin() { turnLater() }

    /// Asks for no more, and waits for what is open.
    func end() -> EventLoopFuture<Void> {
        isEnding = true
        let promise = quota.eventLoop.makePromise(of: Void.self)
        if open == 0 { promise.succeed() } else { ended = promise }
        return promise.futureResult
    }

    private func turnLater() {
        guard !isTurnDue, !isEnding else { return }
        isTurnDue = true
        quota.eventLoop.assumeIsolated().execute { self.turn() }
    }

    private func turn() {
        isTurnDue = false
        var asked = 0
        while open < Self.openMax, asked < Self.perTurn, !isEnding {
            asked += 1
            open += 1
            let key = QuotaKeySequence.key(keys.take())
            let charge = Charge(
                policy: policy,
                cost: 1,
                pass: nil,
                limits: [LimitCharge(limit: limit, key: key, fallback: key, reserve: 0)]
            )
            quota.charge(charge, level) { result in self.answered(result) }
        }
        if open < Self.openMax { turnLater() }
    }

    private func answered(_ result: Result<ChargeOutcome, LedgerUnavailable>) {
        open -= 1
        decided += 1
        if case .success(.admitted) = result {} else { refused += 1 }
        if open == 0 { ended?.succeed() }
        turnLater()
    }
}

/// What deciding has cost, on all loops of a node together.
struct QuotaCost {
    let perSecond: Double
    /// Processor time of the whole process, the replica's and the disk's threads included.
    let nanoseconds: Double

    /// Decides for a while, after as long a warm-up.
    static func measure(
        _ node: QuotaNode,
        _ level: PolicySettings.Consistency,
        _ spread: QuotaKeySequence.Spread,
        milliseconds: UInt32
    ) throws -> QuotaCost {
        let policy = node.policy
        let drivers = try node.loops.enumerated().map { place, loop in
            try loop.eventLoop.submit {
                let keys = QuotaKeySequence(spread, seed: UInt64(place) + 1)
                return NIOLoopBound(QuotaDriver(loop.value, level, policy, keys), eventLoop: loop.eventLoop)
            }.wait()
        }
        func decided() throws -> UInt64 {
            try drivers.reduce(0) { sum, driver in sum + (try driver.eventLoop.submit { driver.value.decided }.wait()) }
        }
        for driver in drivers { try driver.eventLoop.submit { driver.value.begin() }.wait() }
        usleep(milliseconds * 1_000)
        let (before, began, spent) = (try decided(), Clock.nanoseconds(), ProcessorTime.ofThisProcess())
        usleep(milliseconds * 1_000)
        let count = Double(try decided() - before)
        let (elapsed, cost) = (Clock.nanoseconds() - began, ProcessorTime.ofThisProcess() - spent)
        for driver in drivers { try driver.eventLoop.flatSubmit { driver.value.end() }.wait() }
        for driver in drivers {
            let refused = try driver.eventLoop.submit { driver.value.refused }.wait()
            guard refused == 0 else { throw BenchmarkError("\(refused) decisions were not yes") }
        }
        guard count > 0 else { throw BenchmarkError("nothing was decided") }
        return QuotaCost(perSecond: count * 1e9 / Double(elapsed), nanoseconds: Double(cost) / count)
    }
}
