import NIOCore
import Quota
import RaftTransport
import Replica
import Wire

/// What the gateways of the members tell each other of quotas, on a lane of its own. The replica has no part in it.
extension NodeDriver {
    /// Tells the gateway of its peers from now on, those that there are first, as long as it is there. A later one takes its
    /// place.
    func listen(_ listener: QuotaListener) {
        loop.preconditionInEventLoop()
        guard !isStopped else { return }
        quotas = QuotaStanding(listener: listener)
        turnSoon()
    }

    /// Tells the gateway which members can be reached, and which are none any more.
    func tellQuotaPeers() {
        guard quotas?.isDue == true, let listener = quotas?.listener, let transport else { return }
        quotas?.isDue = false
        guard listener.isPresent else {
            quotas = nil
            return
        }
        let known = currentQuotaPeers(transport)
        guard let before = quotas, before.members != known.members || before.connected != known.connected else {
            return
        }
        quotas?.members = known.members
        quotas?.connected = known.connected
        for peer in before.connected.subtracting(known.connected).sorted() { listener.tell(.disconnected(peer)) }
        for peer in before.members.subtracting(known.members).sorted() { listener.tell(.removed(peer)) }
        for peer in known.connected.subtracting(before.connected).sorted() { listener.tell(.connected(peer)) }
    }

    /// Connections or members have changed.
    func reviewQuotaPeers() {
        guard quotas != nil else { return }
        quotas?.isDue = true
        turnSoon()
    }

    private func currentQuotaPeers(_ transport: PeerTransport) -> (members: Set<ReplicaID>, connected: Set<ReplicaID>) {
        let members = view.withLockedValue { view in
            Set(view.status?.configuration.members.map(\.id) ?? []).subtracting(view.status.map { [$0.id] } ?? [])
        }
        return (members, members.intersection(transport.peers(speaking: .quotas).map(\.replica)))
    }

    /// A peer's gateway has sent something. What is no member's is nobody's.
    func receivedQuota(_ payload: [UInt8], from peer: PeerIdentity) {
        guard !payload.isEmpty, let quotas, quotas.members.contains(peer.replica) else { return }
        quotas.listener.tell(.received(payload, from: peer.replica))
    }

    /// Tells a peer's gateway something. It may be lost.
    func sendQuota(_ bytes: [UInt8], to peer: ReplicaID) {
        guard !isStopped, quotas?.connected.contains(peer) == true, let address = address(of: peer) else { return }
        transport?.send(bytes, to: address, lane: .quotas)
    }

    func reportUntoldQuota(_ peer: ReplicaID) {
        let member = view.withLockedValue { $0.status?.configuration.members.first { $0.id == peer } }
        logger.error(
            "a policy is eventual, and there are more members than tell each other of such limits: each counts for itself",
            metadata: [
                "peer": "\(member?.name ?? "\(peer)")",
                "remedy": "at most \(EventualExchange.peersMax + 1) members, or consistency: escrow",
            ]
        )
    }

    func reportUnreadableQuota(_ error: String, from peer: ReplicaID) {
        let member = view.withLockedValue { $0.status?.configuration.members.first { $0.id == peer } }
        reportUnreadable("a peer tells of quotas what cannot be read", name: member?.name ?? "\(peer)", error)
    }
}

/// What the gateway's quota side was told of its peers.
struct QuotaStanding {
    let listener: QuotaListener
    var members: Set<ReplicaID> = []
    var connected: Set<ReplicaID> = []
    /// Whether it may be otherwise by now.
    var isDue = true

    init(listener: QuotaListener) { self.listener = listener }
}
