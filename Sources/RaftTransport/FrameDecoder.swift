import NIOCore

/// Cuts the bytes of a connection into frames.
///
/// A value that knows no channel. It keeps at most one frame that is not yet whole and what one read has brought, so whoever
/// takes all frames after each ``append(_:)`` bounds it by the limit. A length is judged as soon as its four bytes are
/// there, the kind with the fifth: what is refused is not waited for.
struct FrameDecoder {
    /// What is kept of an emptied buffer, in bytes: a frame that was large does not hold its memory for ever.
    private static let keptCapacity = 64 << 10

    /// Longest frame that is taken, in bytes of length, kind and content together.
    var frameBytesMax: Int
    private var buffer = ByteBuffer()
    private var failure: FrameError?

    /// - Parameter frameBytesMax: longest frame that is taken, in bytes with its head.
    init(frameBytesMax: Int) {
        self.frameBytesMax = frameBytesMax
    }

    /// Bytes that wait for the rest of their frame.
    var bufferedBytes: Int { buffer.readableBytes }

    /// Takes what has arrived. After an error it is thrown away.
    mutating func append(_ bytes: ByteBuffer) {
        guard failure == nil else { return }
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            var bytes = bytes
            buffer.writeBuffer(&bytes)
        }
    }

    /// The next whole frame; nil until more bytes have come. After an error: that error again.
    mutating func next() throws(FrameError) -> Frame? {
        if let failure { throw failure }
        do throws(FrameError) {
            return try read()
        } catch {
            failure = error
            buffer = ByteBuffer()
            throw error
        }
    }

    private mutating func read() throws(FrameError) -> Frame? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt32.self).map(Int.init) else {
            release()
            return nil
        }
        guard length > 0 else { throw .empty }
        guard length + 4 <= frameBytesMax else { throw .tooLong(length: length + 4, limit: frameBytesMax) }
        guard let tag = buffer.getInteger(at: buffer.readerIndex + 4, as: UInt8.self) else { return nil }
        guard let kind = Frame.Kind(rawValue: tag) else { throw .unknownKind(tag) }
        guard buffer.readableBytes >= 4 + length else {
            // What was read of the buffer makes room for what comes.
            buffer.discardReadBytes()
            return nil
        }
        buffer.moveReaderIndex(forwardBy: Frame.headBytes)
        let content = buffer.readBytes(length: length - 1) ?? []
        return switch kind {
        case .hello: .hello(content)
        case .refuse: .refuse(content)
        case .payload: .payload(content)
        }
    }

    private mutating func release() {
        if buffer.readableBytes > 0 {
            buffer.discardReadBytes()
        } else if buffer.capacity > Self.keptCapacity {
            buffer = ByteBuffer()
        } else {
            buffer.clear()
        }
    }
}
