/// What a leader knows of one member's log.
public struct Progress: Hashable, Sendable {
    /// How it sends (after etcd's progress).
    public enum State: Hashable, Sendable {
        /// One message at a time, until it is known where the logs agree.
        case probe
        /// A window of messages in flight.
        case replicate
        /// The member needs entries that are gone: it is sent a snapshot.
        case snapshot
    }

    /// How it sends.
    public internal(set) var state: State
    /// The member's log is the leader's up to here.
    public internal(set) var match: LogIndex
    /// The next entry to send.
    public internal(set) var next: LogIndex
    /// Heard from within the last election timeout.
    public internal(set) var recentlyActive: Bool
    /// Ticks since it was heard by this leader; at first since that leads.
    public internal(set) var silentTicks = 0
    /// How often it has said that it lacks what it had acknowledged, since it acknowledged anything. More than once or twice:
    /// its disk has lost entries.
    public internal(set) var denials = 0

    /// Up to where the member's log counts as durable.
    var durableMatch: LogIndex { denials > 0 ? .zero : match }
}
