import Ledger
import Replica
import Wire

/// How a node stands, as of its last turn. A copy: any thread may look.
public struct ClusterView: Sendable {
    /// The cluster that it belongs to; nil while one is being founded.
    public var cluster: ClusterID?
    /// Its replica's standing; nil while there is none.
    public var status: ReplicaStatus?
    /// What was asked last was not decided in time, or nothing has been since there was no leader.
    public var isInDoubt = true
    /// Whether it is the only member of its cluster by mistake.
    var lone = LoneMember.Standing.well
    /// A member has said that this node is none any more. Its own log need not say so.
    var dismissal: Dismissal?
    /// The ledger's facts that it has applied; nil while it has no state.
    public var facts: LedgerFacts?
    /// Replicated time at ``timeAt``.
    public var time = LedgerTime(nanoseconds: 0)
    /// When ``time`` was read, on the boot-time clock.
    public var timeAt = BootTime.zero
    /// Nodes that are no members and have said lately that they are there, newest last.
    public var waiting: [WaitingNode] = []
    /// Members and others that there is a connection with, by replica.
    public var connected: Set<ReplicaID> = []
    /// What the operator must know and has not come to an end.
    public var alarms: [String] = []
    /// Why it ended.
    public var stopped: StopReason?
    /// Since when ``hasQuorum`` is false; nil while it is true, and before the first turn.
    var quorumLostAt: BootTime?
    /// It has no business deciding anything, by itself neither, since something is wrong with it rather than with the others: it
    /// is no member, or not to be trusted with what it has. As of ``noteQuorum()``.
    public private(set) var decidesNothing = false

    /// How the node stands to its cluster.
    public var membership: Membership { dismissal == nil ? Membership(status) : .removed }

    /// Whether there is no member of this node's name any more, as it knows by its own log or by a member's word. Where another
    /// disk of it has taken its place there is one.
    func hasLeft(_ name: String) -> Bool {
        guard membership == .removed, dismissal != .replaced else { return false }
        return dismissal == .removed || status?.configuration.members.contains { $0.name == name } == false
    }

    /// How many other members there is a connection with. A node that has a member's name and another disk is none.
    public var membersConnected: Int {
        guard let status else { return 0 }
        return status.configuration.members.count { $0.id != status.id && connected.contains($0.id) }
    }

    /// It is the only member of its cluster as far as it knows, and others are among its seeds: these may not have had the time
    /// yet to say that they are another cluster, or are members of this one, of which its folder is an earlier state.
    public var isListening: Bool {
        switch lone {
        case .listening, .outgrown: true
        case .well, .astray: false
        }
    }

    /// It is the only member of its cluster, and its seeds are another one: its data folder is not the one that is meant. It
    /// decides nothing.
    public var isAstray: Bool { if case .astray = lone { true } else { false } }

    /// Its disk lacks what it had acknowledged. It answers nothing.
    public var isForgetful: Bool { status?.forgottenThrough != nil }

    /// Sees to ``quorumLostAt`` and ``decidesNothing``, after whatever ``hasQuorum`` depends on.
    mutating func noteQuorum() {
        decidesNothing = isOut
        if hasQuorum { quorumLostAt = nil } else if quorumLostAt == nil { quorumLostAt = SystemClocks.boot() }
    }

    private var isOut: Bool {
        if lone != .well || isForgetful || status?.hasDiverged == true { return true }
        let membership = membership
        return membership == .removed || membership != .member && !hasQuorum
    }

    /// Whether a majority decides, as far as this node knows: it leads, which it does not for long without one, or hears a
    /// leader; what was asked last was decided; nothing on its own side keeps it from taking part; and it is not alone by mistake.
    public var hasQuorum: Bool {
        guard stopped == nil, facts != nil, lone == .well, let status else { return false }
        return status.leader != nil && !isInDoubt && !status.isDiskFull && !status.hasDiverged && !isForgetful
    }
}
