import Logging
import NIOCore

/// What becomes of connections, for the owner and for the log. A fault of a peer is told once a minute at most: whoever dials
/// again and again would fill the log.
extension PeerTransport {
    /// A connection has passed its handshake.
    func found(_ peer: PeerIdentity, _ direction: Direction) {
        note(direction == .outbound ? "connected to a peer" : "a peer has connected", peer, [:])
        tell(.connected(peer, direction))
    }

    /// A connection that had passed it is gone.
    func lost(_ peer: PeerIdentity, _ direction: Direction, _ end: ConnectionEnd) {
        if case .violation = end {
            report("a peer broke the protocol", peer: peer.name, kind: end.kind, ["reason": "\(end.text)"])
        } else {
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
        case .refused(let refusal, let claimed):
            let name = claimed.map(Refusal.printable) ?? peer
            report(
                "refused a peer",
                peer: peer,
                kind: end.kind,
                ["name": "\(name)", "direction": "\(direction)", "reason": "\(refusal.text)"]
            )
            tell(.refused(peer: name, direction, refusal, byPeer: false))
        case .refusedByPeer(let refusal):
            report(
                "a peer refuses this node",
                peer: peer,
                kind: end.kind,
                ["direction": "\(direction)", "reason": "\(refusal.text)"]
            )
            tell(.refused(peer: peer, direction, refusal, byPeer: true))
        case .closed:
            break
        case .violation, .timedOut, .failed, .closedByPeer:
            report(
                "a connection came to nothing",
                peer: peer,
                kind: "\(direction) \(end.kind)",
                ["direction": "\(direction)", "reason": "\(end.text)"]
            )
        }
    }

    /// Writes what happens in the life of a connection. What happens again within a minute is for who looks closely.
    private func note(_ message: Logger.Message, _ peer: PeerIdentity, _ metadata: Logger.Metadata) {
        let now = NIODeadline.now().uptimeNanoseconds
        let isDue = reports.isDue(peer: peer.name, reason: "\(peer.lane) \(message)", now: now)
        logger.log(
            level: isDue ? .info : .debug,
            message,
            metadata: metadata.merging(["peer": "\(peer.name)", "lane": "\(peer.lane)"]) { own, _ in own }
        )
    }

    /// Writes a warning, once a minute for each peer and kind.
    func report(_ message: Logger.Message, peer: String, kind: String, _ metadata: Logger.Metadata) {
        guard reports.isDue(peer: peer, reason: kind, now: NIODeadline.now().uptimeNanoseconds) else { return }
        logger.warning(message, metadata: metadata.merging(["peer": "\(peer)"]) { own, _ in own })
    }
}
