import Paxos
import Raft
import Wire

/// What a node must not forget of the founding: one small file, written whole and synced before anything that follows
/// from it leaves the node.
///
/// The replica id comes first: an empty disk gets one, drawn at random, before it says anything. The file stays for good:
/// one that says ``Stage/member(_:)`` beside a log that is gone says that the replica's votes are gone too, so that it
/// may never come back under this id.
public struct FoundingRecord: Hashable, Sendable {
    /// How far it has come.
    public enum Stage: Hashable, Sendable {
        /// Not decided, as far as this node knows.
        case voting
        /// Decided, with this replica as a voter; the log's storage may not be there yet.
        case decided(FoundingValue)
        /// A cluster exists that this replica does not belong to; it waits to be admitted, and founds nothing.
        case waiting(ClusterID, members: [Member])
        /// The log's storage exists: everything else is in there.
        case member(ClusterID)
    }

    /// Which replica this disk is.
    public var replica: ReplicaID
    /// The seed list under which it votes.
    public var instance: FoundingInstance
    /// The last round that this replica has used as a proposer.
    public var round: UInt64
    /// What it has promised and accepted.
    public var acceptor: AcceptorState
    /// How far it has come.
    public var stage: Stage

    /// A value of these fields.
    init(replica: ReplicaID, instance: FoundingInstance) {
        self.replica = replica
        self.instance = instance
        round = 0
        acceptor = AcceptorState()
        stage = .voting
    }

    /// Of a replica that was made a member without a founding.
    init(replica: ReplicaID, member cluster: ClusterID) {
        self.init(replica: replica, instance: FoundingInstance(high: 0, low: 0))
        stage = .member(cluster)
    }

    /// Whether its cluster was made by an operator, from what was left of another one, and not founded by seeds.
    public var isOfRecovery: Bool { instance == FoundingInstance(high: 0, low: 0) }

    /// What the record must say before a replica with storage takes part in its cluster. For the driver that finds
    /// another stage beside a log at start: the node stopped between the two.
    public func becomingMember(of cluster: ClusterID) -> FoundingRecord {
        var record = self
        record.stage = .member(cluster)
        // Accepted values hold the secret, which is in the snapshot now.
        record.acceptor = AcceptorState()
        return record
    }
}

extension FoundingRecord {
    private static let formatVersion: UInt8 = 1
    /// Bytes of the longest record: an acceptor's state, and a value.
    public static let bytesMax = 1 + 16 + 16 + 8 + 4 + AcceptorState.bytesMax + 1 + 4 + Proposal.valueBytesMax

    private enum Tag: UInt8 {
        case voting = 1
        case decided
        case waiting
        case member
    }

    /// The record's bytes. One form only. They may hold the cluster's secret: mode 0600.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.write(Self.formatVersion)
        writer.write(replica)
        writer.write(instance)
        writer.write(round)
        writer.write(lengthPrefixed: acceptor.encode())
        switch stage {
        case .voting: writer.write(Tag.voting.rawValue)
        case .decided(let value):
            writer.write(Tag.decided.rawValue)
            writer.write(lengthPrefixed: value.encode())
        case .waiting(let cluster, let members):
            writer.write(Tag.waiting.rawValue)
            writer.write(cluster)
            writer.write(members: members)
        case .member(let cluster):
            writer.write(Tag.member.rawValue)
            writer.write(cluster)
        }
        return writer.take()
    }

    /// Reads a record. A node whose record cannot be read must not found with an empty one in its place.
    public init(decoding bytes: [UInt8]) throws(FoundingDecodingError) {
        var reader = FoundingReader(bytes)
        try reader.version(Self.formatVersion)
        replica = try reader.replica()
        instance = try reader.instance()
        round = try reader.read { reader throws(WireError) in try reader.readUInt64() }
        guard round <= Ballot.roundMax else { throw .invalid(field: "round") }
        let state = try reader.read { reader throws(WireError) in
            try reader.readLengthPrefixed(limit: AcceptorState.bytesMax)
        }
        do { acceptor = try AcceptorState(decoding: state) } catch { throw .paxos(error) }
        let tag = try reader.byte()
        switch Tag(rawValue: tag) {
        case .voting: stage = .voting
        case .decided:
            let value = try reader.read { reader throws(WireError) in
                try reader.readLengthPrefixed(limit: Proposal.valueBytesMax)
            }
            stage = .decided(try FoundingValue(decoding: value))
        case .waiting:
            let cluster = try reader.read { reader throws(WireError) in try reader.readClusterID() }
            stage = .waiting(cluster, members: try reader.members())
        case .member: stage = .member(try reader.read { reader throws(WireError) in try reader.readClusterID() })
        case nil: throw .unknownTag(tag)
        }
        try reader.finish()
    }
}
