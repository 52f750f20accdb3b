import NIOCore
import NIOHTTP1

/// Whom an upstream connection reports to while it is lent out. All calls on the connection's loop.
protocol UpstreamExchangeDelegate: AnyObject {
    func upstreamInformational(_ head: HTTPResponseHead)
    func upstreamHead(_ head: HTTPResponseHead)
    func upstreamBody(_ bytes: ByteBuffer)
    func upstreamEnd(_ trailers: HTTPHeaders?)
    /// The connection is gone before the response was complete.
    func upstreamFailed(_ failure: UpstreamFailure)
    func upstreamReadComplete()
    func upstreamWritabilityChanged(isWritable: Bool)
    /// Whether response bytes may be read now: false while the client does not take them.
    var mayReadFromUpstream: Bool { get }
}

enum UpstreamFailure: Error, Equatable {
    /// No connection could be made.
    case unreachable(String)
    /// The connect timeout passed.
    case connectTimeout
    /// The connection ended before any byte of the response.
    case closedBeforeResponse
    /// It ended, or broke HTTP, in the middle of the response.
    case brokenResponse(String)
    /// All connections that the configuration allows are in use.
    case exhausted
}

/// One connection to an upstream server: a channel handler that serves one exchange at a time.
///
/// Confined to its event loop.
final class UpstreamConnection: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    /// Legal transitions: idle → busy → idle (both sides complete) or closed; any → closed.
    private enum State {
        case idle
        case busy(requestDone: Bool, responseDone: Bool, responseBegun: Bool)
        case closed
    }

    let pool: UpstreamPool
    let server: Int
    private(set) var channel: (any Channel)!
    private var context: ChannelHandlerContext?
    private var state = State.idle
    private var isReusable = true
    private var readPending = false
    private var lastError: (any Error)?
    private var isInRead = false
    private var isReleasePending = false
    /// When an idle connection is given up; the smaller of the setting and what the server's `Keep-Alive` allows.
    private(set) var idleTimeout: TimeAmount
    /// Exchanges begun on it; more than one means that it is being reused.
    private(set) var exchanges = 0
    weak var delegate: (any UpstreamExchangeDelegate)?

    init(pool: UpstreamPool, server: Int, idleTimeout: TimeAmount) {
        self.pool = pool
        self.server = server
        self.idleTimeout = idleTimeout
    }

    var isIdle: Bool { if case .idle = state { channel.isActive } else { false } }
    var isWritable: Bool { channel.isWritable }

    // MARK: The exchange

    func begin(_ head: HTTPRequestHead, delegate: any UpstreamExchangeDelegate) {
        guard case .idle = state else { preconditionFailure("an upstream connection was lent twice") }
        state = .busy(requestDone: false, responseDone: false, responseBegun: false)
        exchanges += 1
        self.delegate = delegate
        channel.pipeline.syncOperations.write(NIOAny(HTTPClientRequestPart.head(head)), promise: nil)
        resumeReading()
    }

    func sendBody(_ bytes: ByteBuffer) {
        guard case .busy = state else { return }
        channel.pipeline.syncOperations.write(NIOAny(HTTPClientRequestPart.body(.byteBuffer(bytes))), promise: nil)
    }

    func sendEnd() {
        guard case .busy(_, let responseDone, let begun) = state else { return }
        channel.pipeline.syncOperations.writeAndFlush(NIOAny(HTTPClientRequestPart.end(nil)), promise: nil)
        state = .busy(requestDone: true, responseDone: responseDone, responseBegun: begun)
        if responseDone { finish() }
    }

    func flush() {
        channel.flush()
    }

    /// Gives the exchange up: the connection cannot be used again.
    func abort() {
        delegate = nil
        close()
    }

    /// Reads on where reading had been held back.
    func resumeReading() {
        if readPending, let context {
            readPending = false
            context.read()
        }
    }

    func close() {
        if case .closed = state { return }
        state = .closed
        channel.close(promise: nil)
    }

    private func finish() {
        delegate = nil
        if isReusable, channel.isActive {
            state = .idle
            // Not before the whole read has been looked at: bytes that nobody asked for would be the next one's answer.
            if isInRead { isReleasePending = true } else { pool.released(self) }
            // Reading goes on, so that a close by the server is noticed.
            resumeReading()
        } else {
            close()
        }
    }

    // MARK: The channel's events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        channel = context.channel
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func read(context: ChannelHandlerContext) {
        if case .busy = state, let delegate, !delegate.mayReadFromUpstream {
            readPending = true
        } else {
            context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isInRead = true
        guard case .busy(let requestDone, false, let begun) = state else {
            // Bytes that nobody asked for: whatever follows cannot be trusted.
            isReusable = false
            close()
            return
        }
        switch unwrapInboundIn(data) {
        case .head(let head) where (100..<200).contains(head.status.code):
            if head.status.code == 101 {
                lastError = HTTPParserError.unknown
                fail()
            } else {
                delegate?.upstreamInformational(head)
            }
        case .head(let head):
            state = .busy(requestDone: requestDone, responseDone: false, responseBegun: true)
            if !head.isKeepAlive { isReusable = false }
            noteKeepAlive(head.headers)
            delegate?.upstreamHead(head)
        case .body(let bytes):
            delegate?.upstreamBody(bytes)
        case .end(let trailers):
            guard begun else { return }
            state = .busy(requestDone: requestDone, responseDone: true, responseBegun: true)
            let delegate = self.delegate
            if requestDone {
                finish()
            } else {
                // The server has answered before it had the whole request. What is left of it is of no use.
                close()
            }
            delegate?.upstreamEnd(trailers)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isInRead = false
        delegate?.upstreamReadComplete()
        guard isReleasePending else { return }
        isReleasePending = false
        if case .idle = state { pool.released(self) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        delegate?.upstreamWritabilityChanged(isWritable: context.channel.isWritable)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lastError = error
        isReusable = false
        fail()
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail()
    }

    private func fail() {
        let state = self.state
        self.state = .closed
        channel.close(promise: nil)
        pool.closed(self)
        guard case .busy(_, false, let begun) = state, let delegate else { return }
        self.delegate = nil
        let reason = lastError.map { "\($0)" } ?? "connection closed"
        let isBroken = begun || lastError is HTTPParserError
        delegate.upstreamFailed(isBroken ? .brokenResponse(reason) : .closedBeforeResponse)
    }

    /// `Keep-Alive: timeout=5`: leave a second for the way there.
    private func noteKeepAlive(_ headers: HTTPHeaders) {
        guard let value = headers.first(name: "keep-alive") else { return }
        for parameter in value.split(separator: ",") {
            let parameter = parameter.trimmingASCIIWhiteSpace()
            guard parameter.lowercased().hasPrefix("timeout="), let seconds = Int64(parameter.dropFirst(8)),
                seconds >= 0
            else { continue }
            let limit = TimeAmount.milliseconds(max(0, min(seconds, 3_600) * 1_000 - 1_000))
            if limit < idleTimeout { idleTimeout = limit }
        }
    }
}
