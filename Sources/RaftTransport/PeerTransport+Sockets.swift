import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Options of sockets, and what their errors mean.
extension PeerTransport {
    /// Above so many unwritten bytes a channel takes no more, until there are fewer than the lower number.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 256 << 10)
    /// A connection on which nothing comes is asked after ten seconds, then every three; at the third silence it is dead.
    private static let keepAlive: [(option: CInt, value: Int)] = [
        (TCP_KEEPIDLE, 10), (TCP_KEEPINTVL, 3), (TCP_KEEPCNT, 3),
    ]

    private var tcpOptions: [(option: CInt, value: Int)] {
        let milliseconds = settings.unacknowledgedTimeout.nanoseconds / 1_000_000
        return Self.keepAlive + [(TCP_USER_TIMEOUT, Int(clamping: milliseconds)), (TCP_NODELAY, 1)]
    }

    /// Options of a connection that this node makes.
    func options(_ bootstrap: ClientBootstrap) -> ClientBootstrap {
        tcpOptions.reduce(
            bootstrap.channelOption(.socketOption(.so_keepalive), value: 1)
                .channelOption(.writeBufferWaterMark, value: Self.waterMark)
        ) { $0.channelOption(.tcpOption(.init(rawValue: $1.option)), value: $1.value) }
    }

    /// Options of a connection that a peer has made.
    func childOptions(_ bootstrap: ServerBootstrap) -> ServerBootstrap {
        tcpOptions.reduce(
            bootstrap.childChannelOption(.socketOption(.so_keepalive), value: 1)
                .childChannelOption(.maxMessagesPerRead, value: 4)
        ) { $0.childChannelOption(.tcpOption(.init(rawValue: $1.option)), value: $1.value) }
    }

    /// What an error of connecting means.
    static func text(ofConnecting error: any Error) -> String {
        switch error {
        case ChannelError.connectTimeout: return "no answer in time"
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return text(ofConnecting: first.error) }
            return "the host's name has no address"
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        default: return Refusal.printable("\(error)")
        }
    }

    /// What an error of listening means to whoever chose the address.
    static func text(ofListening error: any Error) -> String {
        guard let error = error as? IOError else { return Refusal.printable("\(error)") }
        switch error.errnoCode {
        case EADDRINUSE: return "another program listens there; choose another port or stop it"
        case EACCES: return "not permitted; ports below 1024 need CAP_NET_BIND_SERVICE or another port"
        case EADDRNOTAVAIL: return "this machine has no such address"
        default: return String(cString: strerror(error.errnoCode))
        }
    }
}
