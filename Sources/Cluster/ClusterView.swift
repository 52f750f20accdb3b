import Ledger
import Replica
import Wire

/// How a node stands, as of its last turn. A copy: any thread may look.
public struct ClusterView: Sendable {
    /// The cluster that it belongs to; nil while one is being founded.
    public var cluster: ClusterID?
    /// Its replica's standing; nil while there is none.
    public var status: ReplicaStatus?
    /// What was asked last was not decided in time.
    public var isInDoubt = false
    /// The ledger's facts that it has applied; nil while it has no state.
    public var facts: LedgerFacts?
    /// Replicated time at ``timeAt``.
    public var time = LedgerTime(nanoseconds: 0)
    /// When ``time`` was read, on the boot-time clock.
    public var timeAt = BootTime.zero
    /// Nodes that are no members and have said lately that they are there, newest last.
    public var waiting: [WaitingNode] = []
    /// Members and others that this node has a connection to, by name.
    public var connected: Set<String> = []
    /// What the operator must know and has not come to an end.
    public var alarms: [String] = []
    /// Why it ended.
    public var stopped: StopReason?

    /// How the node stands to its cluster.
    public var membership: Membership { Membership(status) }

    /// Whether a majority decides, as far as this node knows: it leads, which it does not for long without one, or hears a
    /// leader; what was asked last was decided; and nothing on its own side keeps it from taking part.
    public var hasQuorum: Bool {
        guard stopped == nil, facts != nil, let status else { return false }
        return status.leader != nil && !isInDoubt && !status.isDiskFull && !status.hasDiverged
    }
}
