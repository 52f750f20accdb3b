import NIOCore

/// Tells the connection that bytes have come, before the parser holds them back until a head is whole.
final class ArrivalHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let front: FrontHandler

    init(front: FrontHandler) {
        self.front = front
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        front.bytesArrived()
        context.fireChannelRead(data)
    }
}
