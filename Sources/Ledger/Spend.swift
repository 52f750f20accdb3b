/// A solved challenge, handed in: recorded once, and opened as a pass.
public struct Spend: Hashable, Sendable {
    /// Which challenge.
    public var challenge: ChallengeID
    /// The policy that issued it.
    public var policy: PolicyID
    /// When the challenge was issued.
    public var issued: LedgerTime
    /// Seconds from issue to the challenge's end, at most ``LedgerBounds/lifetimeSeconds``.
    public var challengeLifetime: UInt32
    /// Seconds from spending to the pass's end, at most ``LedgerBounds/lifetimeSeconds``.
    public var passLifetime: UInt32
    /// Units that the pass is good for at most, at least 1; see ``pricing``.
    public var grants: UInt32
    /// The client's binding; 0: the pass is good for any client.
    public var binding: UInt64
    /// A keyed hash of the client's idempotency key; nil: none was sent, and the answer cannot be had twice.
    public var idempotencyKey: QuotaKey?
    /// What the grant is settled by; nil: all of ``grants`` is granted, and nobody's price is raised.
    public var pricing: SpendPricing?

    /// A value of these fields.
    public init(
        challenge: ChallengeID,
        policy: PolicyID,
        issued: LedgerTime,
        challengeLifetime: UInt32,
        passLifetime: UInt32,
        grants: UInt32,
        binding: UInt64,
        idempotencyKey: QuotaKey?,
        pricing: SpendPricing? = nil
    ) {
        self.challenge = challenge
        self.policy = policy
        self.issued = issued
        self.challengeLifetime = challengeLifetime
        self.passLifetime = passLifetime
        self.grants = grants
        self.binding = binding
        self.idempotencyKey = idempotencyKey
        self.pricing = pricing
    }

    /// The last moment at which the challenge may be spent.
    public var challengeExpiry: LedgerTime { issued.adding(seconds: challengeLifetime) }

    /// The moment after which nothing of this challenge can be valid: issue and both lifetimes. Tokens of the pass carry
    /// it, for it says where the record is found.
    public var recordExpiry: LedgerTime { challengeExpiry.adding(seconds: passLifetime) }
}

/// What a spend is settled by: work that was done at one price and is handed in at another.
///
/// The grant is ``Spend/grants`` × issue price ÷ the price now, at most what was issued, at least 1. The price now is that
/// of the client before this redemption, which raises it.
public struct SpendPricing: Hashable, Sendable {
    /// The price in the challenge, in 16.16 fixed point; less than ``Price/one`` counts as that.
    public var issuePrice: UInt32
    /// Where the client comes from that hands the solution in.
    public var keys: PrefixKeys

    /// A value of these fields.
    public init(issuePrice: UInt32, keys: PrefixKeys) {
        self.issuePrice = issuePrice
        self.keys = keys
    }
}

/// An open pass.
public struct PassState: Hashable, Sendable {
    /// Units left.
    public var remaining: UInt32
    /// The pass is good before this moment.
    public var expires: LedgerTime
    /// The key epoch at the spend: the pass's token is sealed under it.
    public var epoch: UInt32
    /// The client it is bound to now; 0: any.
    public var binding: UInt64
    /// See ``Spend/recordExpiry``.
    public var recordExpiry: LedgerTime
    /// Units that it was opened with, where a price settled them; nil: all that the challenge promised.
    public var granted: UInt32?

    /// A value of these fields.
    public init(
        remaining: UInt32,
        expires: LedgerTime,
        epoch: UInt32,
        binding: UInt64,
        recordExpiry: LedgerTime,
        granted: UInt32? = nil
    ) {
        self.remaining = remaining
        self.expires = expires
        self.epoch = epoch
        self.binding = binding
        self.recordExpiry = recordExpiry
        self.granted = granted
    }
}

/// What became of a spend.
public enum SpendOutcome: Hashable, Sendable {
    /// Spent, now and for the first time. What remains is what was granted.
    case opened(PassState)
    /// Spent before, with the same idempotency key and for the client to whom the pass is bound: the pass as it is now.
    case repeated(PassState)
    /// Spent before, and nothing shows that it was by the same request.
    case alreadySpent
    /// The challenge's life is over.
    case expired
    /// Issued more than ``LedgerBounds/futureNanoseconds`` ahead of replicated time.
    case fromFuture
    /// As many records are held as there may be. Nothing was spent; the challenge can be handed in again.
    case full
    /// Unknown policy, no grants, a lifetime above the bound, or more neighbourhoods than there are.
    case invalid
}

/// A client that moved takes its pass along.
public struct Rebind: Hashable, Sendable {
    /// Which challenge.
    public var challenge: ChallengeID
    /// The policy that issued it.
    public var policy: PolicyID
    /// From the pass; see ``Spend/recordExpiry``.
    public var recordExpiry: LedgerTime
    /// The new binding. 0 is no client's and changes nothing.
    public var binding: UInt64

    /// A value of these fields.
    public init(challenge: ChallengeID, policy: PolicyID, recordExpiry: LedgerTime, binding: UInt64) {
        self.challenge = challenge
        self.policy = policy
        self.recordExpiry = recordExpiry
        self.binding = binding
    }
}

/// What became of a rebind.
public enum RebindOutcome: Hashable, Sendable {
    /// Bound to the new client; so many rebinds are left.
    case rebound(left: UInt8)
    /// It is bound to that client already, or to none.
    case unchanged
    /// Rebound less than a minute ago.
    case tooSoon(retryAfterNanoseconds: UInt64)
    /// Rebound three times.
    case exhausted
    /// No open pass of that challenge under that policy.
    case unknown
}
