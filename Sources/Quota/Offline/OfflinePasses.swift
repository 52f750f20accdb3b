import Ledger

/// The challenges that were spent at this node alone while no majority decided, and what is left of their passes.
///
/// A challenge that one run of one node has issued for itself is redeemed by that run only, against these: so it is spent once
/// without anybody else being asked. They end with the process, and so does what is left of the passes.
///
/// A value without a clock. All times are replicated time, as the node estimates it. Bounded: ``recordsMax``, of which each policy may
/// have half of what the others have left, so that a cheap one never has all of it.
public struct OfflinePasses: Sendable {
    /// Spent challenges held at most: about 8 MB.
    public static let recordsMax = 65_536
    /// Width of a group of records that are forgotten together, in nanoseconds.
    private static let groupNanoseconds: UInt64 = 60_000_000_000

    private struct Record {
        var pass: PassState
        var policy: PolicyID
        var idempotencyKey: QuotaKey?
    }

    private var records: [ChallengeID: Record] = [:]
    /// By the end of their group.
    private var groups: [UInt64: [ChallengeID]] = [:]
    private var nextEnd = UInt64.max
    private let countMax: Int
    private var countByPolicy: [PolicyID: Int] = [:]

    /// Nothing was spent.
    public init(recordsMax: Int = Self.recordsMax) { countMax = recordsMax }

    /// Challenges that are remembered.
    public var count: Int { records.count }

    /// What a spend comes to where its challenge was spent before; nil where it was not.
    public func outcomeIfSpent(_ spend: Spend) -> SpendOutcome? {
        guard let record = records[spend.challenge] else { return nil }
        guard let key = spend.idempotencyKey, key == record.idempotencyKey, spend.binding == record.pass.binding,
            spend.policy == record.policy
        else { return .alreadySpent }
        return .repeated(record.pass)
    }

    /// Spends a challenge and opens its pass, as the ledger would.
    /// - Parameter epoch: of the keys that the pass is sealed under.
    public mutating func spend(_ spend: Spend, epoch: UInt32, now: LedgerTime) -> SpendOutcome {
        forget(now)
        guard spend.grants > 0, spend.challengeLifetime <= LedgerBounds.lifetimeSeconds,
            spend.passLifetime <= LedgerBounds.lifetimeSeconds
        else { return .invalid }
        if now > spend.challengeExpiry { return .expired }
        if let known = outcomeIfSpent(spend) { return known }
        let own = countByPolicy[spend.policy] ?? 0
        guard 2 * own < countMax - (records.count - own) else { return .full }
        let pass = PassState(
            remaining: spend.grants,
            expires: now.adding(seconds: spend.passLifetime),
            epoch: epoch,
            binding: spend.binding,
            recordExpiry: spend.recordExpiry
        )
        records[spend.challenge] = Record(pass: pass, policy: spend.policy, idempotencyKey: spend.idempotencyKey)
        countByPolicy[spend.policy] = own + 1
        let end = (spend.recordExpiry.nanoseconds / Self.groupNanoseconds).plus(1).times(Self.groupNanoseconds)
        groups[end, default: []].append(spend.challenge)
        nextEnd = min(nextEnd, end)
        return .opened(pass)
    }

    /// Takes grants of a pass.
    /// - Returns: what is left of it.
    public mutating func charge(
        _ pass: PassCharge,
        of policy: PolicyID,
        cost: UInt32,
        now: LedgerTime
    ) -> Result<UInt32, OfflinePassFailure> {
        guard let record = records[pass.challenge] else { return .failure(OfflinePassFailure(.unknown)) }
        if record.policy != policy { return .failure(OfflinePassFailure(.policyMismatch)) }
        if now >= record.pass.expires { return .failure(OfflinePassFailure(.expired)) }
        if record.pass.binding != 0, record.pass.binding != pass.binding {
            return .failure(OfflinePassFailure(.otherClient))
        }
        if record.pass.remaining < cost { return .failure(OfflinePassFailure(.exhausted)) }
        records[pass.challenge]?.pass.remaining -= cost
        return .success(record.pass.remaining - cost)
    }

    /// Gives grants back that ``charge(_:of:cost:now:)`` has taken: nobody has had them.
    public mutating func giveBack(_ cost: UInt32, to challenge: ChallengeID) {
        guard let remaining = records[challenge]?.pass.remaining else { return }
        let (sum, overflow) = remaining.addingReportingOverflow(cost)
        records[challenge]?.pass.remaining = overflow ? .max : sum
    }

    /// Forgets those of which nothing can be valid any more.
    private mutating func forget(_ now: LedgerTime) {
        guard now.nanoseconds > nextEnd else { return }
        for end in groups.keys where end < now.nanoseconds {
            for challenge in groups.removeValue(forKey: end) ?? [] {
                guard let policy = records.removeValue(forKey: challenge)?.policy else { continue }
                let left = (countByPolicy[policy] ?? 0) - 1
                countByPolicy[policy] = left > 0 ? left : nil
            }
        }
        nextEnd = groups.keys.min() ?? .max
    }
}

/// Why a pass of this node's own does not pay.
public struct OfflinePassFailure: Error, Hashable, Sendable {
    /// As the ledger would say.
    public let reason: PassRefusal

    init(_ reason: PassRefusal) { self.reason = reason }
}
