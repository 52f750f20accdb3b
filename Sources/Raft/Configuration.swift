import Wire

/// A server that belongs to the group, and where it is found.
public struct Member: Hashable, Sendable {
    /// Which replica.
    public var id: ReplicaID
    /// The node's name, as in its certificate. At most ``Configuration/nameBytesMax`` bytes of UTF-8.
    public var name: String
    /// Where its peers reach it, `host:port`. At most ``Configuration/nameBytesMax`` bytes of UTF-8.
    public var address: String

    /// A value of these fields.
    public init(id: ReplicaID, name: String, address: String) {
        self.id = id
        self.name = name
        self.address = address
    }
}

/// The membership of a group (section 6 of the paper): one majority, or two while a change is under way.
///
/// Every list is sorted and without repetition, so that equal memberships have equal bytes. The last configuration of
/// the log counts, committed or not.
public struct Configuration: Hashable, Sendable {
    /// Members at most, learners and outgoing voters included.
    public static let membersMax = 64
    /// Bytes of a name or an address.
    public static let nameBytesMax = 255

    /// Everyone who receives entries: voters, outgoing voters and learners. Sorted by id.
    public var members: [Member]
    /// The voters, the incoming ones in a joint configuration. Sorted.
    public var voters: [ReplicaID]
    /// The outgoing voters of a joint configuration, else empty. Sorted.
    public var outgoing: [ReplicaID]
    /// Members without a vote. Sorted; none of them is in `voters` or `outgoing`.
    public var learners: [ReplicaID]
    /// Outgoing voters that become learners when the joint configuration is left. Sorted.
    public var learnersNext: [ReplicaID]

    /// A value of these fields.
    public init(
        members: [Member],
        voters: [ReplicaID],
        outgoing: [ReplicaID] = [],
        learners: [ReplicaID] = [],
        learnersNext: [ReplicaID] = []
    ) {
        self.members = members
        self.voters = voters
        self.outgoing = outgoing
        self.learners = learners
        self.learnersNext = learnersNext
    }

    /// Whether a change is under way: what is decided needs a majority of both sets of voters.
    public var isJoint: Bool { !outgoing.isEmpty }
}
