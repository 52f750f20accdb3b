import Wire

/// What proposers, acceptors and learners tell each other. Each may be lost, repeated, late or out of order. Who sent it
/// and to whom is the envelope's matter.
public enum PaxosMessage: Hashable, Sendable {
    /// Proposer to acceptors, phase 1: promise to accept nothing under an earlier ballot, and say what you accepted.
    case prepare(Ballot)
    /// Acceptor to proposer: promised, and durably so; with the accepted proposal of the highest ballot, if any.
    case promise(Ballot, accepted: Proposal?)
    /// Proposer to acceptors, phase 2: accept this.
    case accept(Proposal)
    /// Acceptor to proposer and learners: accepted, and durably so.
    case accepted(Proposal)
    /// Acceptor to proposer: not under this ballot; a later one was promised.
    case refused(Ballot, promised: Ballot)
}

extension PaxosMessage {
    /// Bytes of the longest message.
    public static let bytesMax = 1 + 24 + 1 + 24 + 4 + Proposal.valueBytesMax

    private enum Tag: UInt8 {
        case prepare = 1
        case promise
        case accept
        case accepted
        case refused
    }

    /// The message's bytes: a tag, then the fields. One form only.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        switch self {
        case .prepare(let ballot):
            writer.write(Tag.prepare.rawValue)
            writer.write(ballot)
        case .promise(let ballot, let accepted):
            writer.write(Tag.promise.rawValue)
            writer.write(ballot)
            writer.write(accepted)
        case .accept(let proposal):
            writer.write(Tag.accept.rawValue)
            writer.write(proposal)
        case .accepted(let proposal):
            writer.write(Tag.accepted.rawValue)
            writer.write(proposal)
        case .refused(let ballot, let promised):
            writer.write(Tag.refused.rawValue)
            writer.write(ballot)
            writer.write(promised)
        }
        return writer.take()
    }

    /// Reads a message. Takes memory in proportion to the bytes given.
    public init(decoding bytes: [UInt8]) throws(PaxosDecodingError) {
        var reader = ByteReader(bytes)
        let tag = try reader.paxos { reader throws(WireError) in try reader.readUInt8() }
        switch Tag(rawValue: tag) {
        case .prepare: self = .prepare(try reader.readBallot())
        case .promise: self = .promise(try reader.readBallot(), accepted: try reader.readOptionalProposal())
        case .accept: self = .accept(try reader.readProposal())
        case .accepted: self = .accepted(try reader.readProposal())
        case .refused: self = .refused(try reader.readBallot(), promised: try reader.readBallot())
        case nil: throw .unknownMessage(tag: tag)
        }
        try reader.paxos { reader throws(WireError) in try reader.finish() }
    }
}
