import NIOCore
import NIOSSL

/// Connections that peers have dialled.
extension PeerTransport: ConnectionOwner {
    /// Takes a new connection, or throws, which closes it.
    func accept(_ channel: any Channel) throws {
        guard isRunning else { throw ChannelError.operationUnsupported }
        track(channel)
        let address = channel.remoteAddress?.ipAddress ?? "unknown"
        let connection = Connection(
            handshake: Handshake(own: hello(.messages), side: .acceptor),
            isTLS: tls != nil,
            settings: settings,
            authorize: authorize,
            owner: self
        )
        let id = ObjectIdentifier(connection)
        let decision = acceptedTable.arrived(id, from: address)
        if let evicted = decision.evicted.flatMap({ accepted[$0] }) {
            report(
                "too many connections that do not say who they are: the oldest gives way",
                .stranger(address: address),
                kind: "evicted",
                ["remedy": "if no node has this address, keep it away from this port"]
            )
            evicted.end(.closed("it made room for a newer one"))
        }
        guard decision.isAccepted else {
            report(
                "too many connections of peers: one more was closed",
                .stranger(address: address),
                kind: "full",
                [
                    "limit": "\(settings.acceptedMax)",
                    "remedy":
                        "see which nodes have certificates of this cluster's authority, and stop those that are none of it",
                ]
            )
            throw ChannelError.operationUnsupported
        }
        accepted[id] = connection
        acceptedAddresses[id] = address
        do {
            let pipeline = channel.pipeline.syncOperations
            if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls.server)) }
            try pipeline.addHandler(connection)
        } catch {
            connection.end(.closedByPeer)
            throw error
        }
    }

    func connection(_ connection: Connection, established peer: PeerIdentity) {
        let id = ObjectIdentifier(connection)
        acceptedPeers[id] = peer
        if let former = acceptedTable.finished(id, name: peer.name, lane: peer.lane, isMember: peer.isMember) {
            accepted[former]?.end(.closed("the peer has dialled anew"))
        }
        found(peer, .inbound)
        // Answers to it go by the own connection.
        for lane in Lane.allCases { links[LinkKey(name: peer.name, lane: lane)]?.peerIsThere() }
    }

    func connection(_ connection: Connection, received payload: [UInt8]) {
        guard let peer = acceptedPeers[ObjectIdentifier(connection)] else { return }
        counters.count(peer.name) {
            $0.payloadsReceived += 1
            $0.bytesReceived += UInt64(payload.count + Frame.headBytes)
        }
        tell(.received(payload, from: peer))
    }

    func connectionBecameWritable(_ connection: Connection) {}

    func connection(_ connection: Connection, ended end: ConnectionEnd) {
        let id = ObjectIdentifier(connection)
        acceptedTable.closed(id)
        accepted[id] = nil
        let address = acceptedAddresses.removeValue(forKey: id) ?? "unknown"
        if let peer = acceptedPeers.removeValue(forKey: id) {
            lost(peer, .inbound, end)
        } else {
            if case .closed = end {} else { counters.others.handshakeFailures += 1 }
            handshakeFailed(.stranger(address: address), .inbound, end)
        }
    }
}
