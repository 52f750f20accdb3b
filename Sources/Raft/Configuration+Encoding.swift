import Wire

// A membership in bytes: a version, the members with name and address, then each list of ids after its length. What is
// not sorted, or contradicts itself, is refused, so that a membership has one form only.

extension Configuration {
    /// The version of the encoding.
    static let encodingVersion: UInt8 = 1

    /// The membership as bytes.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 32 + members.count * 96)
        write(to: &writer)
        return writer.take()
    }

    /// Reads what ``encode()`` wrote, and nothing else.
    public init(decoding bytes: [UInt8]) throws(RaftDecodingError) {
        var reader = ByteReader(bytes)
        self = try Configuration(from: &reader)
        try decoding { () throws(WireError) in try reader.finish() }
    }

    func write(to writer: inout ByteWriter) {
        writer.write(Self.encodingVersion)
        writer.write(UInt32(members.count))
        for member in members {
            writer.write(member.id)
            writer.write(text: member.name)
            writer.write(text: member.address)
        }
        for list in [voters, outgoing, learners, learnersNext] {
            writer.write(UInt32(list.count))
            for id in list { writer.write(id) }
        }
    }

    init(from reader: inout ByteReader) throws(RaftDecodingError) {
        let version = try decoding { () throws(WireError) in try reader.readUInt8() }
        guard version == Self.encodingVersion else { throw .unknownVersion(version) }
        self = try decoding { () throws(WireError) in
            var members: [Member] = []
            let count = try reader.readCount(limit: Self.membersMax, elementBytes: 24)
            members.reserveCapacity(count)
            for _ in 0..<count {
                let id = try reader.readReplicaID()
                let name = try reader.readText(limit: Self.nameBytesMax)
                members.append(Member(id: id, name: name, address: try reader.readText(limit: Self.nameBytesMax)))
            }
            return Configuration(
                members: members,
                voters: try Self.readList(from: &reader),
                outgoing: try Self.readList(from: &reader),
                learners: try Self.readList(from: &reader),
                learnersNext: try Self.readList(from: &reader)
            )
        }
        guard isWellFormed else { throw .malformedConfiguration }
    }

    private static func readList(from reader: inout ByteReader) throws(WireError) -> [ReplicaID] {
        let count = try reader.readCount(limit: membersMax, elementBytes: 16)
        var list: [ReplicaID] = []
        list.reserveCapacity(count)
        for _ in 0..<count { list.append(try reader.readReplicaID()) }
        return list
    }
}

extension SnapshotDescription {
    /// The version of the encoding.
    static let encodingVersion: UInt8 = 1

    /// The description as bytes.
    public func encode() -> [UInt8] {
        var writer = ByteWriter()
        write(to: &writer)
        return writer.take()
    }

    /// Reads what ``encode()`` wrote, and nothing else.
    public init(decoding bytes: [UInt8]) throws(RaftDecodingError) {
        var reader = ByteReader(bytes)
        self = try SnapshotDescription(from: &reader)
        try decoding { () throws(WireError) in try reader.finish() }
    }

    func write(to writer: inout ByteWriter) {
        writer.write(Self.encodingVersion)
        writer.write(position)
        writer.write(bytes)
        configuration.write(to: &writer)
    }

    init(from reader: inout ByteReader) throws(RaftDecodingError) {
        let version = try decoding { () throws(WireError) in try reader.readUInt8() }
        guard version == Self.encodingVersion else { throw .unknownVersion(version) }
        let (position, bytes) = try decoding { () throws(WireError) in
            (try reader.readLogPosition(), try reader.readUInt64())
        }
        self.init(position: position, configuration: try Configuration(from: &reader), bytes: bytes)
    }
}

extension ByteWriter {
    /// 16 bytes: term, index.
    mutating func write(_ position: LogPosition) {
        write(position.term.rawValue)
        write(position.index.rawValue)
    }
}

extension ByteReader {
    /// 16 bytes: term, index.
    mutating func readLogPosition() throws(WireError) -> LogPosition {
        guard remaining >= 16 else { throw .truncated(needed: 16, available: remaining) }
        return LogPosition(term: Term(try readUInt64()), index: LogIndex(try readUInt64()))
    }
}
