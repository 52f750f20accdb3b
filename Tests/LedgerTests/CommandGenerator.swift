import TestSupport
import Wire

@testable import Ledger

/// Random batches from a small world, so that they meet often: few keys, few policies, tiny tables, short and long
/// times, and now and then numbers at the edge of what there is.
struct CommandGenerator {
    var random: Seeded
    private var time: UInt64
    private var sequences: [UInt64: UInt64] = [:]
    private var sent: [SequencedCommand] = []
    private var spends: [Spend] = []
    /// Sequences of loans, of any session, newest last.
    private var loans: [(session: UInt64, sequence: UInt64)] = []
    /// Sessions that were opened, newest last.
    private var sessions: [UInt64] = []
    private let keys: [QuotaKey]
    private let fallbacks: [QuotaKey]
    /// A world of clients that move a lot and passes that live long.
    private let moves: Bool
    /// A world of few keys, slow limits and an operator who changes their terms all the time.
    private let meddles: Bool
    /// A world of a ledger that lends.
    private let lends: Bool
    /// A world of a ledger in which work has a price.
    private let prices: Bool

    init(seed: UInt64) {
        random = Seeded(seed)
        meddles = random.oneIn(6)
        lends = random.oneIn(2)
        prices = random.oneIn(2)
        keys = (0..<(meddles ? 2 : 3 + random.below(20))).map { .test($0) }
        fallbacks = (0..<(1 + random.below(4))).map { .test(1_000 + $0) }
        moves = random.oneIn(6)
        time = random.oneIn(8) ? LedgerTime.maximumNanoseconds - random.below(100 * minute) : random.below(10 * minute)
    }

    /// A batch for a ledger with these facts, to be applied at this index.
    mutating func batch(_ facts: LedgerFacts, index: UInt64) -> Batch {
        advance()
        var commands: [SequencedCommand] = []
        if sessions.isEmpty || random.oneIn(15) {
            let owner = ReplicaID(high: random.below(3), low: 1)
            commands.append(
                SequencedCommand(
                    session: SessionID(rawValue: 0),
                    sequence: 0,
                    floor: 0,
                    command: .openSession(owner: owner)
                )
            )
            sessions.append(index)
            if random.oneIn(5) { commands.append(commands[0]) }
        }
        for _ in 0..<random.below(9) {
            let command: SequencedCommand
            if !sent.isEmpty, random.oneIn(8) {
                command = random.pick(sent)
            } else {
                command = sequenced(self.command(facts))
                sent.append(command)
            }
            commands.insert(command, at: Int(random.below(UInt64(commands.count + 1))))
        }
        let drift = random.oneIn(6) ? random.below(minute) : 0
        return Batch(time: LedgerTime(nanoseconds: time - min(drift, time)), commands: commands)
    }

    private mutating func advance() {
        if moves { time += random.below(minute) }
        switch random.below(20) {
        case 0..<6: break
        case 6..<11: time += random.below(100)
        case 11..<15: time += random.below(3 * second)
        case 15..<18: time += random.below(2 * minute)
        case 18: time += random.below(40 * minute)
        default: time += random.oneIn(6) ? random.below(70 * 86_400 * second) : 17_000_000
        }
        time = min(time, LedgerTime.maximumNanoseconds)
    }

    private mutating func sequenced(_ command: Command) -> SequencedCommand {
        let session = random.oneIn(12) ? random.below(60) : random.oneIn(6) ? random.pick(sessions) : sessions.last!
        var sequence = sequences[session, default: 0] + 1
        sequences[session] = sequence
        var floor = sequence - min(sequence, random.below(12))
        if random.oneIn(60) { sequence = .max - random.below(3) }
        if random.oneIn(60) { sequence += min(4_090 + random.below(12), .max - sequence) }
        if random.oneIn(200) { floor = random.next() }
        if case .lend = command { loans.append((session, sequence)) }
        return SequencedCommand(
            session: SessionID(rawValue: session),
            sequence: sequence,
            floor: floor,
            command: command
        )
    }

