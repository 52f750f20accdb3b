import Wire

/// What an acceptor must never forget: it is on disk before any answer that follows from it leaves.
public struct AcceptorState: Hashable, Sendable {
    /// Nothing below this ballot is promised or accepted. At least the ballot of ``accepted``.
    public internal(set) var promised: Ballot?
    /// What was accepted, under the highest ballot so far.
    public internal(set) var accepted: Proposal?

    /// Of an acceptor that has never answered.
    public init() {}

    /// Bytes of the longest encoding.
    public static let bytesMax = 1 + 1 + 24 + 1 + 24 + 4 + Proposal.valueBytesMax

    private static let formatVersion: UInt8 = 1

    /// The state's bytes, for the disk. One form only.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        writer.write(Self.formatVersion)
        writer.write(promised != nil)
        if let promised { writer.write(promised) }
        writer.write(accepted)
        return writer.take()
    }

    /// Reads a state back. Whoever cannot read it must not take part with an empty one: see ``Quorum/majority``.
    public init(decoding bytes: [UInt8]) throws(PaxosDecodingError) {
        var reader = ByteReader(bytes)
        let version = try reader.paxos { reader throws(WireError) in try reader.readUInt8() }
        guard version == Self.formatVersion else { throw .unsupportedFormat(version) }
        let hasPromised = try reader.paxos { reader throws(WireError) in try reader.readBool() }
        promised = hasPromised ? try reader.readBallot() : nil
        accepted = try reader.readOptionalProposal()
        try reader.paxos { reader throws(WireError) in try reader.finish() }
        if let accepted {
            guard let promised, promised >= accepted.ballot else { throw .invalid(field: "promised") }
        }
    }
}
