import Raft
import Wire

/// What an operator asks of a cluster, at any of its nodes.
enum Operation: Hashable, Sendable {
    /// A node that waits becomes a member. Its address is the one that it says; one is given where it has said none.
    case add(name: String, address: String?)
    /// A member leaves.
    case remove(name: String)
    /// A node that waits takes the place of the member of its name.
    case replace(name: String, address: String?)
    /// A learner becomes a voter, as soon as it can.
    case promote(name: String)
    /// Another voter leads: this one, or whoever is furthest.
    case transfer(to: String?)
}

/// What an operation is decided by: how the cluster stands, read after a majority has confirmed it.
struct OperationView: Hashable, Sendable {
    /// This node's replica.
    var own: ReplicaID
    /// Who leads.
    var leader: ReplicaID?
    /// In which term.
    var term: Term
    /// The membership that is decided.
    var decided: Configuration
    /// A change is under way.
    var isChanging: Bool
    /// Nodes that are no members.
    var waiting: [WaitingNode]
}

/// What to do next for an operation.
enum OperationStep: Hashable, Sendable {
    /// The leader is asked for this change.
    case change(ConfigurationChange)
    /// The leader is asked to hand over; nil: to whoever is furthest.
    case transfer(ReplicaID?)
    /// Something that was begun must come to an end first.
    case wait
    /// Nothing is left to do.
    case done(OperationOutcome)
}

/// An operation from its first look at the cluster to its end: names become replicas at the first look, and every later one
/// compares what is with what is wanted. So it may be begun again at any time, by another leader too, and does nothing
/// twice.
///
///     resolved? ──look──▶ change / transfer ──look──▶ … ──look──▶ done
struct OperationPlan {
    private enum Goal {
        case member(Member, inPlaceOf: ReplicaID?)
        case gone(ReplicaID, name: String)
        case voter(ReplicaID, name: String)
        case leader(ReplicaID, name: String)
        case otherLeader(than: ReplicaID)
    }

    let operation: Operation
    private var goal: Goal?
    /// This node itself is to leave, and the leader has been asked for it. From then on nothing may be heard of it but that
    /// the others do not talk to this node any more.
    private(set) var isLeaving = false

    init(_ operation: Operation) { self.operation = operation }

    /// The next step towards what is wanted, as the cluster stands now.
    mutating func next(_ view: OperationView) throws(OperationError) -> OperationStep {
        let goal: Goal
        if let known = self.goal { goal = known } else { goal = try resolve(view) }
        self.goal = goal
        switch goal {
        case .member(let member, let former): return become(member, former, view)
        case .gone(let id, let name): return leave(id, name, view)
        case .voter(let id, let name):
            guard view.decided.contains(id) else {
                throw .conflict("\(name) is no member any more: it was removed meanwhile.")
            }
            if let done = voter(id, name, view) { return done }
            return view.isChanging ? .wait : .change(ConfigurationChange([.promote(id)]))
        case .leader(let id, let name):
            return view.leader == id
                ? .done(OperationOutcome(name: name, replica: id, state: .leader)) : .transfer(id)
        case .otherLeader(let former):
            guard let leader = view.leader, leader != former else { return .transfer(nil) }
            return .done(OperationOutcome(name: view.name(of: leader), replica: leader, state: .leader))
        }
    }

    /// What there is when time is over: a member that is not a voter yet becomes one by itself.
    func standing(_ view: OperationView, detail: String?) -> OperationOutcome? {
        switch goal {
        case .member(let member, _) where view.decided.isLearner(member.id):
            OperationOutcome(name: member.name, replica: member.id, state: .learner, detail: detail)
        case .voter(let id, let name) where view.decided.isLearner(id):
            OperationOutcome(name: name, replica: id, state: .learner, detail: detail)
        default: nil
        }
    }

    /// What has come of a change that the leader says is decided, where nothing is left to wait for.
    var departure: OperationOutcome? {
        guard case .gone(let id, let name) = goal else { return nil }
        return OperationOutcome(name: name, replica: id, state: .removed)
    }

    // MARK: - Steps

    private func voter(_ id: ReplicaID, _ name: String, _ view: OperationView) -> OperationStep? {
        guard view.decided.voters.contains(id), !view.decided.isJoint else { return nil }
        return .done(OperationOutcome(name: name, replica: id, state: .voter))
    }

    private func become(_ member: Member, _ former: ReplicaID?, _ view: OperationView) -> OperationStep {
        if let done = voter(member.id, member.name, view) { return done }
        // A learner is promoted by the leader itself.
        if view.isChanging || view.decided.contains(member.id) { return .wait }
        var steps: [ConfigurationChange.Step] = [.addLearner(member)]
        if let former, view.decided.contains(former) { steps.insert(.remove(former), at: 0) }
        return .change(ConfigurationChange(steps))
    }

    private mutating func leave(_ id: ReplicaID, _ name: String, _ view: OperationView) -> OperationStep {
        guard view.decided.contains(id) else {
            return .done(OperationOutcome(name: name, replica: id, state: .removed))
        }
        if view.isChanging { return .wait }
        // Another leads first: it can still see to what follows.
        if view.leader == id { return .transfer(nil) }
        isLeaving = isLeaving || id == view.own
        return .change(ConfigurationChange([.remove(id)]))
    }

