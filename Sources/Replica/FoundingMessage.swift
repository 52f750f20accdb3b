import Paxos
import Raft
import Wire

/// What nodes tell each other before there is a cluster, and what an initialised node answers to those that ask.
///
/// Each may be lost, repeated, late or out of order. One for a replica that the node was before its disk was lost is
/// dropped.
public struct FoundingMessage: Hashable, Sendable {
    /// The sender.
    public var from: ReplicaID
    /// The sender's name, as in its certificate.
    public var sender: String
    /// The addressee; nil in a hello to a node whose replica id is not known yet.
    public var to: ReplicaID?
    /// The round that it belongs to.
    public var instance: FoundingInstance
    /// What it says.
    public var body: Body

    /// The kinds of message.
    public enum Body: Hashable, Sendable {
        /// Who I am, and with whom I would found.
        case hello(Hello)
        /// The vote.
        case vote(PaxosMessage)
        /// A cluster exists. Its members, as far as the sender knows.
        case decided(ClusterID, members: [Member])
    }

    /// What a node tells of itself.
    public struct Hello: Hashable, Sendable {
        /// The sender's list of seeds.
        public var seeds: [FoundingSeed]
        /// The version of the ledger's commands that the sender's release knows.
        public var ledgerVersion: UInt32
        /// Whether it wants an answer. An answer wants none.
        public var asks: Bool
        /// Whether it has heard another list than its own lately, and votes for nothing.
        public var isDisputed: Bool
        /// Whether it knows of an accepted value that lists a replica that is gone.
        public var isStuck: Bool

        /// A value of these fields.
        public init(
            seeds: [FoundingSeed],
            ledgerVersion: UInt32,
            asks: Bool,
            isDisputed: Bool = false,
            isStuck: Bool = false
        ) {
            self.seeds = seeds
            self.ledgerVersion = ledgerVersion
            self.asks = asks
            self.isDisputed = isDisputed
            self.isStuck = isStuck
        }
    }

    /// A value of these fields.
    public init(from: ReplicaID, sender: String, to: ReplicaID?, instance: FoundingInstance, body: Body) {
        self.from = from
        self.sender = sender
        self.to = to
        self.instance = instance
        self.body = body
    }

    /// What an initialised node answers, whatever it is asked: that a cluster exists. It votes no more.
    /// - Returns: nil for a message that asks nothing.
    public func answered(
        by replica: ReplicaID,
        name: String,
        cluster: ClusterID,
        members: [Member]
    ) -> FoundingMessage? {
        switch body {
        case .hello(let hello): guard hello.asks else { return nil }
        case .vote(.prepare), .vote(.accept): break
        case .vote, .decided: return nil
        }
        let sorted = members.sorted { $0.id < $1.id }
        return FoundingMessage(
            from: replica,
            sender: name,
            to: from,
            instance: instance,
            body: .decided(cluster, members: sorted)
        )
    }
}

extension FoundingMessage {
    /// Bytes of the longest message: a vote with a value, or a hello, or a list of members.
    public static let bytesMax = 512 + max(PaxosMessage.bytesMax, Configuration.membersMax * (16 + 2 * 259))

    private enum Tag: UInt8 {
        case hello = 1
        case vote
        case decided
    }

    /// The message's bytes. One form only.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.write(from)
        writer.write(text: sender)
        writer.write(to != nil)
        if let to { writer.write(to) }
        writer.write(instance)
        switch body {
        case .hello(let hello):
            writer.write(Tag.hello.rawValue)
            writer.write(UInt32(hello.seeds.count))
            for seed in hello.seeds {
                writer.write(text: seed.name)
                writer.write(text: seed.address)
            }
            writer.write(hello.ledgerVersion)
            writer.write(hello.asks)
            writer.write(hello.isDisputed)
            writer.write(hello.isStuck)
        case .vote(let message):
            writer.write(Tag.vote.rawValue)
            writer.write(lengthPrefixed: message.encode())
        case .decided(let cluster, let members):
            writer.write(Tag.decided.rawValue)
            writer.write(cluster)
            writer.write(members: members)
        }
        return writer.take()
    }

    /// Reads a message. Takes memory in proportion to the bytes given.
    public init(decoding bytes: [UInt8]) throws(FoundingDecodingError) {
        var reader = FoundingReader(bytes)
        from = try reader.replica()
        sender = try reader.name()
        let addressed = try reader.read { reader throws(WireError) in try reader.readBool() }
        to = addressed ? try reader.replica() : nil
        instance = try reader.instance()
        let tag = try reader.byte()
        switch Tag(rawValue: tag) {
        case .hello:
            let seeds = try reader.seeds()
            let version = try reader.read { reader throws(WireError) in try reader.readUInt32() }
            let asks = try reader.read { reader throws(WireError) in try reader.readBool() }
            let isDisputed = try reader.read { reader throws(WireError) in try reader.readBool() }
            let isStuck = try reader.read { reader throws(WireError) in try reader.readBool() }
            body = .hello(
                Hello(seeds: seeds, ledgerVersion: version, asks: asks, isDisputed: isDisputed, isStuck: isStuck)
            )
        case .vote:
            let vote = try reader.read { reader throws(WireError) in
                try reader.readLengthPrefixed(limit: PaxosMessage.bytesMax)
            }
            do { body = .vote(try PaxosMessage(decoding: vote)) } catch { throw .paxos(error) }
        case .decided:
            let cluster = try reader.read { reader throws(WireError) in try reader.readClusterID() }
            body = .decided(cluster, members: try reader.members())
        case nil: throw .unknownTag(tag)
        }
        try reader.finish()
    }
}
