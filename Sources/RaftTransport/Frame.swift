import NIOCore

/// What goes over a connection: four bytes of length, one of kind, then the content. The length counts the kind and the
/// content.
enum Frame: Hashable {
    /// A ``Hello``. The first frame of either side.
    case hello([UInt8])
    /// A ``Refusal``. The last frame of its sender.
    case refuse([UInt8])
    /// What the owner sends. From the side that dialled only, and only after the handshake.
    case payload([UInt8])

    enum Kind: UInt8 {
        case hello = 1
        case refuse = 2
        case payload = 3
    }

    /// Bytes before the content.
    static let headBytes = 5

    /// Appends the frame's bytes.
    func write(to buffer: inout ByteBuffer) {
        switch self {
        case .hello(let content): Self.write(.hello, content, to: &buffer)
        case .refuse(let content): Self.write(.refuse, content, to: &buffer)
        case .payload(let content): Self.write(.payload, content, to: &buffer)
        }
    }

    private static func write(_ kind: Kind, _ content: [UInt8], to buffer: inout ByteBuffer) {
        buffer.reserveCapacity(minimumWritableBytes: headBytes + content.count)
        buffer.writeInteger(UInt32(content.count + 1))
        buffer.writeInteger(kind.rawValue)
        buffer.writeBytes(content)
    }
}

/// Why bytes are not frames. Nothing that follows them can be read.
enum FrameError: Error, Hashable {
    /// A length of zero: not even a kind.
    case empty
    /// More bytes than may come now.
    case tooLong(length: Int, limit: Int)
    /// No frame is of this kind.
    case unknownKind(UInt8)

    /// For the log.
    var text: String {
        switch self {
        case .empty: "a frame of length 0"
        case .tooLong(let length, let limit): "a frame of \(length) bytes, where at most \(limit) are allowed"
        case .unknownKind(let kind): "a frame of unknown kind \(kind)"
        }
    }

    /// For the log, where the connection is plain TCP: a length that is how TLS begins (RFC 8446, section 5.1) says more.
    var textWithoutTLS: String {
        guard case .tooLong(let length, _) = self, (length - 4) >> 16 == 0x1603 else { return text }
        return "it speaks TLS, and this node does not: give every node of the cluster certificates, or none"
    }
}
