import Ledger
import Logging
import NIOCore
import Replica
import Wire

/// What others see of the node.
extension NodeDriver {
    /// A leader that is heard so long after a member said that this node is none, in nanoseconds, knows it as one: 1 s,
    /// more than three of the longest election timeouts.
    private static var dismissalAge: UInt64 { 1_000_000_000 }
    /// A node that waits counts as gone when it has not said for so long that it is there, in nanoseconds: 3 s, many times
    /// ``Replica/FoundingSettings/helloInterval``.
    private static var waitingAge: UInt64 { 3_000_000_000 }

    /// How the node stands, as others see it.
    var currentView: ClusterView { view.withLockedValue { $0 } }
    /// Whether something that others have asked waits for its answer.
    var isAsked: Bool { answers.count + held.count > (isProbing ? 1 : 0) }

    /// What is to be logged when the node is free for others: that may take its time.
    typealias Remark = (level: Logger.Level, text: String)

    /// Shows how the node stands.
    /// - Returns: what is new in that, to be logged.
    func publish(_ node: Node<Ledger>) -> [Remark] {
        let generation = node.withReplica { $0.machine?.factsGeneration } ?? nil
        let known = view.withLockedValue { $0.facts?.generation }
        let facts = generation == known ? nil : node.withReplica { $0.machine?.facts } ?? nil
        let status = node.withReplica { $0.status }
        let time = node.withReplica { $0.time }
        let cluster = node.cluster
        let membership = reviewMembership(status)
        let admission = reviewAdmission(status)
        let (standing, lonelinessRemark) = reviewLoneliness(status)
        if status != nil, node.holdBack(standing != .well) { turnSoon() }
        let forgetful = alarms.forgetful(status.map(Reachability.forgetful) ?? [])
            .map { ($0.isOver ? Logger.Level.notice : .error, $0.text) }
        let waiting = waiting(node, status)
        if status?.leader == nil { isInDoubt = true }
        alarms.keepFounding(node.founding?.alarms ?? [])
        view.withLockedValue { view in
            view.cluster = cluster
            view.status = status
            view.isInDoubt = isInDoubt
            view.lone = standing
            view.dismissal = dismissal
            view.waiting = waiting
            if let facts { view.facts = facts }
            if let time {
                view.time = time
                view.timeAt = SystemClocks.boot()
            }
            view.alarms = alarms.texts
            view.noteQuorum()
        }
        return [membership, admission, lonelinessRemark, forgetful].compactMap { $0 }
    }

    private func waiting(_ node: Node<Ledger>, _ status: ReplicaStatus?) -> [WaitingNode] {
        guard let status, !node.applicants.isEmpty else { return [] }
        let now = SystemClocks.boot()
        return node.applicants.filter {
            !status.configuration.contains($0.replica) && now.nanoseconds(since: $0.heardAt) < Self.waitingAge
        }.map { WaitingNode(name: $0.name, replica: $0.replica, address: $0.address) }
    }

    /// Whether this node is a member, by its own log, and by what members say.
    private func reviewMembership(_ status: ReplicaStatus?) -> Remark? {
        guard let status else { return nil }
        let isMember = status.configuration.contains(status.id)
        // Whoever said so did not know: one that goes on hearing a leader is a member. It may have been a node with an old
        // folder, of which it is the only member.
        let age = SystemClocks.boot().nanoseconds(since: dismissedAt)
        if isMember, status.leader != nil, age > Self.dismissalAge { dismissal = nil }
        if wasAdmitted == nil, status.configuration.members.isEmpty {
            logger.notice(
                """
                waits until a member admits it, by `tollgate cluster add` or `tollgate cluster replace`; if every node of the \
                cluster waits, stop them, and see by `tollgate recover --data` what each one's data folder still holds
                """
            )
        }
        let isAdmitted = wasAdmitted ?? !status.configuration.members.isEmpty
        wasAdmitted = isAdmitted || isMember
        let isRemoved = isAdmitted && (!isMember || dismissal != nil)
        return alarms.removed(isRemoved).map { ($0.isOver ? .notice : .warning, $0.text) }
    }

    /// Whether this node is a member, as is decided: what is not may be taken back.
    private func reviewAdmission(_ status: ReplicaStatus?) -> Remark? {
        guard let status, status.appliedConfiguration.contains(status.id) else { return nil }
        return alarms.admitted().map { ($0.isOver ? .notice : .warning, $0.text) }
    }

    /// Whether this node is the only member of its cluster by mistake.
    private func reviewLoneliness(_ status: ReplicaStatus?) -> (LoneMember.Standing, Remark?) {
        let isAlone = status.map { $0.configuration.members.map(\.id) == [$0.id] } ?? false
        let standing = lone.review(isAlone: isAlone, now: SystemClocks.boot())
        loneliness = standing
        return (standing, alarms.lone(standing).map { ($0.isOver ? .notice : .error, $0.text) })
    }

    /// Facts are told before answers: whoever is told that limits were set finds them.
    func tellFacts() {
        guard let facts = view.withLockedValue({ $0.facts }), facts.generation != told else { return }
        told = facts.generation
        for promise in factsPromises { promise.succeed(facts) }
        factsPromises = []
        forgetListeners()
        for listener in listeners { listener.tell(facts) }
    }

    /// Has clients give back units that others want.
    func tellRecalls(_ recalls: [SliceRecall]) {
        guard !recalls.isEmpty else { return }
        forgetListeners()
        for listener in listeners { listener.recall(recalls) }
    }

    /// Tells a client of new facts and of recalls from now on, the present facts first, as long as there is the client.
    func listen(_ listener: FactsListener) {
        loop.preconditionInEventLoop()
        forgetListeners()
        listeners.append(listener)
        if let facts = view.withLockedValue({ $0.facts }) { listener.tell(facts) }
    }

    /// A gateway that does not come to be, and is tried again, leaves its clients behind.
    private func forgetListeners() { listeners.removeAll { !$0.isPresent } }
}
