import Wire

/// Why bytes are not a message or an acceptor's state. An ordinary value: the bytes may come from anywhere.
public enum PaxosDecodingError: Error, Hashable, Sendable {
    /// A field is cut short, too long or misformed, or bytes are left over.
    case malformed(WireError)
    /// The format's version is not one of ours: another release wrote it.
    case unsupportedFormat(UInt8)
    /// No message has this tag.
    case unknownMessage(tag: UInt8)
    /// A field holds a value that it cannot have.
    case invalid(field: String)
}

extension ByteReader {
    /// Reads fields, and wraps what they throw.
    mutating func paxos<Value>(
        _ read: (inout ByteReader) throws(WireError) -> Value
    ) throws(PaxosDecodingError) -> Value {
        do { return try read(&self) } catch { throw .malformed(error) }
    }

    /// 24 bytes.
    mutating func readBallot() throws(PaxosDecodingError) -> Ballot {
        let round = try paxos { reader throws(WireError) in try reader.readUInt64() }
        let replica = try paxos { reader throws(WireError) in try reader.readReplicaID() }
        guard (1...Ballot.roundMax).contains(round) else { throw .invalid(field: "round") }
        return Ballot(round: round, replica: replica)
    }

    /// A ballot, then a value after its length.
    mutating func readProposal() throws(PaxosDecodingError) -> Proposal {
        let ballot = try readBallot()
        let value = try paxos { reader throws(WireError) in
            try reader.readLengthPrefixed(limit: Proposal.valueBytesMax)
        }
        return Proposal(ballot: ballot, value: value)
    }

    /// A byte 0, or 1 and a proposal.
    mutating func readOptionalProposal() throws(PaxosDecodingError) -> Proposal? {
        let present = try paxos { reader throws(WireError) in try reader.readBool() }
        return present ? try readProposal() : nil
    }
}

extension ByteWriter {
    /// 24 bytes.
    mutating func write(_ ballot: Ballot) {
        write(ballot.round)
        write(ballot.replica)
    }

    /// A ballot, then a value after its length.
    mutating func write(_ proposal: Proposal) {
        write(proposal.ballot)
        write(lengthPrefixed: proposal.value)
    }

    /// A byte 0, or 1 and a proposal.
    mutating func write(_ proposal: Proposal?) {
        write(proposal != nil)
        if let proposal { write(proposal) }
    }
}
