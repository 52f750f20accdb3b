import Wire

// A message in bytes: version, kind, sender, addressee, term, then the body. Every field is of fixed width or after its
// length; each message has one form only, and what is left over is an error. Entries of an append carry no index: they
// follow `previous`, so that they cannot be anything but consecutive.

extension Message {
    /// The version of the encoding.
    public static let encodingVersion: UInt8 = 1

    /// Bytes of an encoded message at most that a receiver need accept: one command of the greatest size, or many small
    /// ones, with what goes with them.
    public static let encodedBytesMax = Entry.commandBytesMax + (1 << 20)

    /// Entries in one message at most that are read.
    static let entriesMax = 65_536

    /// The message as bytes.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 96 + body.encodedCount)
        writer.write(Self.encodingVersion)
        writer.write(body.kind.rawValue)
        writer.write(from)
        writer.write(to)
        writer.write(term.rawValue)
        body.write(to: &writer)
        return writer.take()
    }

    /// Reads what ``encode()`` wrote, and nothing else.
    public init(decoding bytes: [UInt8]) throws(RaftDecodingError) {
        var reader = ByteReader(bytes)
        let (version, rawKind) = try decoding { () throws(WireError) in
            (try reader.readUInt8(), try reader.readUInt8())
        }
        guard version == Self.encodingVersion else { throw .unknownVersion(version) }
        guard let kind = Body.Kind(rawValue: rawKind) else { throw .unknownKind(rawKind) }
        (from, to, term) = try decoding { () throws(WireError) in
            (try reader.readReplicaID(), try reader.readReplicaID(), Term(try reader.readUInt64()))
        }
        body = try Body(kind, from: &reader)
        try decoding { () throws(WireError) in try reader.finish() }
    }
}

extension Message.Body {
    enum Kind: UInt8 {
        case voteRequest = 1
        case voteResponse, appendRequest, appendAccepted, appendRejected, heartbeatRequest, heartbeatResponse
        case snapshotRequest, snapshotReceived, snapshotInstalled, snapshotRefused
        case readIndexRequest, readIndexResponse, readIndexRefusal, timeoutNow
    }

    var kind: Kind {
        switch self {
        case .voteRequest: .voteRequest
        case .voteResponse: .voteResponse
        case .appendRequest: .appendRequest
        case .appendResponse(.accepted): .appendAccepted
        case .appendResponse(.rejected): .appendRejected
        case .heartbeatRequest: .heartbeatRequest
        case .heartbeatResponse: .heartbeatResponse
        case .snapshotRequest: .snapshotRequest
        case .snapshotResponse(let response):
            switch response.outcome {
            case .received: .snapshotReceived
            case .installed: .snapshotInstalled
            case .refused: .snapshotRefused
            }
        case .readIndexRequest: .readIndexRequest
        case .readIndexResponse(_, let index): index == nil ? .readIndexRefusal : .readIndexResponse
        case .timeoutNow: .timeoutNow
        }
    }

    /// About how many bytes the body takes.
    var encodedCount: Int {
        switch self {
        case .appendRequest(let request): request.entries.reduce(0) { $0 + $1.payload.encodedCount + 12 }
        case .snapshotRequest(let request):
            request.data.count + request.snapshot.configuration.members.count * 96
        default: 0
        }
    }

    func write(to writer: inout ByteWriter) {
        switch self {
        case .voteRequest(let request):
            writer.write(request.isPreVote)
            writer.write(request.isTransfer)
            writer.write(request.last)
        case .voteResponse(let response):
            writer.write(response.isPreVote)
            writer.write(response.granted)
        case .appendRequest(let request):
            request.write(to: &writer)
        case .appendResponse(.accepted(let index)):
            writer.write(index.rawValue)
        case .appendResponse(.rejected(let previous, let hint)):
            writer.write(previous.rawValue)
            writer.write(hint)
        case .heartbeatRequest(let request):
            writer.write(request.commit.rawValue)
            writer.write(request.round)
        case .heartbeatResponse(let response):
            writer.write(response.round)
        case .snapshotRequest(let request):
            request.snapshot.write(to: &writer)
            writer.write(request.offset)
            writer.write(request.length)
            writer.write(lengthPrefixed: request.data)
        case .snapshotResponse(let response):
            writer.write(response.position)
            switch response.outcome {
            case .received(let offset): writer.write(offset)
            case .installed(let index): writer.write(index.rawValue)
            case .refused: break
            }
        case .readIndexRequest(let context):
            writer.write(context)
        case .readIndexResponse(let context, let index):
            writer.write(context)
            if let index { writer.write(index.rawValue) }
        case .timeoutNow:
            break
        }
    }

