import Ledger
import Logging
import NIOCore
import Raft
import RaftTransport
import Replica
import Wire

/// Who the peers are: what their connections say, and whether to talk to them.
extension NodeDriver {
    /// Between two looks at whether this node's address is known, in nanoseconds: 250 ms.
    private static var addressPause: UInt64 { 250_000_000 }
    /// Between two reports of messages that cannot be read, in nanoseconds: a minute.
    private static var reportPause: UInt64 { 60_000_000_000 }

    /// Something has happened on the transport.
    func happened(_ event: TransportEvent) {
        loop.preconditionInEventLoop()
        switch event {
        case .received(let payload, let peer) where peer.lane == .quotas:
            receivedQuota(payload, from: peer)
        case .received(let payload, let peer):
            received(payload, from: peer)
        case .connected(let peer, let direction):
            counted(peer, isConnected: true)
            connected(peer, direction)
            reviewQuotaPeers()
        case .disconnected(let peer, _, _):
            counted(peer, isConnected: false)
            reviewQuotaPeers()
        case .refused(_, .inbound, let refusal, false, let claimed?) where refusal.code == .cluster:
            lone.refused(claimed)
            turnSoon()
        case .refused(let peer, let direction, let refusal, let byPeer, _):
            guard byPeer, direction == .outbound, refusal.code != .outdated else { break }
            alarms.refused(by: peer, why: refusal.text)
            if refusal.code == .unauthorized, peer != book.own {
                if dismissal == nil, let said = admission?.dismissal(in: refusal.text) {
                    dismissal = said
                    dismissedAt = SystemClocks.boot()
                }
                desk.refused()
            }
            turnSoon()
        }
    }

    private func connected(_ peer: PeerIdentity, _ direction: Direction) {
        if direction == .outbound, alarms.accepted(by: peer.name) { turnSoon() }
        lone.met(peer.name, isFellow: peer.isMember && peer.cluster == admission?.cluster)
        if book.met(peer) { transport?.update(peers: book.peers) }
        if let cluster = peer.cluster, admission?.cluster == nil { input { $0.clusterHeard(cluster) } }
        guard let admission, let remark = admission.remark(on: peer) else { return }
        // Once for each disk: it may wait for days, and connect often.
        guard remarked[peer.name] != peer.replica else { return }
        remarked[peer.name] = peer.replica
        logger.warning("\(remark)")
    }

    /// A payload of a peer.
    func received(_ payload: [UInt8], from peer: PeerIdentity) {
        loop.preconditionInEventLoop()
        if payload.first == OperationMessage.tag { return receivedOperation(payload, from: peer) }
        let message: NodeMessage
        do { message = try NodeMessage(decoding: payload) } catch {
            return reportUnreadable("a peer sends what cannot be read", peer, "\(error)")
        }
        guard message.isOf(peer) else {
            return reportUnreadable("a peer sends what is another's", peer, "it names another sender")
        }
        if case .founding(let founding) = message {
            book.heard(founding)
            relay(payload, founding)
        }
        input { $0.receive(message) }
    }

    func reportUnreadable(_ message: Logger.Message, _ peer: PeerIdentity, _ error: String) {
        reportUnreadable(message, name: peer.name, error)
    }

    func reportUnreadable(_ message: Logger.Message, name: String, _ error: String) {
        let now = SystemClocks.boot()
        guard unreadableReportedAt.map({ now.nanoseconds(since: $0) >= Self.reportPause }) ?? true else { return }
        unreadableReportedAt = now
        logger.warning(
            message,
            metadata: ["peer": "\(name)", "error": "\(error)", "remedy": "run the same release on all nodes"]
        )
    }

    /// A member that is reached elsewhere than the members think has the leader say so to all. A node that was alone could
    /// not be reached at all.
    func tellAddress() {
        let now = SystemClocks.boot()
        guard transport != nil, now >= addressDueAt else { return }
        addressDueAt = now.adding(nanoseconds: Self.addressPause)
        guard let status = currentView.status, status.leader != nil, !book.ownAddress.isEmpty,
            status.configuration == status.appliedConfiguration, !status.configuration.isJoint,
            var member = status.configuration.members.first(where: { $0.id == status.id }),
            member.address != book.ownAddress
        else { return }
        member.address = book.ownAddress
        _ = askLeader(.change(ConfigurationChange([.update(member)]), from: status.configuration, term: status.term))
    }

    /// Where a replica is reached.
    func address(of replica: ReplicaID) -> PeerAddress? { book.address(of: .replica(replica)) }

    /// Tells a peer something of an operation. It may be lost.
    func send(_ message: OperationMessage, to peer: PeerAddress) {
        transport?.send(message.encode(), to: peer, lane: .messages)
    }

    /// A connection of a peer came or went.
    func counted(_ peer: PeerIdentity, isConnected: Bool) {
        let count = connections[peer.replica, default: 0] + (isConnected ? 1 : -1)
        connections[peer.replica] = count > 0 ? count : nil
        view.withLockedValue { $0.connected = Set(connections.keys) }
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
