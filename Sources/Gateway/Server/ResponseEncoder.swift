import NIOCore
import NIOHTTP1

/// Writes responses as HTTP/1 says: heads, bodies as they are or in chunks, trailers.
///
/// A head says itself how its body is framed; nothing is added to it here. It is written at once into memory that has room for
/// it, so that a field more costs hardly more than its bytes. Confined to its channel's loop.
final class ResponseEncoder: ChannelOutboundHandler {
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = IOData

    private var isChunked = false

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        func write(_ bytes: IOData, promise: EventLoopPromise<Void>? = nil) {
            context.write(wrapOutboundOut(bytes), promise: promise)
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            isChunked = head.version.minor >= 1 && head.headers.first(name: "transfer-encoding") == "chunked"
            write(.byteBuffer(ResponseText.head(head, context.channel.allocator)), promise: promise)
        case .body(let bytes):
            // An empty chunk would end the body.
            guard isChunked, bytes.readableBytes > 0 else { return write(bytes, promise: promise) }
            var size = context.channel.allocator.buffer(capacity: 24)
            size.writeString(String(bytes.readableBytes, radix: 16))
            size.writeStaticString("\r\n")
            write(.byteBuffer(size))
            write(bytes)
            size.moveReaderIndex(to: size.writerIndex - 2)
            // What is written is taken in its order: with the last of it all is.
            write(.byteBuffer(size), promise: promise)
        case .end(let trailers):
            guard isChunked else {
                if promise != nil { write(.byteBuffer(ByteBuffer()), promise: promise) }
                return
            }
            write(.byteBuffer(ResponseText.lastChunk(trailers, context.channel.allocator)), promise: promise)
        }
    }
}

/// The texts of ``ResponseEncoder``.
enum ResponseText {
    /// Room that hardly any head needs more of.
    private static let usualCount = 512

    static func head(_ head: HTTPResponseHead, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        text(allocator, head.headers) { text in
            text.append(head.version.minor == 0 ? "HTTP/1.0 " : "HTTP/1.1 ")
            text.append(UInt64(head.status.code))
            text.append(UInt8(ascii: " "))
            text.append(head.status.reasonPhrase)
        }
    }

    static func lastChunk(_ trailers: HTTPHeaders?, _ allocator: ByteBufferAllocator) -> ByteBuffer {
        text(allocator, trailers ?? [:]) { $0.append(UInt8(ascii: "0")) }
    }

    /// A line that begins it, fields, and the empty line behind them. What is longer than usual is begun again with more room:
    /// to measure a head costs as much as to write it.
    @inline(__always)
    private static func text(
        _ allocator: ByteBufferAllocator,
        _ fields: HTTPHeaders,
        start: (inout TextWriter) -> Void
    ) -> ByteBuffer {
        var room = usualCount
        while true {
            var buffer = allocator.buffer(capacity: room)
            var isTooLong = false
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
                var text = TextWriter(bytes)
                start(&text)
                text.append(UInt8(ascii: "\r"), UInt8(ascii: "\n"))
                for (name, value) in fields {
                    text.append(name)
                    text.append(UInt8(ascii: ":"), UInt8(ascii: " "))
                    text.append(value)
                    text.append(UInt8(ascii: "\r"), UInt8(ascii: "\n"))
                }
                text.append(UInt8(ascii: "\r"), UInt8(ascii: "\n"))
                isTooLong = text.isTooLong
                return text.count
            }
            if !isTooLong { return buffer }
            room *= 4
        }
    }
}
