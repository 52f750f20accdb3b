import Logging
import NIOCore

/// What becomes of connections, for the owner and for the log. A fault of a peer is told once a minute at most, a refusal once
/// an hour: whoever dials again and again would fill the log.
extension PeerTransport {
    /// The other end of a connection.
    enum Remote {
        /// The node of this name: it was dialled, or has proven that it is the one.
        case peer(String)
        /// Somebody at this address, who has dialled and proven nothing.
        case stranger(address: String)

        /// For the log.
        var text: String {
            switch self {
            case .peer(let text), .stranger(let text): text
            }
        }

        fileprivate var subject: ReportLimiter.Subject {
            switch self {
            case .peer(let name): .peer(name)
            case .stranger(let address): .stranger(RemoteNetwork.name(of: address))
            }
        }
    }

    /// A connection has passed its handshake.
    func found(_ peer: PeerIdentity, _ direction: Direction) {
        note(direction == .outbound ? "connected to a peer" : "a peer has connected", peer, [:])
        tell(.connected(peer, direction))
    }

    /// A connection that had passed it is gone.
    func lost(_ peer: PeerIdentity, _ direction: Direction, _ end: ConnectionEnd) {
        switch end {
        case .violation:
            report("a peer broke the protocol", .peer(peer.name), kind: end.kind, details(of: end))
        case .refused(let refusal, _) where refusal.code != .outdated,
            .refusedByPeer(let refusal) where refusal.code != .outdated:
            refused(.peer(peer.name), direction, end)
        default:
            note(
                direction == .outbound ? "the connection to a peer is gone" : "the connection from a peer is gone",
                peer,
                ["reason": "\(end.text)"]
            )
        }
        tell(.disconnected(peer, direction, reason: end.text))
    }

    /// A connection has passed no handshake.
    func handshakeFailed(_ peer: Remote, _ direction: Direction, _ end: ConnectionEnd) {
        switch end {
        case .refused, .refusedByPeer:
            refused(peer, direction, end)
        case .closed:
            break
        case .violation, .timedOut, .failed, .closedByPeer:
            report(
                "a connection came to nothing",
                peer,
                kind: "\(direction) \(end.kind)",
                details(of: end).merging(["direction": "\(direction)"]) { own, _ in own }
            )
        }
    }

    /// One side does not talk to the other.
    private func refused(_ peer: Remote, _ direction: Direction, _ end: ConnectionEnd) {
        let interval = settings.refusalReportInterval
        switch end {
        case .refused(let refusal, let claimed):
            let name = claimed.map { Refusal.printable($0.name) } ?? peer.text
            // What else is refused comes from whoever claims the name, and must not fill the limiter for an hour.
            let isNamed = direction == .outbound || [.unauthorized, .cluster].contains(refusal.code)
            counters.refused += 1
            report(
                "refused a peer",
                isNamed ? .peer(name) : peer,
                kind: "\(direction) \(end.kind)",
                ["name": "\(name)", "direction": "\(direction)", "reason": "\(refusal.text)"],
                every: isNamed ? interval : settings.reportInterval
            )
            tell(.refused(peer: name, direction, refusal, byPeer: false, claimed: claimed))
        case .refusedByPeer(let refusal):
            counters.refusedByPeers += 1
            report(
                "a peer refuses this node",
                peer,
                kind: end.kind,
                ["direction": "\(direction)", "reason": "\(refusal.text)"],
                every: interval
            )
            tell(.refused(peer: peer.text, direction, refusal, byPeer: true, claimed: nil))
        case .violation, .timedOut, .failed, .closedByPeer, .closed:
            preconditionFailure("nobody has refused anybody")
        }
    }

    private func details(of end: ConnectionEnd) -> Logger.Metadata {
        var details: Logger.Metadata = ["reason": "\(end.text)"]
        if let remedy = end.remedy { details["remedy"] = "\(remedy)" }
        return details
    }

    /// Writes what happens in the life of a connection. What happens again within a minute is for who looks closely.
    private func note(_ message: Logger.Message, _ peer: PeerIdentity, _ metadata: Logger.Metadata) {
        let isDue = isDue(.peer(peer.name), kind: "\(peer.lane) \(message)", every: settings.reportInterval)
        logger.log(
            level: isDue ? .info : .debug,
            message,
            metadata: metadata.merging(["peer": "\(peer.name)", "lane": "\(peer.lane)"]) { own, _ in own }
        )
    }

    /// Writes a warning, once in a while for each peer and kind.
    /// - Parameter interval: nil for ``TransportSettings/reportInterval``.
    func report(
        _ message: Logger.Message,
        _ peer: Remote,
        kind: String,
        _ metadata: Logger.Metadata,
        every interval: TimeAmount? = nil
    ) {
        guard isDue(peer, kind: kind, every: interval ?? settings.reportInterval) else { return }
        logger.warning(message, metadata: metadata.merging(["peer": "\(peer.text)"]) { own, _ in own })
    }

    private func isDue(_ peer: Remote, kind: String, every interval: TimeAmount) -> Bool {
        reports.isDue(
            peer.subject,
            reason: kind,
            now: NIODeadline.now().uptimeNanoseconds,
            interval: UInt64(max(0, interval.nanoseconds))
        )
    }
}
