import TestSupport
import Testing
import Wire

@testable import Ledger

let second: UInt64 = 1_000_000_000
let minute: UInt64 = 60 * second

/// A ledger with a session, for tests that give it one command after another.
struct Fixture {
    var ledger: Ledger
    var session: SessionID
    var sequence: UInt64 = 0
    var index: UInt64 = 1

    static func genesis(maxRecords: UInt32 = LedgerBounds.records) -> Genesis {
        Genesis(
            clusterID: ClusterID(high: 1, low: 2),
            secret: Array(repeating: 7, count: 32),
            maxRecords: maxRecords
        )
    }

    init(maxRecords: UInt32 = LedgerBounds.records) {
        ledger = Ledger(genesis: Self.genesis(maxRecords: maxRecords))
        session = SessionID(rawValue: 1)
        let owner = ReplicaID(high: 9, low: 9)
        let open = SequencedCommand(session: session, sequence: 0, floor: 0, command: .openSession(owner: owner))
        _ = ledger.apply(Batch(time: .zero, commands: [open]), index: 1)
    }

    /// A ledger with one policy.
    init(_ limits: [LimitDefinition], maxKeys: UInt32 = 1_000, maxRecords: UInt32 = LedgerBounds.records) {
        self.init(maxRecords: maxRecords)
        set(limits, maxKeys: maxKeys)
    }

    /// Applies one command in a batch of its own.
    @discardableResult
    mutating func apply(_ command: Command, at time: UInt64 = 0) -> CommandResult {
        index += 1
        sequence += 1
        let sequenced = SequencedCommand(session: session, sequence: sequence, floor: sequence, command: command)
        return ledger.apply(Batch(time: LedgerTime(nanoseconds: time), commands: [sequenced]), index: index)[0]
    }

    /// Lets time pass, and the sweep come as far as it ever will.
    mutating func pass(to time: UInt64) {
        for _ in 0...(LedgerBounds.slices / 64 + 1) {
            index += 1
            _ = ledger.apply(Batch(time: LedgerTime(nanoseconds: time), commands: []), index: index)
        }
    }

    mutating func set(_ limits: [LimitDefinition], maxKeys: UInt32 = 1_000, at time: UInt64 = 0) {
        let policies = [PolicyDefinition(name: "api", maxKeys: maxKeys, limits: limits)]
        let revision = ledger.facts.revision
        let result = apply(.setPolicies(expectedRevision: revision, policies: policies), at: time)
        #expect(result == .policiesSet(revision: revision + 1))
    }

    var policy: PolicyID { ledger.facts.policies[0].id }

    func limit(_ place: Int = 0) -> LimitID { ledger.facts.policies[0].limits[place].id }

    func limitCharge(_ key: UInt64, limit place: Int = 0, fallback: UInt64 = 0, reserve: UInt32 = 0) -> LimitCharge {
        LimitCharge(limit: limit(place), key: .test(key), fallback: .test(1_000_000 + fallback), reserve: reserve)
    }

    @discardableResult
    mutating func charge(
        _ limits: [LimitCharge],
        cost: UInt32 = 1,
        pass: PassCharge? = nil,
        at time: UInt64 = 0
    ) -> ChargeOutcome {
        let result = apply(.charge(Charge(policy: policy, cost: cost, pass: pass, limits: limits)), at: time)
        guard case .charged(let outcome) = result else {
            Issue.record("a charge was answered with \(result)")
            return .invalid(.unknownPolicy)
        }
        return outcome
    }

    /// Charges units one by one until it is refused; answers how many were had.
    @discardableResult
    mutating func drain(_ key: UInt64, fallback: UInt64 = 0, limit: Int = 0, at time: UInt64 = 0) -> Int {
        for had in 0..<10_000 {
            guard case .admitted = charge([limitCharge(key, limit: limit, fallback: fallback)], at: time) else {
                return had
            }
        }
        return 10_000
    }

    func spend(
        _ challenge: UInt64,
        issued: UInt64 = 0,
        challengeLifetime: UInt32 = 300,
        passLifetime: UInt32 = 600,
        grants: UInt32 = 10,
        binding: UInt64 = 5,
        key: UInt64? = nil
    ) -> Spend {
        Spend(
            challenge: ChallengeID(high: challenge, low: challenge),
            policy: policy,
            issued: LedgerTime(nanoseconds: issued),
            challengeLifetime: challengeLifetime,
            passLifetime: passLifetime,
            grants: grants,
            binding: binding,
            idempotencyKey: key.map(QuotaKey.test)
        )
    }

    @discardableResult
    mutating func apply(_ spend: Spend, at time: UInt64) -> SpendOutcome {
        guard case .spent(let outcome) = apply(.spend(spend), at: time) else { return .invalid }
        return outcome
    }
}

extension QuotaKey {
    /// A key for a number, spread as real keys are.
    static func test(_ number: UInt64) -> QuotaKey {
        var random = Seeded(number)
        return QuotaKey(high: random.next(), low: random.next())
    }
}

extension ChargeOutcome {
    var isAdmitted: Bool { if case .admitted = self { true } else { false } }
    var isRefused: Bool { if case .refused = self { true } else { false } }
}

extension LimitDefinition {
    static func free(_ interval: UInt64, _ burst: UInt64, key: String = "client") -> LimitDefinition {
        LimitDefinition(role: .free, key: key, interval: interval, burst: burst)
    }

    static func ceiling(_ interval: UInt64, _ burst: UInt64, key: String = "client") -> LimitDefinition {
        LimitDefinition(role: .ceiling, key: key, interval: interval, burst: burst)
    }
}