    init(_ kind: Kind, from reader: inout ByteReader) throws(RaftDecodingError) {
        switch kind {
        case .appendRequest: self = .appendRequest(try AppendRequest(from: &reader))
        case .snapshotRequest: self = .snapshotRequest(try SnapshotRequest(from: &reader))
        default: self = try decoding { () throws(WireError) in try Self(small: kind, from: &reader) }
        }
    }

    /// All kinds of fixed width.
    private init(small kind: Kind, from reader: inout ByteReader) throws(WireError) {
        switch kind {
        case .appendRequest, .snapshotRequest:
            preconditionFailure("not of fixed width")
        case .voteRequest:
            let isPreVote = try reader.readBool()
            let isTransfer = try reader.readBool()
            let last = try reader.readLogPosition()
            self = .voteRequest(VoteRequest(isPreVote: isPreVote, last: last, isTransfer: isTransfer))
        case .voteResponse:
            let isPreVote = try reader.readBool()
            self = .voteResponse(VoteResponse(isPreVote: isPreVote, granted: try reader.readBool()))
        case .appendAccepted:
            self = .appendResponse(.accepted(through: LogIndex(try reader.readUInt64())))
        case .appendRejected:
            let previous = LogIndex(try reader.readUInt64())
            self = .appendResponse(.rejected(previous: previous, hint: try reader.readLogPosition()))
        case .heartbeatRequest:
            let commit = LogIndex(try reader.readUInt64())
            self = .heartbeatRequest(HeartbeatRequest(commit: commit, round: try reader.readUInt64()))
        case .heartbeatResponse:
            self = .heartbeatResponse(HeartbeatResponse(round: try reader.readUInt64()))
        case .snapshotReceived:
            let position = try reader.readLogPosition()
            let offset = try reader.readUInt64()
            self = .snapshotResponse(SnapshotResponse(position: position, outcome: .received(offset)))
        case .snapshotInstalled:
            let position = try reader.readLogPosition()
            let index = LogIndex(try reader.readUInt64())
            self = .snapshotResponse(SnapshotResponse(position: position, outcome: .installed(through: index)))
        case .snapshotRefused:
            self = .snapshotResponse(SnapshotResponse(position: try reader.readLogPosition(), outcome: .refused))
        case .readIndexRequest:
            self = .readIndexRequest(context: try reader.readUInt64())
        case .readIndexResponse:
            let context = try reader.readUInt64()
            self = .readIndexResponse(context: context, index: LogIndex(try reader.readUInt64()))
        case .readIndexRefusal:
            self = .readIndexResponse(context: try reader.readUInt64(), index: nil)
        case .timeoutNow:
            self = .timeoutNow
        }
    }
}

extension AppendRequest {
    func write(to writer: inout ByteWriter) {
        writer.write(previous)
        writer.write(commit.rawValue)
        writer.write(UInt32(entries.count))
        for entry in entries {
            writer.write(entry.position.term.rawValue)
            if case .command(let bytes) = entry.payload {
                // The same bytes as of the branch below, without a copy: nearly all entries are commands.
                writer.write(UInt32(bytes.count + 1))
                entry.payload.write(to: &writer)
            } else {
                writer.write(lengthPrefixed: entry.payload.encode())
            }
        }
    }

    init(from reader: inout ByteReader) throws(RaftDecodingError) {
        let (previous, commit, count) = try decoding { () throws(WireError) in
            (
                try reader.readLogPosition(), LogIndex(try reader.readUInt64()),
                try reader.readCount(limit: Message.entriesMax, elementBytes: 13)
            )
        }
        guard !previous.index.rawValue.addingReportingOverflow(UInt64(count)).overflow else {
            throw .indexOutOfRange
        }
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var index = previous.index
        for _ in 0..<count {
            let (term, payload) = try decoding { () throws(WireError) in
                (
                    Term(try reader.readUInt64()),
                    try reader.readLengthPrefixed(limit: Entry.Payload.encodedBytesMax)
                )
            }
            index = index + 1
            entries.append(
                Entry(
                    position: LogPosition(term: term, index: index),
                    payload: try Entry.Payload(decoding: payload)
                )
            )
        }
        self.init(previous: previous, entries: entries, commit: commit)
    }
}

extension SnapshotRequest {
    init(from reader: inout ByteReader) throws(RaftDecodingError) {
        let snapshot = try SnapshotDescription(from: &reader)
        self = try decoding { () throws(WireError) in
            let offset = try reader.readUInt64()
            let length = try reader.readUInt32()
            let data = try reader.readLengthPrefixed(limit: Entry.commandBytesMax)
            return SnapshotRequest(snapshot: snapshot, offset: offset, length: length, data: data)
        }
    }
}