    // MARK: - Commands

    private mutating func command(_ facts: LedgerFacts) -> Command {
        if facts.policies.isEmpty && !random.oneIn(4) { return setPolicies(facts) }
        if lends || prices, facts.ledgerVersion < Ledger.lendingVersion { return .raiseVersion(to: 2) }
        if prices {
            if random.oneIn(3) { return .spend(spend(facts)) }
            if random.oneIn(8) { return .record(report()) }
            if random.oneIn(8) { return .setPrices(priceChange(facts)) }
        } else if random.oneIn(60) {
            return random.oneIn(2) ? .record(report()) : .setPrices(priceChange(facts))
        }
        if lends {
            if random.oneIn(3) { return .lend(lend(facts)) }
            if !loans.isEmpty, random.oneIn(4) { return .returnUnits(returned()) }
            if random.oneIn(12) { return .report(admissions(facts)) }
        } else if random.oneIn(30) {
            return random.oneIn(2) ? .lend(lend(facts)) : .returnUnits(SliceReturn(slice: .test(1), units: 1))
        }
        if random.oneIn(lends || prices ? 12 : 40) { return .reset(reset(facts)) }
        if moves, random.oneIn(3) { return .rebind(rebind(facts)) }
        if meddles, random.oneIn(3) { return .override(override(facts)) }
        switch random.below(40) {
        case 0..<20: return .charge(charge(facts))
        case 20..<28: return .spend(spend(facts))
        case 28..<31: return .rebind(rebind(facts))
        case 31..<36: return .override(override(facts))
        case 36..<38: return setPolicies(facts)
        case 38: return .rotate(secret: (0..<(random.oneIn(5) ? 31 : 32)).map { _ in UInt8(random.below(256)) })
        default: return .raiseVersion(to: UInt32(random.below(5)))
        }
    }

    mutating func setPolicies(_ facts: LedgerFacts) -> Command {
        let policies = (0..<random.below(4)).map { _ in
            PolicyDefinition(
                name: random.pick(["api", "site", "näkyvä"]),
                maxKeys: random.oneIn(30) ? 0 : UInt32(1 + random.below(9)),
                limits: (0..<random.below(5)).map { _ in
                    LimitDefinition(
                        role: random.oneIn(3) ? .ceiling : .free,
                        key: random.pick(["client", "all", "header:x"]),
                        interval: interval(),
                        burst: burst()
                    )
                }
            )
        }
        return .setPolicies(
            expectedRevision: random.oneIn(8) ? random.below(4) : facts.revision,
            policies: policies
        )
    }

    private mutating func interval() -> UInt64 {
        if meddles { return 1 + random.below(40 * minute) }
        return switch random.below(20) {
        case 0: 1 << random.below(63)
        case 1..<6: 1 + random.below(10)
        case 6..<12: 1 + random.below(1_000)
        default: 1 + random.below(20 * second)
        }
    }

    private mutating func burst() -> UInt64 {
        random.oneIn(40) ? 1 << random.below(63) : 1 + random.below(random.oneIn(3) ? 3 : 30)
    }

    private mutating func policy(_ facts: LedgerFacts) -> PolicyFacts? {
        facts.policies.isEmpty || random.oneIn(40) ? nil : random.pick(facts.policies)
    }

    private mutating func charge(_ facts: LedgerFacts) -> Charge {
        let policy = policy(facts)
        let cost: UInt32 =
            random.oneIn(30) ? .max - UInt32(random.below(3)) : UInt32(random.below(random.oneIn(3) ? 12 : 3))
        var pass: PassCharge?
        if !spends.isEmpty, random.oneIn(3) {
            let spend = random.pick(spends)
            pass = PassCharge(
                challenge: random.oneIn(20) ? ChallengeID(high: 0, low: 0) : spend.challenge,
                recordExpiry: random.oneIn(20) ? LedgerTime(nanoseconds: random.next()) : spend.recordExpiry,
                binding: random.oneIn(4) ? random.below(4) : spend.binding
            )
        }
        let count = random.oneIn(50) ? 17 : random.below(random.oneIn(4) ? 6 : 3)
        return Charge(
            policy: policy?.id ?? PolicyID(rawValue: UInt32(random.below(6))),
            cost: cost,
            pass: pass,
            limits: (0..<count).map { _ in limitCharge(policy) }
        )
    }

