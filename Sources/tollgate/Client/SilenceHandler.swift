import NIOCore

/// Ends a connection on which nothing moves although something should: no byte comes while one is waited for, and none
/// goes while some are to be sent.
///
/// While whoever reads the answer is busy, as when it is piped into a pager, nothing is waited for and no time runs. There
/// is no bound on the whole. It stands next to the network, on the connection's loop.
final class SilenceHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let timeout: TimeAmount
    private var isReading = false
    private var writesPending = 0
    private var lastProgress = NIODeadline.now()
    private var check: Scheduled<Void>?

    /// - Parameter timeout: whole seconds, 1 or more.
    init(timeout: TimeAmount) {
        self.timeout = timeout
    }

    private var isWaiting: Bool { isReading || writesPending > 0 }

    func handlerAdded(context: ChannelHandlerContext) {
        schedule(after: timeout, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        check?.cancel()
        check = nil
    }

    func read(context: ChannelHandlerContext) {
        if !isWaiting { lastProgress = .now() }
        isReading = true
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        lastProgress = .now()
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // What wants more asks for it.
        isReading = false
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if !isWaiting { lastProgress = .now() }
        writesPending += 1
        let promise = promise ?? context.eventLoop.makePromise()
        promise.futureResult.assumeIsolated().whenComplete { _ in
            self.writesPending -= 1
            self.lastProgress = .now()
        }
        context.write(data, promise: promise)
    }

    private func schedule(after delay: TimeAmount, _ context: ChannelHandlerContext) {
        check = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.look(context) }
    }

    private func look(_ context: ChannelHandlerContext) {
        guard isWaiting else { return schedule(after: timeout, context) }
        let silence = NIODeadline.now() - lastProgress
        guard silence >= timeout else { return schedule(after: timeout - silence, context) }
        let seconds = Int(timeout.nanoseconds / 1_000_000_000)
        context.fireErrorCaught(FetchFailure.silent(seconds: seconds))
        context.close(promise: nil)
    }
}
