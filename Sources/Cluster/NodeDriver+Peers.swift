import Ledger
import NIOCore
import RaftTransport
import Replica

/// Who the peers are: what their connections say, and whether to talk to them.
extension NodeDriver {
    /// Something has happened on the transport.
    func happened(_ event: TransportEvent) {
        loop.preconditionInEventLoop()
        switch event {
        case .received(let payload, let peer):
            received(payload, from: peer)
        case .connected(let peer, let direction):
            counted(peer, isConnected: true)
            connected(peer, direction)
        case .disconnected(let peer, _, _):
            counted(peer, isConnected: false)
        case .refused(let peer, let direction, let refusal, let byPeer):
            guard byPeer, direction == .outbound, refusal.code != .outdated else { break }
            alarms.refused(by: peer, why: refusal.text)
            turnSoon()
        }
    }

    private func connected(_ peer: PeerIdentity, _ direction: Direction) {
        if direction == .outbound, alarms.accepted(by: peer.name) { turnSoon() }
        if book.met(peer) { transport?.update(peers: book.peers) }
        if let cluster = peer.cluster, admission?.cluster == nil { input { $0.clusterHeard(cluster) } }
        guard let admission, let remark = admission.remark(on: peer) else { return }
        // Once for each disk: it may wait for days, and connect often.
        guard remarked[peer.name] != peer.replica else { return }
        remarked[peer.name] = peer.replica
        logger.warning("\(remark)")
    }

    /// Whether to talk to who says this Hello: nil for yes. Changes nothing.
    func objection(to hello: Hello) -> String? { admission?.objection(to: hello.identity) }

    /// What is known of the members, as of this turn.
    func know(_ admission: PeerAdmission) {
        guard admission != self.admission else { return }
        let members = self.admission?.members
        self.admission = admission
        transport?.update(identity: admission.identity)
        guard members != admission.members else { return }
        let names = Set(admission.members.map(\.name))
        remarked = remarked.filter { name, _ in names.contains(name) }
        alarms.keepRefusals(by: names)
        transport?.reauthorize()
    }
}

extension NodeMessage {
    /// Whether the sender that it names is the peer that has sent it.
    func isOf(_ peer: PeerIdentity) -> Bool {
        switch self {
        case .founding(let message): message.from == peer.replica && message.sender == peer.name
        case .peer(let message): message.from == peer.replica
        }
    }
}