    private mutating func limitCharge(_ policy: PolicyFacts?) -> LimitCharge {
        let limit = policy.flatMap { $0.limits.isEmpty || random.oneIn(60) ? nil : random.pick($0.limits) }
        return LimitCharge(
            limit: limit?.id ?? LimitID(rawValue: UInt32(random.below(20))),
            key: random.pick(keys),
            fallback: random.pick(fallbacks),
            reserve: random.oneIn(5) ? UInt32(random.below(20)) : random.oneIn(50) ? .max : 0
        )
    }

    private mutating func lend(_ facts: LedgerFacts) -> Lend {
        let policy = policy(facts)
        return Lend(
            policy: policy?.id ?? PolicyID(rawValue: UInt32(random.below(6))),
            limit: limitCharge(policy),
            least: random.oneIn(30) ? .max - UInt32(random.below(3)) : UInt32(random.below(4)),
            wanted: random.oneIn(20) ? .max : UInt32(random.below(random.oneIn(3) ? 40 : 4)),
            nodes: random.oneIn(20) ? UInt8(random.below(256)) : 3
        )
    }

    private mutating func admissions(_ facts: LedgerFacts) -> AdmissionReport {
        let policy = policy(facts)
        let count = random.oneIn(60) ? 257 : random.below(4)
        return AdmissionReport(
            policy: policy?.id ?? PolicyID(rawValue: UInt32(random.below(6))),
            counts: (0..<count).map { _ in
                AdmittedCount(
                    limit: limitCharge(policy),
                    units: random.oneIn(20) ? .max - random.below(3) : random.below(40),
                    ahead: random.oneIn(20) ? .max - random.below(3) : random.below(10 * second),
                    isShared: random.oneIn(4)
                )
            }
        )
    }

    private mutating func returned() -> SliceReturn {
        let loan = random.oneIn(12) ? random.pick(loans) : random.pick(loans.suffix(6))
        return SliceReturn(
            slice: SliceID(
                session: SessionID(rawValue: random.oneIn(30) ? random.pick(sessions) : loan.session),
                sequence: random.oneIn(30) ? random.next() : loan.sequence
            ),
            units: random.oneIn(20) ? random.next() : random.below(random.oneIn(2) ? 9 : 40)
        )
    }

    private mutating func spend(_ facts: LedgerFacts) -> Spend {
        if !spends.isEmpty, random.oneIn(3) {
            var spend = random.pick(spends)
            if random.oneIn(5) { spend.idempotencyKey = .test(random.below(3)) }
            if random.oneIn(5) { spend.binding = random.below(4) }
            return spend
        }
        let issued = random.oneIn(10) ? time + random.below(8 * second) : time - min(time, random.below(20 * second))
        let spend = Spend(
            challenge: ChallengeID(high: random.next(), low: random.next()),
            policy: policy(facts)?.id ?? PolicyID(rawValue: UInt32(random.below(6))),
            issued: LedgerTime(nanoseconds: issued),
            challengeLifetime: lifetime(),
            passLifetime: lifetime(),
            grants: random.oneIn(20) ? .max * UInt32(random.below(2)) : UInt32(1 + random.below(8)),
            binding: random.below(4),
            idempotencyKey: random.oneIn(2) ? .test(random.below(3)) : nil,
            pricing: random.oneIn(prices ? 6 : 20) == prices ? nil : pricing()
        )
        spends.append(spend)
        return spend
    }

