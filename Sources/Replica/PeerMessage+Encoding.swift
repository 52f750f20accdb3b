import Ledger
import Raft
import Wire

/// Why bytes are not a message of a peer. Whoever wrote them is at fault.
public enum PeerMessageError: Error, Hashable, Sendable {
    /// A field is cut short, too long or misformed, or bytes are left over.
    case malformed(WireError)
    /// The message of the consensus core in it is wrong.
    case raft(RaftDecodingError)
    /// Written by a release that this one does not know.
    case unknownVersion(UInt8)
    /// No kind of message has this tag.
    case unknownTag(UInt8)
    /// A time beyond the end of time.
    case timeOutOfRange(UInt64)
}

extension PeerMessage {
    /// The version of the encoding.
    public static let encodingVersion: UInt8 = 1
    /// Bytes of the longest message that is read.
    public static let encodedBytesMax = Message.encodedBytesMax + 128

    private enum Tag: UInt8 {
        case raft = 1
        case forward, checkpoint, stateRequest, statePart
    }

    /// The message's bytes. One form only.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.write(Self.encodingVersion)
        writer.write(from)
        writer.write(to)
        switch time {
        case .running(let time):
            writer.write(true)
            writer.write(time.nanoseconds)
        case .resumed(let time):
            writer.write(false)
            writer.write(time.nanoseconds)
        }
        writer.write(supportedVersion)
        switch payload {
        case .raft(let message):
            writer.write(Tag.raft.rawValue)
            writer.write(lengthPrefixed: message.encode())
        case .forward(let batch):
            writer.write(Tag.forward.rawValue)
            writer.write(lengthPrefixed: batch)
        case .checkpoint(let index, let digest):
            writer.write(Tag.checkpoint.rawValue)
            writer.write(index.rawValue)
            writer.write(digest.high)
            writer.write(digest.low)
        case .stateRequest(let position, let atLeast, let offset):
            writer.write(Tag.stateRequest.rawValue)
            writer.write(position != nil)
            if let position { Self.write(position, to: &writer) }
            writer.write(atLeast.rawValue)
            writer.write(offset)
        case .statePart(let part):
            writer.write(Tag.statePart.rawValue)
            Self.write(part.position, to: &writer)
            writer.write(part.bytes)
            writer.write(part.offset)
            writer.write(lengthPrefixed: part.data)
        }
        return writer.take()
    }

    /// Reads a message. Takes memory in proportion to the bytes given.
    public init(decoding bytes: [UInt8]) throws(PeerMessageError) {
        var reader = ByteReader(bytes)
        let version = try Self.reading { () throws(WireError) in try reader.readUInt8() }
        guard version == Self.encodingVersion else { throw .unknownVersion(version) }
        let tag: UInt8
        var nanoseconds: UInt64 = 0
        (from, to, time, supportedVersion, tag) = try Self.reading { () throws(WireError) in
            let from = try reader.readReplicaID()
            let to = try reader.readReplicaID()
            let isRunning = try reader.readBool()
            nanoseconds = try reader.readUInt64()
            let time = LedgerTime(nanoseconds: nanoseconds)
            return (
                from, to, isRunning ? .running(time) : .resumed(time), try reader.readUInt32(),
                try reader.readUInt8()
            )
        }
        guard nanoseconds <= LedgerTime.maximumNanoseconds else { throw .timeOutOfRange(nanoseconds) }
        switch Tag(rawValue: tag) {
        case .raft:
            let message = try Self.reading { () throws(WireError) in
                try reader.readLengthPrefixed(limit: Message.encodedBytesMax)
            }
            do { payload = .raft(try Message(decoding: message)) } catch { throw .raft(error) }
        case .forward:
            payload = .forward(
                try Self.reading { () throws(WireError) in
                    try reader.readLengthPrefixed(limit: Entry.commandBytesMax)
                }
            )
        case .checkpoint:
            payload = try Self.reading { () throws(WireError) in
                .checkpoint(
                    LogIndex(try reader.readUInt64()),
                    LedgerDigest(high: try reader.readUInt64(), low: try reader.readUInt64())
                )
            }
        case .stateRequest:
            payload = try Self.reading { () throws(WireError) in
                let hasPosition = try reader.readBool()
                let position = hasPosition ? try Self.readPosition(from: &reader) : nil
                return .stateRequest(
                    position,
                    atLeast: LogIndex(try reader.readUInt64()),
                    offset: try reader.readUInt64()
                )
            }
        case .statePart:
            payload = try Self.reading { () throws(WireError) in
                .statePart(
                    StatePart(
                        position: try Self.readPosition(from: &reader),
                        bytes: try reader.readUInt64(),
                        offset: try reader.readUInt64(),
                        data: try reader.readLengthPrefixed(limit: Entry.commandBytesMax)
                    )
                )
            }
        case nil: throw .unknownTag(tag)
        }
        try Self.reading { () throws(WireError) in try reader.finish() }
    }

    private static func reading<Value>(
        _ body: () throws(WireError) -> Value
    ) throws(PeerMessageError) -> Value {
        do { return try body() } catch { throw .malformed(error) }
    }

    private static func write(_ position: LogPosition, to writer: inout ByteWriter) {
        writer.write(position.term.rawValue)
        writer.write(position.index.rawValue)
    }

    private static func readPosition(from reader: inout ByteReader) throws(WireError) -> LogPosition {
        LogPosition(term: Term(try reader.readUInt64()), index: LogIndex(try reader.readUInt64()))
    }
}
