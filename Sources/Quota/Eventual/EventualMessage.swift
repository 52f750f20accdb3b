import Ledger
import Wire

/// What a node tells a peer, directly and not through the log.
///
/// Numbers of time are nanoseconds between two moments, never a moment: the clocks of two nodes have nothing to do with each
/// other.
struct EventualMessage: Hashable, Sendable {
    /// A bucket, as the sender has it.
    struct Entry: Hashable, Sendable {
        var limit: LimitID
        var bucket: EventualBucketID
        /// Where the units belong at a node that has no room for the bucket.
        var fallback: EventualBucketID
        /// Until the bucket is full; negative: it has been for so long.
        var ahead: Int64
        /// The sender's own.
        var own: Component
        /// What the sender has heard of it, from each of ``Part/origins``; 0: nothing.
        var heard: [UInt64]
    }

    /// Whose a component is.
    struct Origin: Hashable, Sendable {
        var replica: ReplicaID
        var boot: UInt64
    }

    /// Buckets, in a message that is acknowledged.
    struct Part: Hashable, Sendable {
        /// Rises with each part that this boot sends to this peer. From 1.
        var sequence: UInt64
        /// Whether each entry says all that the sender knows of a bucket: for a peer that began later.
        var isState: Bool
        /// Whose counts the entries carry beside the sender's own.
        var origins: [Origin]
        var entries: [Entry]
    }

    /// Which parts arrived.
    struct Receipt: Hashable, Sendable {
        /// The latest; 0: none.
        var latest: UInt64
        /// Bit n: `latest` - n was taken.
        var taken: UInt64
    }

    var from: ReplicaID
    /// Of the sender.
    var boot: UInt64
    /// Of the receiver, as the sender knows it; 0: it does not.
    var to: UInt64
    /// How long the sender has been running.
    var uptime: UInt64
    /// What the sender wants to read in ``echo``: see ``PeerGreeting``.
    var token: UInt32
    /// The latest ``token`` that the sender has read from this boot of the receiver; 0: none.
    var echo: UInt32
    var receipt: Receipt
    var part: Part?
}