    // MARK: - Names

    private func resolve(_ view: OperationView) throws(OperationError) -> Goal {
        switch operation {
        case .add(let name, let address): try resolveAdding(name, address, view)
        case .replace(let name, let address): try resolveReplacing(name, address, view)
        case .remove(let name): try resolveRemoving(name, view)
        case .promote(let name): .voter(try member(name, view).id, name: name)
        case .transfer(let name?): try resolveTransfer(to: name, view)
        case .transfer(nil): try resolveTransfer(view)
        }
    }

    private func resolveAdding(
        _ name: String,
        _ address: String?,
        _ view: OperationView
    ) throws(OperationError) -> Goal {
        let waiting = view.waiting.first { $0.name == name }
        if let member = view.decided.members.first(where: { $0.name == name }) {
            guard waiting == nil else {
                throw .conflict(
                    "\(name) is a member, and a node of this name waits whose disk is another one. If the old disk is gone: "
                        + "`tollgate cluster replace \(name)`."
                )
            }
            guard address == nil || address == member.address else {
                throw .conflict(
                    "\(name) is a member already, at \(member.address). If it is to be elsewhere: `tollgate cluster remove "
                        + "\(name)`, then `tollgate cluster add \(name)`."
                )
            }
            return .voter(member.id, name: name)
        }
        guard let waiting else { throw .notWaiting(noneWaits(name, view)) }
        return .member(try member(of: waiting, address), inPlaceOf: nil)
    }

    private func resolveReplacing(
        _ name: String,
        _ address: String?,
        _ view: OperationView
    ) throws(OperationError) -> Goal {
        let waiting = view.waiting.first { $0.name == name }
        guard let former = view.decided.members.first(where: { $0.name == name }) else {
            throw .notFound(
                waiting == nil
                    ? noMember(name, view) : "\(name) waits, and is no member yet: `tollgate cluster add \(name)`."
            )
        }
        guard let waiting else { throw .notWaiting(noneWaits(name, view)) }
        guard view.leader != former.id else {
            throw .conflict(
                "The replica of \(name) that is to be replaced runs, and leads. Two processes have this name: stop one."
            )
        }
        return .member(try member(of: waiting, address, former: former.address), inPlaceOf: former.id)
    }

    private func resolveRemoving(_ name: String, _ view: OperationView) throws(OperationError) -> Goal {
        let id = try member(name, view).id
        guard view.decided.voters != [id] else {
            throw .conflict("\(name) is the only voter: without it there is no cluster. Add another one first.")
        }
        return .gone(id, name: name)
    }

    private func resolveTransfer(to name: String, _ view: OperationView) throws(OperationError) -> Goal {
        let id = try member(name, view).id
        guard view.decided.voters.contains(id) else {
            throw .conflict("\(name) is a learner: who leads must have a vote.")
        }
        return .leader(id, name: name)
    }

    private func resolveTransfer(_ view: OperationView) throws(OperationError) -> Goal {
        guard view.decided.voters.count > 1 else { throw .conflict("There is no other voter that could lead.") }
        guard let leader = view.leader else { throw .noQuorum }
        return .otherLeader(than: leader)
    }

    private func member(_ name: String, _ view: OperationView) throws(OperationError) -> Member {
        guard let member = view.decided.members.first(where: { $0.name == name }) else {
            throw .notFound(noMember(name, view))
        }
        return member
    }

    /// - Parameter former: where the member was reached in whose place it comes.
    private func member(
        of waiting: WaitingNode,
        _ given: String?,
        former: String? = nil
    ) throws(OperationError) -> Member {
        // A member says where it is reached, and all go by that: what is given here would not last.
        if let given, let said = waiting.address, given != said {
            throw .conflict(
                "\(waiting.name) says that it is reached at \(said), and would go on to say so: leave the address out. Or have "
                    + "it say \(given), by its `cluster.advertise` and wherever `cluster.seeds` names it, and start it again."
            )
        }
        guard let address = given ?? waiting.address ?? former else {
            throw .incomplete("Say where \(waiting.name) is reached: it has not said so itself.")
        }
        guard (1...Configuration.nameBytesMax).contains(address.utf8.count) else {
            throw .incomplete("An address is host:port, of at most \(Configuration.nameBytesMax) bytes.")
        }
        return Member(id: waiting.replica, name: waiting.name, address: address)
    }

    private func noMember(_ name: String, _ view: OperationView) -> String {
        let names = view.decided.members.map(\.name).sorted().joined(separator: ", ")
        return "There is no member \(name). Members are: \(names)."
    }

    private func noneWaits(_ name: String, _ view: OperationView) -> String {
        let names = view.waiting.map(\.name).sorted().joined(separator: ", ")
        return "No node of the name \(name) waits to be admitted. Start it with an empty data folder, and a member of "
            + "this cluster among its seeds, then ask again. "
            + (names.isEmpty ? "Nobody waits." : "There wait: \(names).")
    }
}

extension OperationView {
    /// A member's name, or its replica where it has none any more.
    fileprivate func name(of id: ReplicaID) -> String { decided.members.first { $0.id == id }?.name ?? "\(id)" }
}
