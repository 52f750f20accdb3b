/// Which connections a small server has: bounded in number, and of those none for ever that ask nothing.
///
/// Whoever opens connections and asks nothing, or keeps them when it has its answer, shuts nobody else out: where there is no
/// room for a new one, that gives way which has asked nothing for longest. One whose request is being answered never does.
struct ControlConnections<ID: Hashable & Sendable>: Sendable {
    /// What is to be done about a new connection.
    struct Decision: Equatable, Sendable {
        /// Whether it may stay.
        var isAccepted: Bool
        /// What must go to make room for it: at most one.
        var evicted: ID?
    }

    /// Most connections.
    let connectionsMax: Int
    /// Without a request that is being answered; the one that has asked nothing for longest comes first.
    private var idle: [ID] = []
    /// With one.
    private var busy: Set<ID> = []

    init(connectionsMax: Int) {
        self.connectionsMax = connectionsMax
    }

    /// How many there are.
    var count: Int { idle.count + busy.count }

    /// A connection has come.
    mutating func arrived(_ id: ID) -> Decision {
        var evicted: ID?
        if count >= connectionsMax {
            guard !idle.isEmpty else { return Decision(isAccepted: false, evicted: nil) }
            evicted = idle.removeFirst()
        }
        idle.append(id)
        return Decision(isAccepted: true, evicted: evicted)
    }

    /// A whole request has come.
    /// - Returns: whether it is to be answered. Not where the connection had to give way meanwhile.
    mutating func requestBegan(_ id: ID) -> Bool {
        if busy.contains(id) { return true }
        guard let place = idle.firstIndex(of: id) else { return false }
        idle.remove(at: place)
        busy.insert(id)
        return true
    }

    /// The answer to a request is made. Of a connection that is not known nothing happens.
    mutating func requestEnded(_ id: ID) {
        guard busy.remove(id) != nil else { return }
        idle.append(id)
    }

    /// A connection is gone. Of one that is not known nothing happens.
    mutating func closed(_ id: ID) {
        idle.removeAll { $0 == id }
        busy.remove(id)
    }
}
