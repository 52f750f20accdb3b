import Ledger
import Raft

/// What clients ask for: few keys and few challenges, so that they meet.
///
/// Each command is told from all others by its mark, which it carries where the ledger does not mind: a command that is
/// applied twice is seen. A value; all of it follows from the generator.
public struct Workload: Sendable {
    /// What a client asks.
    public enum Request: Hashable, Sendable {
        /// To be counted against limits.
        case charge(Charge)
        /// A challenge is handed in.
        case spend(Spend)
        /// A change of an override.
        case change(OverrideChange)
        /// A linearizable read of an override.
        case readOverride(policy: PolicyID, key: QuotaKey)
        /// A linearizable read of a pass.
        case readPass(ChallengeID, recordExpiry: LedgerTime)
        /// A gateway tells how many challenges it issued.
        case record(IssueReport)
    }

    /// What clients of a run use besides what all runs have.
    public struct Habits: Hashable, Sendable {
        /// A policy that is paid by slices.
        public var escrow = false
        /// A policy that nodes decide by themselves.
        public var eventual = false
        /// Prices.
        public var prices = false

        /// Nothing.
        public init() {}
    }

    /// Clients' keys.
    static let keys = 5
    /// Registers that are changed and read.
    static let registers = 3
    /// Of commands that carry a mark, the first half of the fallback that holds it.
    private static let marked: UInt64 = 2

    private var generator: Xoshiro256
    private let habits: Habits
    private var spends: [Spend] = []
    private var versions: [OverrideRegister.Partition: UInt64] = [:]

    /// Of a seed.
    public init(generator: Xoshiro256, habits: Habits = Habits()) {
        self.generator = generator
        self.habits = habits
    }

    /// What a client asks next.
    /// - Parameters:
    ///   - number: of the request, unlike all others.
    ///   - facts: the ledger of the client's node, with the policies in force.
    ///   - time: replicated time as the node estimates it.
    public mutating func next(number: UInt64, facts: LedgerFacts, time: LedgerTime) -> Request? {
        guard let policy = policy(facts) else { return nil }
        switch generator.below(20) {
        case 0..<9: return .charge(charge(number, policy))
        case 9..<13: return spend(number, generator.pick(facts.policies), time, facts)
        case 13..<15:
            guard let spent = spends.isEmpty ? nil : generator.pick(spends) else { return nil }
            return .readPass(spent.challenge, recordExpiry: spent.recordExpiry)
        case 15..<17: return .change(change(generator.pick(overridden(facts)), time))
        case 17 where usesPrices(facts): return .record(report())
        default: return read(facts)
        }
    }

    /// A read of one of the registers.
    public mutating func read(_ facts: LedgerFacts) -> Request? {
        guard let policy = facts.policies.first else { return nil }
        return .readOverride(policy: policy.id, key: register(generator.below(UInt64(Self.registers))))
    }

    /// Another charge of a policy, for a client that has just had one.
    mutating func another(number: UInt64, _ policy: PolicyFacts) -> Charge { charge(number, policy) }

    /// Whose policy is charged: more often one that is decided at the node, since most of that never reaches the log.
    private mutating func policy(_ facts: LedgerFacts) -> PolicyFacts? {
        let level = generator.pick([PolicyLevel.strong, .escrow, .escrow, .eventual])
        let isUsed = level == .escrow && habits.escrow || level == .eventual && habits.eventual
        let policies = facts.policies.filter { Self.level(of: $0) == (isUsed ? level : .strong) }
        return policies.isEmpty ? nil : generator.pick(policies)
    }

    /// The policies in which keys get other terms.
    private func overridden(_ facts: LedgerFacts) -> [PolicyFacts] {
        facts.policies.filter { $0.id == facts.policies[0].id || habits.escrow && Self.level(of: $0) == .escrow }
    }

    /// A client was told a register's version.
    public mutating func learned(_ policy: PolicyID, _ key: QuotaKey, version: UInt64) {
        versions[OverrideRegister.Partition(policy: policy, key: key)] = version
    }

    /// The mark of a command, if it has one: the number of the request that made it.
    public static func mark(of command: Command) -> UInt64? {
        guard case .charge(let charge) = command else { return nil }
        return charge.limits.first.flatMap { $0.fallback.high == marked ? $0.fallback.low : nil }
    }

