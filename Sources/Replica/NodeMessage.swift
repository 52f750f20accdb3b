import Wire

/// What nodes send one another. Their first byte is 1 or 2; those with others belong to whoever carries these.
public enum NodeMessage: Hashable, Sendable {
    /// Before there is a cluster.
    case founding(FoundingMessage)
    /// Within a cluster.
    case peer(PeerMessage)

    private enum Tag {
        static let founding: UInt8 = 1
        static let peer: UInt8 = 2
    }

    /// Bytes of the longest message that is read.
    public static let encodedBytesMax = 1 + max(PeerMessage.encodedBytesMax, FoundingMessage.bytesMax)

    /// The message's bytes. One form only.
    public func encode() -> [UInt8] {
        switch self {
        case .founding(let message): [Tag.founding] + message.encode()
        case .peer(let message): [Tag.peer] + message.encode()
        }
    }

    /// Reads a message. Takes memory in proportion to the bytes given.
    public init(decoding bytes: [UInt8]) throws(NodeMessageError) {
        switch bytes.first {
        case Tag.founding:
            do { self = .founding(try FoundingMessage(decoding: Array(bytes[1...]))) } catch { throw .founding(error) }
        case Tag.peer:
            do { self = .peer(try PeerMessage(decoding: Array(bytes[1...]))) } catch { throw .peer(error) }
        case let tag?: throw .unknownTag(tag)
        case nil: throw .empty
        }
    }
}

/// Why bytes are not a node's message. Whoever wrote them is at fault.
public enum NodeMessageError: Error, Hashable, Sendable {
    /// Not a founding message.
    case founding(FoundingDecodingError)
    /// Not a peer's message.
    case peer(PeerMessageError)
    /// No kind of message has this tag.
    case unknownTag(UInt8)
    /// Nothing at all.
    case empty
}