    private mutating func pricing() -> SpendPricing {
        let levels = random.oneIn(30) ? 4 : random.below(4)
        return SpendPricing(
            issuePrice: random.oneIn(8) ? UInt32(truncatingIfNeeded: random.next()) : Price.one,
            keys: PrefixKeys(
                address: .test(2_000 + random.below(3)),
                neighbourhoods: (0..<levels).map { .test(3_000 + $0) }
            )
        )
    }

    private mutating func report() -> IssueReport {
        let count = random.oneIn(30) ? 257 : random.below(5)
        return IssueReport(
            counts: (0..<count).map { _ in
                IssuedCount(
                    key: .test(2_000 + random.below(3)),
                    level: random.pick(PrefixLevel.allCases),
                    count: random.oneIn(10) ? .max : UInt32(random.below(random.oneIn(3) ? 20_000 : 40))
                )
            }
        )
    }

    private mutating func priceChange(_ facts: LedgerFacts) -> PriceChange {
        var factors: [PolicyPrice] = []
        for policy in facts.policies where !random.oneIn(4) {
            let factor = random.oneIn(3) ? UInt32(truncatingIfNeeded: random.next()) : UInt32(1 + random.below(9)) << 16
            factors.append(PolicyPrice(policy: policy.id, factor: max(factor, random.oneIn(9) ? 0 : Price.one)))
        }
        if random.oneIn(12), let first = factors.first { factors.append(first) }
        if random.oneIn(10) { factors.append(PolicyPrice(policy: PolicyID(rawValue: 99), factor: Price.one)) }
        if random.oneIn(40) {
            factors = Array(repeating: PolicyPrice(policy: PolicyID(rawValue: 1), factor: .max), count: 257)
        }
        return PriceChange(
            expectedVersion: random.oneIn(6) ? random.below(4) : facts.priceVersion,
            factors: factors.shuffled(using: &random)
        )
    }

    private mutating func lifetime() -> UInt32 {
        if moves { return 3_000 }
        return switch random.below(30) {
        case 0: .max
        case 1: 2_592_000
        case 2: 0
        case 3..<12: UInt32(random.below(60))
        default: UInt32(random.below(900))
        }
    }

    private mutating func rebind(_ facts: LedgerFacts) -> Rebind {
        guard !spends.isEmpty else {
            return Rebind(
                challenge: ChallengeID(high: 1, low: 1),
                policy: PolicyID(rawValue: 1),
                recordExpiry: .zero,
                binding: 1
            )
        }
        let spend = random.pick(spends.suffix(4))
        return Rebind(
            challenge: spend.challenge,
            policy: random.oneIn(20) ? PolicyID(rawValue: 1) : spend.policy,
            recordExpiry: spend.recordExpiry,
            binding: random.below(5)
        )
    }

    private mutating func override(_ facts: LedgerFacts) -> OverrideChange {
        var value: OverrideValue?
        switch random.below(8) {
        case 0..<3: value = .free(interval: interval(), burst: burst())
        case 3: value = .deny(until: nil)
        case 4..<6:
            let until = LedgerTime(nanoseconds: time).adding(nanoseconds: random.below(minute))
            value = .deny(until: random.oneIn(8) ? .zero : until)
        default: break
        }
        let isLabelled = facts.ledgerVersion >= Ledger.lendingVersion ? random.oneIn(2) : random.oneIn(20)
        return OverrideChange(
            policy: policy(facts)?.id ?? PolicyID(rawValue: UInt32(random.below(6))),
            key: random.pick(keys),
            value: value,
            expectedVersion: random.oneIn(3) ? random.below(12) : nil,
            label: isLabelled ? OverrideLabel(random.pick(["192.0.2.7", "header:ä", "all"])) : nil
        )
    }

    private mutating func reset(_ facts: LedgerFacts) -> QuotaReset {
        QuotaReset(
            policy: policy(facts)?.id ?? PolicyID(rawValue: UInt32(random.below(6))),
            key: random.pick(keys)
        )
    }
}
