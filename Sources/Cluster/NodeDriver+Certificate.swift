import NIOCore
import RaftTransport

/// This node's own certificate, without which no peer talks to it.
extension NodeDriver {
    /// Between two looks. They cost next to nothing, and a renewed certificate ends its alarm soon.
    private static var certificatePause: TimeAmount { .seconds(1) }

    /// Looks now, and again as long as the node runs. Does nothing without TLS.
    func watchCertificate(_ watch: CertificateWatch = CertificateWatch()) {
        loop.preconditionInEventLoop()
        guard !isStopped, let own = transport?.certificates else { return }
        var watch = watch
        let standing = CertificateWatch.standing(
            notBefore: own.notBeforeSeconds,
            notAfter: own.notAfterSeconds,
            now: PeerTransport.systemWallSeconds()
        )
        if watch.look(standing, now: SystemClocks.boot()) {
            let (text, isOver) = alarms.certificate(standing, of: book.own)
            logger.log(level: isOver ? .notice : .warning, "\(text)")
            turnSoon()
        }
        loop.assumeIsolated().scheduleTask(in: Self.certificatePause) { [weak self, watch] in
            self?.watchCertificate(watch)
        }
    }
}
