import Logging
import NIOCore

/// What becomes of connections, for the owner and for the log. A fault of a peer is told once a minute at most, a refusal once
/// an hour: whoever dials again and again would fill the log.
extension PeerTransport {
    /// A connection has passed its handshake.
    func found(_ peer: PeerIdentity, _ direction: Direction) {
        note(direction == .outbound ? "connected to a peer" : "a peer has connected", peer, [:])
        tell(.connected(peer, direction))
    }

    /// A connection that had passed it is gone.
    func lost(_ peer: PeerIdentity, _ direction: Direction, _ end: ConnectionEnd) {
        switch end {
        case .violation:
            report("a peer broke the protocol", peer: peer.name, kind: end.kind, details(of: end))
        case .refused(let refusal, _) where refusal.code != .outdated,
            .refusedByPeer(let refusal) where refusal.code != .outdated:
            refused(peer.name, direction, end)
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
    /// - Parameter peer: the name that was dialled, or the address that has dialled.
    func handshakeFailed(_ peer: String, _ direction: Direction, _ end: ConnectionEnd) {
        switch end {
        case .refused, .refusedByPeer:
            refused(peer, direction, end)
        case .closed:
            break
        case .violation, .timedOut, .failed, .closedByPeer:
            report(
                "a connection came to nothing",
                peer: peer,
                kind: "\(direction) \(end.kind)",
                details(of: end).merging(["direction": "\(direction)"]) { own, _ in own }
            )
        }
    }

    /// One side does not talk to the other.
    private func refused(_ peer: String, _ direction: Direction, _ end: ConnectionEnd) {
        let interval = settings.refusalReportInterval
        switch end {
        case .refused(let refusal, let claimed):
            let name = claimed.map { Refusal.printable($0.name) } ?? peer
            // What else is refused comes from whoever claims the name, and must not fill the limiter for an hour.
            let isNamed = direction == .outbound || [.unauthorized, .cluster].contains(refusal.code)
            counters.refused += 1
            report(
                "refused a peer",
                peer: isNamed ? name : peer,
                kind: "\(direction) \(end.kind)",
                ["name": "\(name)", "direction": "\(direction)", "reason": "\(refusal.text)"],
                every: isNamed ? interval : settings.reportInterval
            )
            tell(.refused(peer: name, direction, refusal, byPeer: false, claimed: claimed))
        case .refusedByPeer(let refusal):
            counters.refusedByPeers += 1
            report(
                "a peer refuses this node",
                peer: peer,
                kind: end.kind,
                ["direction": "\(direction)", "reason": "\(refusal.text)"],
                every: interval
            )
            tell(.refused(peer: peer, direction, refusal, byPeer: true, claimed: nil))
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
        let isDue = isDue(peer: peer.name, kind: "\(peer.lane) \(message)", every: settings.reportInterval)
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
        peer: String,
        kind: String,
        _ metadata: Logger.Metadata,
        every interval: TimeAmount? = nil
    ) {
        guard isDue(peer: peer, kind: kind, every: interval ?? settings.reportInterval) else { return }
        logger.warning(message, metadata: metadata.merging(["peer": "\(peer)"]) { own, _ in own })
    }

    private func isDue(peer: String, kind: String, every interval: TimeAmount) -> Bool {
        reports.isDue(
            peer: peer,
            reason: kind,
            now: NIODeadline.now().uptimeNanoseconds,
            interval: UInt64(max(0, interval.nanoseconds))
        )
    }
}
