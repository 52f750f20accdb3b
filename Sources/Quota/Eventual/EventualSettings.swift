/// The times and bounds of the eventual level. Times are nanoseconds; all nodes of a cluster have the same.
public struct EventualSettings: Hashable, Sendable {
    /// Between two rounds of messages: 100 ms.
    public var round: UInt64 = 100 * millisecond
    /// Of what a peer tells, so much of its past counts beside what was used here meanwhile: 1 s.
    ///
    /// A peer that was heard of in this time is connected, and all that it admits is charged. One that was not is cut off:
    /// it has had a limit of its own, and what it used of that longer ago has come back to it.
    public var lookback: UInt64 = 1_000 * millisecond
    /// A component of a bucket that has been full for so long is counted anew: 5 s.
    public var quiet: UInt64 = 5_000 * millisecond
    /// A bucket that has been full for so long is forgotten: 10 s. Longer than ``quiet`` and ``lookback`` together, so that
    /// a component that goes on is known to all who are connected.
    public var margin: UInt64 = 10_000 * millisecond
    /// The place of a forgotten bucket is used again after this time, far longer than a decision takes: 1 s.
    public var grace: UInt64 = 1_000 * millisecond
    /// What is not acknowledged after this time is told again: a little less than a round, which is never exact.
    public var resend: UInt64 = 90 * millisecond
    /// The same for what a peer that began later is told, which is more: 500 ms.
    public var resendState: UInt64 = 500 * millisecond
    /// Bytes of one message at most, at least 1,024.
    public var messageBytesMax = 60_000
    /// Messages that one round sends to one peer.
    public var messagesPerRoundMax = 16
    /// Buckets, and as many components, looked at in one round for what is to be forgotten, in all limits together.
    public var sweptPerRound = 65_536

    /// The settings of a node.
    public init() {}

    private static var millisecond: UInt64 { 1_000_000 }
}
