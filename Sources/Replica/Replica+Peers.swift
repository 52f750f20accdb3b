import Raft
import Wire

// What other replicas say.
extension Replica {
    /// A message came.
    public mutating func receive(_ message: PeerMessage) {
        guard stopped == nil, message.to == id, message.from != id else { return }
        // First the core: it may learn from the message who leads. Nobody speaks for another.
        if case .raft(let inner) = message.payload {
            guard inner.from == message.from, inner.to == message.to else { return }
            raft.step(inner)
        }
        let isMember = raft.configuration.contains(message.from)
        let isLeader = message.from == raft.leader
        clock.heard(message.time, from: message.from, isLeader: isLeader, isMember: isMember)
        if isMember { peers.heard(message.from, supportedVersion: message.supportedVersion, term: raft.term) }
        switch message.payload {
        case .raft: break
        case .forward(let batch): receiveForward(batch)
        case .checkpoint(let index, let digest):
            guard isMember else { return }
            checkpoints.heard(message.from, index, digest, every: settings.checkpointEntries)
            compareDigests(at: index)
        case .stateRequest(let position, let atLeast, let offset):
            guard isMember else { return }
            sendState(to: message.from, position, atLeast: atLeast, offset: offset)
        case .statePart(let part): receiveState(part, from: message.from)
        }
    }
}