    private mutating func charge(_ number: UInt64, _ policy: PolicyFacts) -> Charge {
        let level = Self.level(of: policy)
        let client = UInt64(generator.below(UInt64(level == .strong ? Self.keys : Self.registers + 1)))
        var pass: PassCharge?
        if generator.chance(1, of: level == .strong ? 4 : 40), level != .eventual, !spends.isEmpty {
            let spend = generator.pick(spends)
            pass = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: spend.binding)
        }
        let limits = policy.limits.enumerated().map { place, limit in
            LimitCharge(
                limit: limit.id,
                key: limit.definition.role == .ceiling ? QuotaKey(high: 9, low: 9) : QuotaKey(high: 1, low: client),
                fallback: level == .strong
                    ? QuotaKey(high: Self.marked, low: place == 0 ? number : 0) : QuotaKey(high: 6, low: client / 2),
                reserve: generator.chance(1, of: 8) ? 1 : 0
            )
        }
        let cost = level == .strong || generator.chance(3, of: 4) ? generator.inRange(1...2) : generator.inRange(0...7)
        return Charge(policy: policy.id, cost: UInt32(cost), pass: pass, limits: limits)
    }

    private mutating func spend(
        _ number: UInt64,
        _ policy: PolicyFacts,
        _ time: LedgerTime,
        _ facts: LedgerFacts
    ) -> Request {
        if generator.chance(1, of: 2), !spends.isEmpty {
            let spent = generator.pick(spends)
            // The same request again, or the same challenge handed in by somebody else.
            if generator.chance(1, of: 2) { return .spend(spent) }
            var other = spent
            other.idempotencyKey = generator.chance(1, of: 2) ? nil : QuotaKey(high: 3, low: number)
            return .spend(other)
        }
        var spend = Spend(
            challenge: ChallengeID(high: 4, low: number),
            policy: policy.id,
            issued: LedgerTime(nanoseconds: time.nanoseconds - min(time.nanoseconds, generator.below(2_000_000_000))),
            challengeLifetime: UInt32(generator.inRange(3...60)),
            passLifetime: 60,
            grants: UInt32(generator.inRange(1...6)),
            binding: generator.below(3),
            idempotencyKey: QuotaKey(high: 3, low: number)
        )
        if usesPrices(facts), generator.chance(3, of: 4) {
            let client = generator.below(3)
            let price = generator.pick([0, Price.one, 3 * Price.one, facts.clusterFactor(of: policy.id), .max])
            spend.pricing = SpendPricing(issuePrice: price, keys: Self.prefixes(client))
        }
        spends.append(spend)
        if spends.count > 12 { spends.removeFirst() }
        return .spend(spend)
    }

    private mutating func change(_ policy: PolicyFacts, _ time: LedgerTime) -> OverrideChange {
        let place = Int(generator.below(UInt64(Self.registers)))
        var value: OverrideValue?
        switch generator.below(6) {
        case 0: value = nil
        case 1: value = .deny(until: time.adding(nanoseconds: generator.below(3_000_000_000)))
        default: value = .free(interval: 1_000_000 * (1 + generator.below(500)), burst: 1 + generator.below(20))
        }
        var expected: UInt64?
        if generator.chance(2, of: 3) {
            let register = OverrideRegister.Partition(policy: policy.id, key: register(UInt64(place)))
            expected = generator.chance(4, of: 5) ? versions[register] ?? 0 : generator.below(9)
        }
        return OverrideChange(
            policy: policy.id,
            key: register(UInt64(place)),
            value: value,
            expectedVersion: expected
        )
    }

    /// Where a client comes from: all share the wider neighbourhoods.
    static func prefixes(_ client: UInt64) -> PrefixKeys {
        PrefixKeys(
            address: QuotaKey(high: 7, low: client),
            neighbourhoods: [QuotaKey(high: 8, low: client / 2), QuotaKey(high: 8, low: 9)]
        )
    }

    /// Whether a request uses prices. Now and then one does that comes too early, before all members know them.
    private mutating func usesPrices(_ facts: LedgerFacts) -> Bool {
        habits.prices && (facts.ledgerVersion >= Ledger.lendingVersion || generator.chance(1, of: 8))
    }

    private mutating func report() -> IssueReport {
        let counts = (0..<generator.inRange(1...4)).map { _ in
            IssuedCount(
                key: QuotaKey(high: 7, low: generator.below(3)),
                level: generator.pick(PrefixLevel.allCases),
                count: UInt32(generator.pick([0, 1, 40, 5_000] as [Int]))
            )
        }
        return IssueReport(counts: counts)
    }

    /// Registers are keys that charges use too: their terms change under them.
    private func register(_ place: UInt64) -> QuotaKey { QuotaKey(high: 1, low: place) }
}
