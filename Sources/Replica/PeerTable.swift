import Raft
import Wire

/// What is known of the other members' releases.
struct PeerTable: Sendable {
    private struct Peer: Sendable {
        let id: ReplicaID
        var supportedVersion: UInt32
        /// The term in which that was heard last: a leader counts only what it heard as such, for a member may have come
        /// back with an earlier release.
        var term: Term
    }

    /// Sorted by id; members only.
    private var peers: [Peer] = []
    /// A version was offered; before this it is not offered again.
    private var raisingUntil = BootTime.zero

    mutating func heard(_ id: ReplicaID, supportedVersion: UInt32, term: Term) {
        if let place = peers.firstIndex(where: { $0.id == id }) {
            peers[place].supportedVersion = supportedVersion
            peers[place].term = term
        } else {
            peers.append(Peer(id: id, supportedVersion: supportedVersion, term: term))
        }
    }

    /// Forgets who is no member any more.
    mutating func keep(_ configuration: Configuration) {
        peers.removeAll { !configuration.contains($0.id) }
    }

    /// The version that every member knows, all heard in this term; nil where one was not.
    func commonVersion(of configuration: Configuration, id: ReplicaID, own: UInt32, term: Term) -> UInt32? {
        var common = own
        for member in configuration.members where member.id != id {
            guard let peer = peers.first(where: { $0.id == member.id }), peer.term == term else { return nil }
            common = min(common, peer.supportedVersion)
        }
        return common
    }

    /// Whether a version was offered and may yet be taken.
    func isRaising(_ now: BootTime) -> Bool { now < raisingUntil }

    mutating func raising(until deadline: BootTime) { raisingUntil = deadline }
}
