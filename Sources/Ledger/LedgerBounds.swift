/// Every bound of the ledger, in one place. They are part of the replicated behaviour: two replicas with different
/// numbers here would decide differently, so a change of one needs a new ledger version.
public enum LedgerBounds {
    /// Commands in one batch.
    public static let batchCommands = 65_536
    /// Bytes of one encoded batch: 16 MiB.
    public static let batchBytes = 16 << 20
    /// Limits in one charge, and in one policy.
    public static let limits = 16
    /// Policies in one revision.
    public static let policies = 256
    /// Bytes of a policy's name.
    public static let policyNameBytes = 128
    /// Bytes of a limit's key expression.
    public static let keyExpressionBytes = 256
    /// Keys with a bucket of their own, in one limit.
    public static let keysPerLimit: UInt32 = 1 << 22
    /// Longest time in which a bucket fills, burst × interval, in nanoseconds: 2⁶².
    public static let fillNanoseconds: UInt64 = 1 << 62
    /// Bytes of a secret.
    public static let secretBytes = 32
    /// Key epochs that are kept. A token of an older one is refused as expired.
    public static let epochs = 8
    /// Overrides, of all policies together.
    public static let overrides = 65_536
    /// Sessions; beyond them the one whose last command is oldest is closed.
    public static let sessions = 256
    /// Results a session holds above its floor.
    public static let resultsPerSession = 4_096
    /// Life of a challenge, and life of a pass, in seconds: 30 days.
    public static let lifetimeSeconds: UInt32 = 30 * 86_400
    /// How far ahead of replicated time a challenge may have been issued, in nanoseconds: 5 s.
    public static let futureNanoseconds: UInt64 = 5_000_000_000
    /// Rebinds of one pass.
    public static let rebinds: UInt8 = 3
    /// Time between two rebinds of one pass, in nanoseconds: a minute.
    public static let rebindNanoseconds: UInt64 = 60_000_000_000
    /// Width of a bucket of spent records, in nanoseconds: a minute.
    public static let recordBucketNanoseconds: UInt64 = 60_000_000_000
    /// Spent records held, unless the genesis says otherwise: about 130 MB.
    public static let records: UInt32 = 1_000_000
    /// The most spent records that a genesis may ask for.
    public static let recordsMaximum: UInt32 = 1 << 24
    /// Life of a slice that is lent, in nanoseconds: D of the design, 2 s. What is returned later is lost.
    public static let sliceNanoseconds: UInt64 = 2_000_000_000
    /// Units of a slice at least, where the bucket has as many.
    public static let sliceUnitsMinimum: UInt64 = 8
    /// A slice is at most this part of the burst, for each node, unless that is less than the minimum.
    public static let sliceBurstShare: UInt64 = 128
    /// Slices held; beyond them nothing is lent. About 30 MB.
    public static let slicesHeld = 1 << 18
    /// Neighbourhoods of an address, from the nearest to the widest.
    public static let neighbourhoods = 3
    /// Time in which the count of what was redeemed under a prefix halves, in nanoseconds: 2,500 s, so that a steady pace of
    /// n an hour keeps it at n.
    public static let heatHalfLifeNanoseconds: UInt64 = 2_500_000_000_000
    /// Addresses that are warm, and addresses to which challenges were issued, at most: about 10 MB each.
    public static let prefixAddresses = 1 << 18
    /// Neighbourhoods of each level that are warm, and to which challenges were issued, at most: about 5 MB each.
    public static let prefixNeighbourhoods = 1 << 17
    /// Counts in one report of issued challenges.
    public static let issueCounts = 256
    /// Counts in one report of what was let through without a majority.
    public static let reportCounts = 256
    /// What a prefix's bucket of challenges holds, as the time in which they come back, in nanoseconds: 10 minutes. As many
    /// again can be owed.
    public static let issueFillNanoseconds: UInt64 = 600_000_000_000
    /// Time in which one challenge more may be issued to a prefix, in nanoseconds: 10 a second to an address, with bursts
    /// of 6,000, and ten times as many to each wider level. Generous: a page that is refused asks for one with each image,
    /// and issuing costs a microsecond.
    public static func issueNanoseconds(_ level: PrefixLevel) -> UInt64 {
        switch level {
        case .address: 100_000_000
        case .near: 10_000_000
        case .wide: 1_000_000
        case .widest: 100_000
        }
    }
    /// Width of a group of slices that are forgotten together, in nanoseconds.
    static let sliceGroupNanoseconds: UInt64 = 500_000_000
    /// Slices whose time is over that one batch drops, or little more: eight times as many commands as a node puts in a batch.
    static let slicesDroppedPerBatch = 8_192
    /// Recalls kept between two looks at them.
    static let recalls = 1_024
    /// Slices in which a table of keys is swept, and groups in which it is stored.
    static let slices = 4_096
    /// Ledger time for one slice of the sweep, as a shift: 2²⁴ ns, so that a round takes 68.7 s.
    static let sweepShift: UInt64 = 24
    /// Slices that one batch sweeps at most, so that a pause's arrears are worked off in pieces.
    static let sweepSlicesPerBatch: UInt64 = 64
    /// Counters that only the ledger raises (revision, generation, versions) stay below this; a snapshot that says
    /// otherwise is refused, so that raising one can never overflow.
    static let counterMaximum: UInt64 = 1 << 62
}
