import Wire

// What an entry holds, in bytes: one byte for the kind, then the rest. The kind stands for its format too: another
// format of the same thing is another kind.

extension Entry {
    /// Bytes of one command at most: 16 MiB. A follower's buffers are of this size.
    public static let commandBytesMax = 16 << 20

    /// What an entry costs in windows and queues, in bytes: its command, and what goes with it.
    var cost: Int { payload.cost }
}

extension Entry.Payload {
    /// Bytes of an encoded payload at most.
    public static let encodedBytesMax = Entry.commandBytesMax + 1

    private enum Kind {
        static let noOperation: UInt8 = 1
        static let command: UInt8 = 2
        static let configuration: UInt8 = 3
    }

    /// The payload as bytes.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: encodedCount)
        write(to: &writer)
        return writer.take()
    }

    /// Reads what ``encode()`` wrote, and nothing else.
    public init(decoding bytes: [UInt8]) throws(RaftDecodingError) {
        guard let kind = bytes.first else { throw .wire(.truncated(needed: 1, available: 0)) }
        guard bytes.count <= Self.encodedBytesMax else {
            throw .wire(.tooLong(length: UInt64(bytes.count), limit: Self.encodedBytesMax))
        }
        switch kind {
        case Kind.noOperation:
            guard bytes.count == 1 else { throw .wire(.trailingBytes(count: bytes.count - 1)) }
            self = .noOperation
        case Kind.command:
            self = .command(Array(bytes[1...]))
        case Kind.configuration:
            let configuration = try Configuration(decoding: Array(bytes[1...]))
            guard !configuration.members.isEmpty else { throw .malformedConfiguration }
            self = .configuration(configuration)
        default:
            throw .unknownKind(kind)
        }
    }

    /// How many bytes ``encode()`` makes, for a command exactly, for a membership about.
    var encodedCount: Int {
        switch self {
        case .noOperation: 1
        case .command(let bytes): 1 + bytes.count
        case .configuration(let configuration): 32 + configuration.members.count * 96
        }
    }

    /// What the payload counts for in windows and queues, in bytes.
    var cost: Int { encodedCount + 23 }

    func write(to writer: inout ByteWriter) {
        switch self {
        case .noOperation:
            writer.write(Kind.noOperation)
        case .command(let bytes):
            writer.write(Kind.command)
            writer.write(raw: bytes)
        case .configuration(let configuration):
            writer.write(Kind.configuration)
            configuration.write(to: &writer)
        }
    }
}
