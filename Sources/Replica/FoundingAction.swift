import Raft
import Wire

/// What founding asks of the driver. In order.
public enum FoundingAction: Hashable, Sendable {
    /// Make the record durable in place of the one before, then call ``Founding/persisted(_:)`` with the number. If that
    /// fails, the process ends, or tries again before anything else; nothing is reported.
    case persist(number: UInt64, FoundingRecord)
    /// Send this to the node.
    case send(FoundingMessage, to: FoundingSeed)
    /// It is over: make the log's storage, durable with its folder, then call ``Founding/storageCreated()``. Storage of
    /// this cluster and replica that is there already is the one that was meant; anything else there is replaced.
    case create(FoundingOutcome)
    /// The storage may be used: the replica takes part from now on.
    case finished(FoundingOutcome)
    /// Tell the operator. Once for each thing that is wrong, and again if it went away and came back.
    case alarm(FoundingAlarm)
}

/// What founding came to.
public enum FoundingOutcome: Hashable, Sendable {
    /// A cluster was founded, and this replica is one of its voters.
    case founded(FoundingValue)
    /// A cluster exists already: this replica is to be a learner once somebody admits it. Members as far as known.
    case joining(ClusterID, members: [Member])

    /// Which cluster.
    public var cluster: ClusterID {
        switch self {
        case .founded(let value): value.cluster
        case .joining(let cluster, _): cluster
        }
    }
}

/// What keeps the cluster from being founded, for the operator.
public enum FoundingAlarm: Hashable, Sendable {
    /// Another node has another list of seeds. Nothing is founded while it says so.
    case seedsDiffer(node: String, onlyHere: [FoundingSeed], onlyThere: [FoundingSeed])
    /// Seeds with the same list have heard another one, and say which at their own place. Names.
    case disputed([String])
    /// Seeds were not heard for a while; all are needed. Names in the order of the list.
    case silent([String])
    /// A seed took part and has come back as another replica, or another replica took part in its name: its disk was
    /// lost, swapped or not mounted. What it voted for can be neither finished nor replaced.
    case seedLost(node: String, voted: ReplicaID, present: ReplicaID)
    /// Seeds know of a seed that was lost, and say which at their own place. Names.
    case stuck([String])
    /// Two seeds have one replica id: one disk is a copy of the other's.
    case sameReplica([String])
    /// A cluster exists and this replica is not in it: somebody must admit it.
    case waitsToBeAdmitted(ClusterID)

    /// One sentence or two for the operator, with what to do.
    public var explanation: String {
        func list(_ seeds: [FoundingSeed]) -> String {
            seeds.isEmpty ? "nothing" : seeds.map { "\($0.name) (\($0.address))" }.joined(separator: ", ")
        }
        switch self {
        case .seedsDiffer(let node, let onlyHere, let onlyThere):
            return """
                Node \(node) has another list of seeds, so no cluster is founded: only here are \(list(onlyHere)); only \
                there are \(list(onlyThere)). Give all nodes the same list and start them again.
                """
        case .disputed(let names):
            return """
                Node \(names.joined(separator: ", ")) has heard of another list of seeds, so no cluster is founded: see \
                there which.
                """
        case .silent(let names):
            return """
                No word from \(names.joined(separator: ", ")): all seeds are needed to found the cluster. Start them, or \
                see whether their addresses can be reached.
                """
        case .seedLost(let node, _, _):
            return """
                Node \(node) took part in the founding with another disk than it has now, so the founding cannot be \
                finished. Bring that disk back; or, if no seed belongs to a cluster yet, clear the data folders of all \
                seeds and start them again.
                """
        case .stuck(let names):
            return """
                Node \(names.joined(separator: ", ")) says that the founding cannot be finished, since a seed took part \
                with a disk that it has no more: see there which.
                """
        case .sameReplica(let names):
            return """
                The disks of \(names.joined(separator: " and ")) are copies of one another. Clear the data folders of all \
                but one.
                """
        case .waitsToBeAdmitted(let cluster):
            let digits = [cluster.high, cluster.low].map { half in
                let text = String(half, radix: 16)
                return String(repeating: "0", count: 16 - text.count) + text
            }
            return """
                Cluster \(digits.joined()) exists already, without this replica: run "tollgate cluster add" or \
                "tollgate cluster replace" at one of its nodes.
                """
        }
    }
}
