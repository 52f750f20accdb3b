/// One limit of a charge.
public struct LimitCharge: Hashable, Sendable {
    /// One of the policy's limits.
    public var limit: LimitID
    /// Who pays.
    public var key: QuotaKey
    /// Whose bucket a new key shares when the limit's table is full: a wider prefix of a client, one key for others.
    public var fallback: QuotaKey
    /// Units that must be left after the charge.
    public var reserve: UInt32

    /// A value of these fields.
    public init(limit: LimitID, key: QuotaKey, fallback: QuotaKey, reserve: UInt32) {
        self.limit = limit
        self.key = key
        self.fallback = fallback
        self.reserve = reserve
    }
}

/// The pass of a charge: its grant pays the charge's cost.
public struct PassCharge: Hashable, Sendable {
    /// The challenge that bought the pass.
    public var challenge: ChallengeID
    /// From the pass; says in which bucket of records the challenge is found.
    public var recordExpiry: LedgerTime
    /// The client's binding now; 0 is no client's, and fits unbound passes only.
    public var binding: UInt64

    /// A value of these fields.
    public init(challenge: ChallengeID, recordExpiry: LedgerTime, binding: UInt64) {
        self.challenge = challenge
        self.recordExpiry = recordExpiry
        self.binding = binding
    }
}

/// What one request costs: all of these limits and the pass, or nothing.
public struct Charge: Hashable, Sendable {
    /// Whose limits are charged, and under which the pass must have been bought.
    public var policy: PolicyID
    /// Units. 0 takes nothing and answers the state.
    public var cost: UInt32
    /// What pays in grants; nil: nothing does, only the limits count.
    public var pass: PassCharge?
    /// At most 16, all of the policy. The same limit and key may occur more than once; each occurrence counts.
    public var limits: [LimitCharge]

    /// A value of these fields.
    public init(policy: PolicyID, cost: UInt32, pass: PassCharge?, limits: [LimitCharge]) {
        self.policy = policy
        self.cost = cost
        self.pass = pass
        self.limits = limits
    }
}

/// A bucket, as a client may know it.
public struct LimitState: Hashable, Sendable {
    /// Whole units left.
    public var remaining: UInt64
    /// Nanoseconds until the bucket is full.
    public var resetNanoseconds: UInt64
    /// Units of a full bucket.
    public var burst: UInt64

    /// A value of these fields.
    public init(remaining: UInt64, resetNanoseconds: UInt64, burst: UInt64) {
        self.remaining = remaining
        self.resetNanoseconds = resetNanoseconds
        self.burst = burst
    }

    /// Of a bucket of which nothing was asked, since another one refuses.
    public static let unknown = LimitState(remaining: 0, resetNanoseconds: 0, burst: 0)
    /// Whether it tells of the bucket: none has a burst of 0.
    public var isKnown: Bool { burst > 0 }
}

/// Why a pass did not pay.
public enum PassRefusal: UInt8, Hashable, Sendable {
    /// No such challenge was spent here.
    case unknown = 0
    /// The pass, or all that was spent in its time, has expired.
    case expired = 1
    /// Fewer grants are left than the charge costs.
    case exhausted = 2
    /// It is bound to another client.
    case otherClient = 3
    /// It was bought under another policy.
    case policyMismatch = 4
}

/// Why a charge means nothing to the ledger as it is now. The gateway reads the facts again and tries once more.
public enum InvalidCharge: UInt8, Hashable, Sendable {
    /// The policy does not exist, or exists no more.
    case unknownPolicy = 0
    /// A limit that the policy does not have, or has no more.
    case unknownLimit = 1
    /// More than ``LedgerBounds/limits``.
    case tooManyLimits = 2
}

/// What became of a charge. Where several would apply the first in this order is told: invalid, denied, pass refused,
/// refused.
public enum ChargeOutcome: Hashable, Sendable {
    /// Everything was charged. `limits` is the state after the charge, in the charge's order.
    case admitted(limits: [LimitState], passRemaining: UInt32?)
    /// Nothing was charged. `limit` is the index in the charge of the limit that clears last;
    /// `retryAfterNanoseconds` is how long that takes if nobody else charges it, `UInt64.max` where it never does since
    /// cost and reserve are more than the burst. `limits` is the state now.
    case refused(limit: Int, retryAfterNanoseconds: UInt64, limits: [LimitState])
    /// An override bans a key of the charge; nil: for good.
    case denied(retryAfterNanoseconds: UInt64?)
    /// The pass does not pay.
    case passRefused(PassRefusal)
    /// The ledger does not know what is to be charged.
    case invalid(InvalidCharge)
}
