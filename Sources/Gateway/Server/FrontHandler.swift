import DequeModule
import NIOCore
import NIOHTTP1
import NIOPosix
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One connection of a client: turns the parser's parts into exchanges, one after the other, and paces reading.
///
/// What follows a request is held back until its response has been written, so there is never more than one exchange.
/// Confined to its event loop.
final class FrontHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Bytes of a request's body that are read and thrown away so that its connection can go on.
    static let discardedBytesMax = 256 * 1_024
    /// Bytes that a closing connection still takes, so that its client gets to read the last response.
    static let lingeringBytesMax = 4 * discardedBytesMax
    /// Parts of pipelined requests that wait for their turn: some hundred requests.
    static let eventsMax = 512
    /// How long a closing connection waits for its client to have read the last response.
    static let lingerTimeout = TimeAmount.seconds(2)

    /// Legal transitions: awaiting → active → (discarding) → awaiting; any → lingering → closed.
    private enum State {
        /// Between two requests; `headBegun` once the first byte of the next has arrived.
        case awaiting(headBegun: Bool)
        case active(Exchange)
        /// The response is complete and the rest of the request is thrown away.
        case discarding(bytes: Int)
        /// The last response is written, our side is shut, and the client's last bytes are thrown away.
        case lingering(bytes: Int)
        case closed
    }

    private enum Event {
        case part(HTTPServerRequestPart)
        case broken(HTTPParserError)
    }

    let loop: GatewayLoop
    let listener: ListenerRuntime
    /// Nil before it is in the pipeline and after it has left: the context holds the handler.
    private var context: ChannelHandlerContext?
    private var state = State.awaiting(headBegun: false)
    private var readPending = false
    private var isDraining = false
    /// What has arrived and is not handled yet: what one or two reads have brought, and no more than ``eventsMax``.
    private var events: Deque<Event> = []
    private var isOverrun = false
    private var isHandling = false
    private var deadline: NIODeadline = .distantFuture
    private var deadlineTask: Scheduled<Void>?
    private var scheduledFor: NIODeadline = .distantFuture
    /// Bytes that waited for the client at the last look.
    private var waitingBytes = Int.max
    /// Announced by the PROXY protocol, where the listener reads it.
    var proxyAnnounced: IPAddress?
    private(set) var peer: IPAddress?

    init(loop: GatewayLoop, listener: ListenerRuntime) {
        self.loop = loop
        self.listener = listener
    }

    private var currentExchange: Exchange? { if case .active(let exchange) = state { exchange } else { nil } }
    var isWritable: Bool { context?.channel.isWritable ?? false }
    private var limits: HTTPLimits { loop.state.configuration.limits }

    // MARK: The channel's events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        peer = context.channel.remoteAddress.flatMap(IPAddress.init)
        loop.opened(self)
        expire(after: limits.headerTimeoutNanoseconds)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadlineTask?.cancel()
        deadlineTask = nil
        events.removeAll()
        // Also one that has never been active.
        loop.closed(self)
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        let state = self.state
        self.state = .closed
        events.removeAll()
        deadlineTask?.cancel()
        deadlineTask = nil
        loop.closed(self)
        if case .active(let exchange) = state { exchange.clientGone() }
        context.fireChannelInactive()
    }

    /// Called before the parser sees them: bytes have arrived.
    func bytesArrived() {
        if case .awaiting(headBegun: false) = state {
            state = .awaiting(headBegun: true)
            expire(after: limits.headerTimeoutNanoseconds)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        // One read can hold thousands of small requests. So many wait for nobody: they are dropped, and the connection
        // ends with the response that is under way.
        if events.count >= Self.eventsMax { isOverrun = true }
        if isOverrun { return }
        events.append(.part(part))
        handleEvents()
    }

    /// Handles what has arrived, in order and without recursion, however many requests one read has brought.
    private func handleEvents() {
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        while mayHandle, let event = events.popFirst() {
            switch event {
            case .part(let part): handle(part)
            case .broken(let error): handle(error)
            }
        }
        if isOverrun, events.isEmpty, mayHandle { lingerAndClose() }
        readNow()
    }

    /// False while a request is complete and its response is not: what has arrived then belongs to the next.
    private var mayHandle: Bool {
        guard case .active(let exchange) = state else { return true }
        return !exchange.isFinished && !exchange.requestEnded
    }

    private func handle(_ part: HTTPServerRequestPart) {
        switch (part, state) {
        case (.head(let head), .awaiting):
            let exchange = Exchange(front: self, head: head, state: loop.state)
            state = .active(exchange)
            exchange.begin()
            progressed()
        case (.body(let bytes), .active(let exchange)):
            exchange.requestBody(bytes)
            progressed()
        case (.end, .active(let exchange)):
            exchange.requestEnd()
            progressed()
        case (.body(let bytes), .discarding(let count)):
            let total = count + bytes.readableBytes
            state = .discarding(bytes: total)
            if total > Self.discardedBytesMax { lingerAndClose() }
        case (.end, .discarding):
            awaitNext()
        case (.body(let bytes), .lingering):
            discard(bytes.readableBytes)
        default:
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .active(let exchange) = state { exchange.requestReadComplete() }
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if mayRead { context.read() } else { readPending = true }
    }

    private var mayRead: Bool {
        guard events.isEmpty else { return false }
        switch state {
        case .active(let exchange):
            // After a request one more read may come: what it brings waits, and stops the next. To switch reading off and
            // on for each request would cost two calls of the kernel.
            return exchange.requestEnded || exchange.mayReadFromClient
        case .awaiting, .discarding, .lingering: return true
        case .closed: return false
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard case .active(let exchange) = state else { return }
        exchange.clientWritabilityChanged(isWritable: context.channel.isWritable)
        progressed()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let error as HTTPParserError:
            events.append(.broken(error))
            handleEvents()
        case ByteToMessageDecoderError.dataReceivedInErrorState(_, let bytes):
            // What follows a message that broke HTTP is thrown away: closing now would reset the last response.
            discard(bytes.readableBytes)
        default:
            close()
        }
    }

    /// Counts bytes that nobody will look at, and ends the connection when there are too many of them.
    private func discard(_ count: Int) {
        guard case .lingering(let before) = state else { return }
        state = .lingering(bytes: before + count)
        // A proxy that asks may be passing on an upload, and takes a reset for no answer: only time bounds that.
        guard listener.settings.mode == .proxy else { return }
        if before + count > Self.lingeringBytesMax { close() }
    }

    private func handle(_ error: HTTPParserError) {
        switch state {
        case .awaiting:
            let exchange = Exchange(front: self, malformed: error, state: loop.state)
            state = .active(exchange)
            exchange.begin()
        case .active(let exchange):
            exchange.requestBroken(error)
        case .discarding:
            lingerAndClose()
        case .lingering, .closed:
            break
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ProxyProtocolEvent.announced(let address)? = event as? ProxyProtocolEvent {
            proxyAnnounced = address
        }
        context.fireUserInboundEventTriggered(event)
    }

    // MARK: For the exchange

    /// Reads on, where the exchange had held reading back and now may.
    func resumeReading() {
        readNow()
    }

    func write(_ part: HTTPServerResponsePart) {
        context?.write(wrapOutboundOut(part), promise: nil)
    }

    func flush() {
        context?.flush()
    }

    /// Whether a response may leave the connection open; asked when its head is written.
    var mayKeepAlive: Bool { !isDraining }

    /// Writes the end of the response. When the kernel has taken all of it the connection goes on, or ends; until then
    /// the client has the time that it is given to take what is written.
    ///
    /// - Parameter keepAlive: what the response's head has said.
    func endResponse(_ trailers: HTTPHeaders?, keepAlive: Bool) {
        guard let context else { return }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [weak self] result in
            guard let self else { return }
            self.currentExchange?.observeEnd(isWritten: (try? result.get()) != nil)
            self.responseWritten(keepAlive: keepAlive)
        }
        context.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: written)
        progressed()
    }

    private func responseWritten(keepAlive: Bool) {
        guard case .active(let exchange) = state else { return }
        if !keepAlive || isDraining {
            lingerAndClose()
        } else if exchange.requestEnded {
            awaitNext()
        } else {
            state = .discarding(bytes: 0)
            expire(after: limits.bodyIdleTimeoutNanoseconds)
            readNow()
        }
        handleEvents()
    }

    /// Ends the connection without a proper end of the response, so that nobody takes it for complete.
    ///
    /// - Parameter resetting: by a reset, where the end of the connection would otherwise be the end of the body.
    func abort(resetting: Bool = false) {
        currentExchange?.observation.isCutOff = true
        if resetting {
            // Done before close() returns: the call comes from the channel's own loop.
            _ = (context?.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        close()
    }

    /// Something has moved: what is being waited for from now on gets its whole time. To be called after the exchange
    /// has taken note of it, for that decides what is waited for.
    func progressed() {
        guard case .active(let exchange) = state else { return }
        expire(after: exchange.patienceNanoseconds)
    }

    // MARK: Its own life

    /// Finishes what runs, then closes.
    func drain() {
        isDraining = true
        if case .awaiting = state { close() }
    }

    private func awaitNext() {
        if isDraining {
            lingerAndClose()
            return
        }
        state = .awaiting(headBegun: false)
        expire(after: limits.keepAliveTimeoutNanoseconds)
        readNow()
    }

    private func readNow() {
        guard readPending, mayRead else { return }
        readPending = false
        context?.read()
    }

    /// Closing a socket with unread bytes in it would reset it under the response: our side is shut first.
    private func lingerAndClose() {
        switch state {
        case .lingering, .closed: return
        case .awaiting, .active, .discarding: break
        }
        state = .lingering(bytes: 0)
        expire(after: Self.lingerTimeout.nanoseconds)
        context?.close(mode: .output, promise: nil)
        readNow()
    }

    private func close() {
        if case .closed = state { return }
        if case .active(let exchange) = state {
            state = .closed
            exchange.clientGone()
        }
        state = .closed
        context?.close(promise: nil)
    }

    // MARK: Deadlines

    /// Whether a client that is being waited for has taken some of what is written since the last look. A slow reader
    /// that reads is not at fault.
    private func clientIsTaking() -> Bool {
        let waiting = (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        defer { waitingBytes = waiting }
        return waiting > 0 && waiting < waitingBytes
    }

    /// One timer a connection, however many requests: it looks at the deadline when it fires and goes to sleep again.
    private func expire(after nanoseconds: Int64) {
        deadline = .now() + .nanoseconds(nanoseconds)
        if let task = deadlineTask {
            if deadline >= scheduledFor { return }
            task.cancel()
        }
        schedule()
    }

    private func schedule() {
        guard let context else { return }
        scheduledFor = deadline
        deadlineTask = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            guard let self else { return }
            self.deadlineReached()
        }
    }

    private func deadlineReached() {
        deadlineTask = nil
        if case .closed = state { return }
        if deadline > .now() {
            schedule()
            return
        }
        switch state {
        case .awaiting(headBegun: true):
            let exchange = Exchange(front: self, timedOut: loop.state)
            state = .active(exchange)
            exchange.begin()
        case .active(let exchange):
            expire(after: exchange.patienceNanoseconds)
            if !clientIsTaking() { exchange.timedOut() }
        case .awaiting, .discarding, .lingering, .closed:
            close()
        }
    }
}
