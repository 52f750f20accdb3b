import Ledger

/// The times and bounds of a node's dealings with slices. Times are nanoseconds.
public struct SliceSettings: Hashable, Sendable {
    /// How long a slice is spent, from the first sending of the request for it: 0.99 of the life that the ledger gives it.
    ///
    /// The ledger's time of the loan is not before that sending, so that a slice ends here before it ends there whatever
    /// the clocks show; the hundredth is for clocks that do not run equally fast.
    public var life: UInt64 = LedgerBounds.sliceNanoseconds / 100 * 99
    /// What is left is returned so long before the end, so that it arrives in time.
    public var returning: UInt64 = 150 * millisecond
    /// So long before the end it is returned even though reservations of it are not decided.
    public var returningAtLast: UInt64 = 80 * millisecond
    /// The next slice is asked for so long before the end of one in use.
    public var renewing: UInt64 = 250 * millisecond
    /// What nobody has taken from for so long is returned: a fourth of a second, since a key that is seen less often than
    /// that needs no slice.
    public var idle: UInt64 = 250 * millisecond
    /// The same when somebody else has been refused for want of it.
    public var idleWhenRecalled: UInt64 = 40 * millisecond
    /// Between two looks at what a bucket's slices are used for.
    public var review: UInt64 = 50 * millisecond
    /// The least time before a refused loan is asked for again; twice the round trip if that is longer.
    public var retry: UInt64 = 5 * millisecond
    /// How often one is asked for again.
    public var retries = 3
    /// Buckets that may wait for that at a time; more are refused at once.
    public var retryingMax = 1_024
    /// How long a refusal is taken for true.
    public var refusal: UInt64 = 250 * millisecond
    /// Refusals remembered.
    public var refusalsMax = 65_536
    /// Buckets with slices, or asked for. Others are charged directly.
    public var bucketsMax = 65_536
    /// Slices of one bucket.
    public var slicesPerBucketMax = 4
    /// Buckets that are found by one key or one fallback when it is recalled.
    public var recallMax = 64

    /// The settings of a node.
    public init() {}

    private static var millisecond: UInt64 { 1_000_000 }
}
