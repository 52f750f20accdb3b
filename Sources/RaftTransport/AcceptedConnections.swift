/// Which accepted connections there may be: bounded in number, and of those that have not shown who they are only a few for
/// each address.
///
/// Who opens connections and says nothing drives out only such as itself, the oldest first, and never a peer that has
/// passed its handshake. Of one name a member and a node that is none do not drive each other out either: the second may have
/// the first's certificate, and not yet its place.
struct AcceptedConnections<ID: Hashable> {
    /// What is to be done about a new connection.
    struct Decision: Equatable {
        /// Whether it may stay.
        var isAccepted: Bool
        /// What must go to make room for it: at most one.
        var evicted: ID?
    }

    /// Most connections, finished and unfinished.
    let connectionsMax: Int
    /// Most unfinished ones of an address.
    let unfinishedMax: Int
    private var unfinished: [(id: ID, address: String)] = []
    private var finished: [(id: ID, name: String, lane: Lane, isMember: Bool)] = []

    init(connectionsMax: Int, unfinishedMax: Int) {
        self.connectionsMax = connectionsMax
        self.unfinishedMax = unfinishedMax
    }

    /// How many there are.
    var count: Int { unfinished.count + finished.count }

    /// A connection has come.
    mutating func arrived(_ id: ID, from address: String) -> Decision {
        var evicted: ID?
        if unfinished.count(where: { $0.address == address }) >= unfinishedMax {
            evicted = removeOldest { $0 == address }
        } else if count >= connectionsMax {
            evicted = removeOldest { _ in true }
        }
        guard count < connectionsMax else { return Decision(isAccepted: false, evicted: evicted) }
        unfinished.append((id, address))
        return Decision(isAccepted: true, evicted: evicted)
    }

    /// A connection has passed its handshake.
    /// - Returns: the one that the same peer had before on this lane, which it has given up.
    mutating func finished(_ id: ID, name: String, lane: Lane, isMember: Bool) -> ID? {
        unfinished.removeAll { $0.id == id }
        let place = finished.firstIndex { $0.name == name && $0.lane == lane && $0.isMember == isMember }
        let former = place.map { finished.remove(at: $0).id }
        finished.append((id, name, lane, isMember))
        return former
    }

    /// A connection is gone. Of one that is not known nothing happens.
    mutating func closed(_ id: ID) {
        unfinished.removeAll { $0.id == id }
        finished.removeAll { $0.id == id }
    }

    private mutating func removeOldest(where matches: (String) -> Bool) -> ID? {
        unfinished.firstIndex { matches($0.address) }.map { unfinished.remove(at: $0).id }
    }
}
