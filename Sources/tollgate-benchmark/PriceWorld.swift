import Ledger
import Wire

/// A ledger with one policy, in time that the caller moves, whose clients solve, redeem and use: what prices are made of.
struct PriceWorld {
    private var ledger: Ledger
    private var prices = ClusterPrices()
    private let session = SessionID(rawValue: 1)
    private var sequence: UInt64 = 0
    private var index: UInt64 = 1
    private var challenges: UInt64 = 0
    let policy: PolicyID
    private let ceiling: LimitID?
    /// Seconds.
    private(set) var now: Double = 1

    /// A pass that is used.
    struct Pass {
        var charge: PassCharge
        var left: UInt32
    }

    /// - Parameter ceiling: units a second that all together may have at most; nil: there is no limit `key: all`.
    init(ceiling rate: Double?) {
        let genesis = Genesis(
            clusterID: ClusterID(high: 1, low: 1),
            secret: Array(repeating: 1, count: LedgerBounds.secretBytes),
            ledgerVersion: Ledger.lendingVersion,
            maxRecords: LedgerBounds.recordsMaximum
        )
        var ledger = Ledger(genesis: genesis)
        let limits = rate.map { rate in
            let interval = UInt64(1e9 / rate)
            return [LimitDefinition(role: .ceiling, key: "all", interval: interval, burst: max(1, UInt64(rate)))]
        }
        let define = Command.setPolicies(
            expectedRevision: 0,
            policies: [PolicyDefinition(name: "api", maxKeys: 1, limits: limits ?? [])]
        )
        let commands = [
            SequencedCommand(
                session: session,
                sequence: 0,
                floor: 0,
                command: .openSession(owner: ReplicaID(high: 1, low: 1))
            ),
            SequencedCommand(session: session, sequence: 1, floor: 1, command: define),
        ]
        _ = ledger.apply(Batch(time: .zero, commands: commands), index: 1)
        sequence = 1
        policy = ledger.facts.policies[0].id
        ceiling = ledger.facts.policies[0].limits.first?.id
        self.ledger = ledger
    }

    private var time: LedgerTime { LedgerTime(nanoseconds: UInt64(now * 1e9)) }

    /// Time passes, and the leader looks.
    mutating func advance(to seconds: Double) {
        now = max(now, seconds)
        guard prices.isDue(time), let change = prices.look(ledger.facts, ledger.loads, now: time) else { return }
        _ = apply(.setPrices(change))
    }

    /// What a client is asked, as a number, and the cluster's part of that.
    func price(_ keys: PrefixKeys) -> (total: Double, cluster: Double, raw: UInt32) {
        let price = ledger.price(of: keys, policy: policy, at: time)
        return (Double(price.total) / 65_536, Double(price.cluster) / 65_536, price.total)
    }

    /// Hands in a solution.
    mutating func redeem(_ keys: PrefixKeys, issuePrice: UInt32, grants: UInt32) -> Pass? {
        challenges += 1
        let spend = Spend(
            challenge: ChallengeID(high: 1, low: challenges),
            policy: policy,
            issued: time,
            challengeLifetime: 300,
            passLifetime: 600,
            grants: grants,
            binding: 0,
            idempotencyKey: nil,
            pricing: SpendPricing(issuePrice: issuePrice, keys: keys)
        )
        guard case .spent(.opened(let opened)) = apply(.spend(spend)) else { return nil }
        let charge = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: 0)
        return Pass(charge: charge, left: opened.remaining)
    }

    /// Uses some of a pass.
    /// - Returns: whether it was admitted; nil where the pass is of no use any more.
    mutating func use(_ pass: inout Pass, units: UInt32) -> Bool? {
        let units = min(units, pass.left)
        let key = QuotaKey(high: 1, low: 1)
        let limits = ceiling.map { [LimitCharge(limit: $0, key: key, fallback: key, reserve: 0)] } ?? []
        let charge = Charge(policy: policy, cost: units, pass: pass.charge, limits: limits)
        switch apply(.charge(charge)) {
        case .charged(.admitted):
            pass.left -= units
            return true
        case .charged(.refused): return false
        default: return nil
        }
    }

    private mutating func apply(_ command: Command) -> CommandResult? {
        index += 1
        sequence += 1
        let sequenced = SequencedCommand(session: session, sequence: sequence, floor: sequence, command: command)
        return ledger.apply(Batch(time: time, commands: [sequenced]), index: index).first
    }
}
