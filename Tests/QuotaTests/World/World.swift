import Ledger
import Quota
import TestSupport
import Testing
import Wire

/// Nodes with several loops each around one real ledger, in virtual time.
///
/// The ledger's time is the true one; each node's clock begins where it likes and runs up to five in a thousand too fast or
/// too slow. Everything follows from the seed.
final class World {
    static let loops = 2
    var random: Seeded
    var timeline = Timeline()
    var weather = Weather.fair
    private(set) var ledger: Ledger
    private var index: UInt64 = 0
    private(set) var nodes: [WorldNode] = []
    let policy: PolicyID
    private(set) var limits: [LimitFacts]
    /// By limit and key.
    private var bounds: [BucketID: EscrowBound] = [:]
    /// All numbers that the limits have had, and those of keys by overrides.
    private var terms: [LimitDefinition]
    private var overrides: [(key: QuotaKey, interval: UInt64, burst: UInt64)] = []
    private let maxKeys: UInt32
    private var operatorSequence: UInt64 = 1
    /// Commands that were applied.
    var applied = Applied()

    struct Applied {
        var charges = 0
        var lends = 0
        var returns = 0
        var unitsReturned: UInt64 = 0
    }

    init(_ definitions: [LimitDefinition], nodes: Int = 3, maxKeys: UInt32 = 1_000, seed: UInt64) {
        random = Seeded(seed)
        ledger = Ledger(
            genesis: Genesis(
                clusterID: ClusterID(high: 1, low: 2),
                secret: Array(repeating: 7, count: 32),
                ledgerVersion: Ledger.lendingVersion
            )
        )
        let owner = ReplicaID(high: 99, low: 99)
        let open = SequencedCommand(
            session: SessionID(rawValue: 1),
            sequence: 0,
            floor: 0,
            command: .openSession(owner: owner)
        )
        let set = SequencedCommand(
            session: SessionID(rawValue: 1),
            sequence: 1,
            floor: 1,
            command: .setPolicies(
                expectedRevision: 0,
                policies: [PolicyDefinition(name: "api", maxKeys: maxKeys, limits: definitions)]
            )
        )
        _ = ledger.apply(Batch(time: .zero, commands: [open]), index: 1)
        _ = ledger.apply(Batch(time: .zero, commands: [set]), index: 2)
        index = 2
        policy = ledger.facts.policies[0].id
        limits = ledger.facts.policies[0].limits
        terms = definitions
        self.maxKeys = maxKeys
        for number in 0..<nodes { self.nodes.append(WorldNode(number, self)) }
    }

    var now: UInt64 { timeline.now }

    func plan(after delay: UInt64, _ happen: @escaping () -> Void) { timeline.plan(at: now + delay, happen) }

    /// Lets time pass, in at most so many steps.
    func run(to end: UInt64, stepsMax: Int = 5_000_000) {
        for _ in 0..<stepsMax {
            guard let happen = timeline.next(until: end) else { return }
            happen()
        }
        Issue.record("the world does not come to rest")
    }

    func limit(_ place: Int, key: UInt64, reserve: UInt32 = 0) -> LimitCharge {
        LimitCharge(
            limit: limits[place].id,
            key: .test(key),
            fallback: .test(1_000_000_000 + key / 100),
            reserve: reserve
        )
    }

    // MARK: - The ledger

    func apply(_ command: SequencedCommand) -> CommandResult {
        index += 1
        let result = ledger.apply(Batch(time: LedgerTime(nanoseconds: now), commands: [command]), index: index)[0]
        for recall in ledger.takeRecalls() {
            for node in nodes { plan(after: travel()) { node.recalled(recall) } }
        }
        return result
    }

    /// Applies a command for the first time, and counts.
    func applyCounting(_ command: SequencedCommand) -> CommandResult {
        let result = apply(command)
        switch (command.command, result) {
        case (.charge(let charge), .charged(.admitted)):
            applied.charges += 1
            for limit in charge.limits { admitted(limit, units: UInt64(charge.cost), at: now) }
        case (.charge, _): applied.charges += 1
        case (.lend, _): applied.lends += 1
        case (.returnUnits, .returned(.restored(let units))):
            applied.returns += 1
            applied.unitsReturned += units
        case (.returnUnits, _): applied.returns += 1
        default: break
        }
        return result
    }

    func open(_ owner: ReplicaID) -> SessionID {
        let command = SequencedCommand(
            session: SessionID(rawValue: 0),
            sequence: 0,
            floor: 0,
            command: .openSession(owner: owner)
        )
        guard case .sessionOpened(let session) = apply(command) else {
            Issue.record("no session")
            return SessionID(rawValue: 0)
        }
        return session
    }

    /// One way.
    func travel() -> UInt64 { weather.delay / 4 + random.below(weather.delay * 3 / 4 + 1) }

    // MARK: - Operators

    /// Gives the limits other numbers: whose keys and roles they have they keep. Nodes hear of it after a while.
    func change(_ definitions: [LimitDefinition]) {
        let policies = [PolicyDefinition(name: "api", maxKeys: maxKeys, limits: definitions)]
        operate(.setPolicies(expectedRevision: ledger.facts.revision, policies: policies))
        limits = ledger.facts.policies[0].limits
        terms += definitions
        for node in nodes { plan(after: travel()) { node.limitsChanged() } }
    }

    /// Gives a key other numbers in all free limits, or bans it, or neither.
    func override(key: UInt64, _ value: OverrideValue?) {
        operate(.override(OverrideChange(policy: policy, key: .test(key), value: value, expectedVersion: nil)))
        if case .free(let interval, let burst) = value { overrides.append((.test(key), interval, burst)) }
    }

    private func operate(_ command: Command) {
        operatorSequence += 1
        _ = apply(
            SequencedCommand(
                session: SessionID(rawValue: 1),
                sequence: operatorSequence,
                floor: operatorSequence,
                command: command
            )
        )
    }

    // MARK: - The promise

    func admitted(_ limit: LimitCharge, units: UInt64, at time: UInt64) {
        let id = BucketID(limit: limit.limit, key: limit.key, reserve: 0)
        guard let definition = limits.first(where: { $0.id == limit.limit })?.definition else { return }
        bounds[id, default: EscrowBound(interval: definition.interval, burst: definition.burst)]
            .admitted(units, at: time)
    }

    /// Units that a key had of a limit.
    func units(_ place: Int, key: UInt64) -> UInt64 {
        bounds[BucketID(limit: limits[place].id, key: .test(key), reserve: 0)]?.units ?? 0
    }

    /// The units that some interval of some bucket had too many.
    func excess() -> Int128 {
        bounds.map { id, bound in
            var bound = bound
            let limit = limits.first { $0.id == id.limit }?.definition
            for other in terms where other.key == limit?.key {
                bound.loosen(interval: other.interval, burst: other.burst)
            }
            for other in overrides where other.key == id.quotaKey {
                bound.loosen(interval: other.interval, burst: other.burst)
            }
            return bound.excess()
        }.max() ?? 0
    }
}
