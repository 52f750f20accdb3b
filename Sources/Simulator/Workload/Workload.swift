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
    }

    /// The policies of every run: a limit of each client, and one of all, both tight.
    public static let policies = [
        PolicyDefinition(
            name: "pages",
            maxKeys: 16,
            limits: [
                LimitDefinition(role: .free, key: "client.address", interval: 300_000_000, burst: 4),
                LimitDefinition(role: .ceiling, key: "all", interval: 40_000_000, burst: 30),
            ]
        ),
        PolicyDefinition(
            name: "forms",
            maxKeys: 16,
            limits: [LimitDefinition(role: .free, key: "client.address", interval: 1_000_000_000, burst: 2)]
        ),
    ]
    /// Clients' keys.
    private static let keys = 5
    /// Registers that are changed and read.
    private static let registers = 3

    private var generator: Xoshiro256
    private var spends: [Spend] = []
    private var versions: [Int: UInt64] = [:]

    /// Of a seed.
    public init(generator: Xoshiro256) { self.generator = generator }

    /// What a client asks next.
    /// - Parameters:
    ///   - number: of the request, unlike all others.
    ///   - facts: the ledger of the client's node, with the policies in force.
    ///   - time: replicated time as the node estimates it.
    public mutating func next(number: UInt64, facts: LedgerFacts, time: LedgerTime) -> Request? {
        guard !facts.policies.isEmpty else { return nil }
        let policy = generator.pick(facts.policies)
        switch generator.below(20) {
        case 0..<9: return .charge(charge(number, policy))
        case 9..<13: return spend(number, policy, time)
        case 13..<15:
            guard let spent = spends.isEmpty ? nil : generator.pick(spends) else { return nil }
            return .readPass(spent.challenge, recordExpiry: spent.recordExpiry)
        case 15..<18: return .change(change(facts.policies[0], time))
        default: return read(facts)
        }
    }

    /// A read of one of the registers.
    public mutating func read(_ facts: LedgerFacts) -> Request? {
        guard let policy = facts.policies.first else { return nil }
        return .readOverride(policy: policy.id, key: register(generator.below(UInt64(Self.registers))))
    }

    /// A client was told a register's version.
    public mutating func learned(_ key: QuotaKey, version: UInt64) { versions[Int(key.low)] = version }

    /// The mark of a command, if it has one: the number of the request that made it.
    public static func mark(of command: Command) -> UInt64? {
        guard case .charge(let charge) = command else { return nil }
        return charge.limits.first?.fallback.low
    }

    private mutating func charge(_ number: UInt64, _ policy: PolicyFacts) -> Charge {
        let client = UInt64(generator.below(UInt64(Self.keys)))
        var pass: PassCharge?
        if generator.chance(1, of: 4), !spends.isEmpty {
            let spend = generator.pick(spends)
            pass = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: spend.binding)
        }
        let limits = policy.limits.enumerated().map { place, limit in
            LimitCharge(
                limit: limit.id,
                key: limit.definition.role == .ceiling ? QuotaKey(high: 9, low: 9) : QuotaKey(high: 1, low: client),
                fallback: QuotaKey(high: 2, low: place == 0 ? number : 0),
                reserve: generator.chance(1, of: 8) ? 1 : 0
            )
        }
        return Charge(policy: policy.id, cost: UInt32(generator.inRange(1...2)), pass: pass, limits: limits)
    }

    private mutating func spend(_ number: UInt64, _ policy: PolicyFacts, _ time: LedgerTime) -> Request {
        if generator.chance(1, of: 2), !spends.isEmpty {
            let spent = generator.pick(spends)
            // The same request again, or the same challenge handed in by somebody else.
            if generator.chance(1, of: 2) { return .spend(spent) }
            var other = spent
            other.idempotencyKey = generator.chance(1, of: 2) ? nil : QuotaKey(high: 3, low: number)
            return .spend(other)
        }
        let spend = Spend(
            challenge: ChallengeID(high: 4, low: number),
            policy: policy.id,
            issued: LedgerTime(nanoseconds: time.nanoseconds - min(time.nanoseconds, generator.below(2_000_000_000))),
            challengeLifetime: UInt32(generator.inRange(3...60)),
            passLifetime: 60,
            grants: UInt32(generator.inRange(1...6)),
            binding: generator.below(3),
            idempotencyKey: QuotaKey(high: 3, low: number)
        )
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
            expected = generator.chance(4, of: 5) ? versions[place] ?? 0 : generator.below(9)
        }
        return OverrideChange(
            policy: policy.id,
            key: register(UInt64(place)),
            value: value,
            expectedVersion: expected
        )
    }

    /// Registers are keys that charges use too: their terms change under them.
    private func register(_ place: UInt64) -> QuotaKey { QuotaKey(high: 1, low: place) }
}
