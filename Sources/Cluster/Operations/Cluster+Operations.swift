import NIOCore
import Raft
import Replica
import Wire

// What an operator can do, at any node of the cluster: what only the leader can do, the leader is asked for.
//
// Each is safe to ask again, also at another node and after no answer came: it says what is wanted, and nothing is done twice.
extension Cluster {
    /// When an operation begins nothing more. With the last answer and the last look it takes less than 10 s, which is what the
    /// admin interface gives a request.
    private static var operationTimeout: TimeAmount { .milliseconds(4_500) }
    /// How long it waits for a node to say that it is there: some intervals of its hellos.
    private static var appearanceTimeout: TimeAmount { .seconds(2) }
    /// How soon it looks again where nothing has happened.
    private static var pause: TimeAmount { .milliseconds(100) }

    /// Makes a node that waits a member: a learner at first, and a voter by itself when it has caught up.
    /// - Parameter address: where its peers reach it; nil for where it says that it is reached. Another than it says is refused.
    /// - Returns: how it stands. A learner goes on becoming a voter.
    public func add(name: String, address: String?) async throws(OperationError) -> OperationOutcome {
        try await run(.add(name: name, address: address))
    }

    /// Has a member leave. Where it leads, another leads first. The keys under which tokens are issued are renewed.
    public func remove(name: String) async throws(OperationError) -> OperationOutcome {
        try await run(.remove(name: name))
    }

    /// Puts a node that waits in the place of the member of its name, whose disk is gone. A member that runs is not replaced:
    /// it takes up to one and a half seconds to see whether it does.
    /// - Parameter address: as of ``add(name:address:)``; nil also for the former one where it says none.
    public func replace(name: String, address: String?) async throws(OperationError) -> OperationOutcome {
        try await run(.replace(name: name, address: address))
    }

    /// Waits until a learner is a voter, and says what keeps it from being one.
    public func promote(name: String) async throws(OperationError) -> OperationOutcome {
        try await run(.promote(name: name))
    }

    /// Has a voter lead; nil for whoever is furthest but for the one that leads.
    public func transfer(to name: String?) async throws(OperationError) -> OperationOutcome {
        try await run(.transfer(to: name))
    }

    /// Makes a snapshot at this node now, and lets go of the log before it.
    /// - Returns: the index of the snapshot.
    public func compact() async throws(OperationError) -> UInt64 {
        guard let status = view.status, !status.appliedConfiguration.members.isEmpty else {
            throw .notMember("This node has no state yet.")
        }
        let wanted = status.appliedIndex
        let deadline = NIODeadline.now() + Self.operationTimeout
        await onLoop { $0.compact() }
        while let index = view.status?.snapshotIndex, index < wanted {
            // A state that may be wrong is not kept.
            guard view.status?.hasDiverged != true else { throw .diverged }
            if let now = view.status, let problem = Self.problem(now, before: status) { throw .conflict(problem) }
            guard NIODeadline.now() < deadline else {
                throw .unfinished("The snapshot is not finished yet. It goes on; see `tollgate cluster status`.")
            }
            try await pause(Self.pause)
        }
        return view.status?.snapshotIndex.rawValue ?? 0
    }

    /// What keeps a snapshot from being made that was asked for at the earlier status; nil where nothing does.
    static func problem(_ status: ReplicaStatus, before: ReplicaStatus) -> String? {
        if status.isDiskFull { return "The disk is full: no snapshot is made until there is room." }
        guard status.snapshotFailures > before.snapshotFailures, let why = status.snapshotFailure else { return nil }
        return "The snapshot could not be kept: \(why)"
    }

    /// Has another voter lead before this node stops, if it leads and there is one. Takes a second at most.
    public func handOver() async {
        let deadline = NIODeadline.now() + .seconds(1)
        while let status = view.status, status.role == .leader, status.configuration.voters.count > 1,
            NIODeadline.now() < deadline
        {
            guard case .done? = try? await ask(.transfer(nil)) else { return }
            guard (try? await pause(.milliseconds(300))) != nil else { return }
        }
    }

    // MARK: - Running one

    private func run(_ operation: Operation) async throws(OperationError) -> OperationOutcome {
        var plan = OperationPlan(operation)
        let deadline = NIODeadline.now() + Self.operationTimeout
        let appearance = NIODeadline.now() + Self.appearanceTimeout
        var reason: String?
        var seen: OperationView?
        // Before this node asked to leave.
        var refusals: UInt64?
        while true {
            if let refusals, await isSentAway(since: refusals), let outcome = plan.departure { return outcome }
            let now: OperationView
            do {
                now = try await look()
            } catch {
                // Nobody need answer a node that has left.
                if let outcome = departure(operation) { return outcome }
                // What was begun may be under way, and an election too.
                guard case .noQuorum = error, seen != nil, NIODeadline.now() < deadline else { throw error }
                try await pause(Self.pause)
                continue
            }
            seen = now
            let step: OperationStep
            do {
                step = try plan.next(now)
            } catch {
                // It may have started a moment ago.
                guard case .notWaiting = error, NIODeadline.now() < appearance else { throw error }
                try await pause(Self.pause)
                continue
            }
            if case .done(let outcome) = step { return outcome }
            guard NIODeadline.now() < deadline else {
                if let outcome = plan.standing(now, detail: reason) { return outcome }
                throw .unfinished(
                    "It has not come to an end in time" + (reason.map { ": \($0)" } ?? "")
                        + ". See `tollgate cluster status`; to ask again is safe."
                )
            }
            if plan.isLeaving, refusals == nil { refusals = await refusalsSoFar() }
            let answer: OperationAnswer?
            switch step {
            case .wait: answer = .busy(reason ?? "it has not caught up yet")
            case .change(let change): answer = try await ask(.change(change, from: now.decided, term: now.term))
            case .transfer(let target): answer = try await ask(.transfer(target))
            case .done: preconditionFailure("returned before")
            }
            switch answer {
            case .done?:
                // The leader says so when it is decided; who has left cannot look any more.
                if case .change = step, let outcome = plan.departure { return outcome }
                if case .transfer = step { try await pause(Self.pause) }
            case .busy(let text)?:
                reason = text
                try await pause(Self.pause)
            case .refused(let text)?: throw .conflict(text)
            case .progress?, nil: try await pause(Self.pause)
            }
        }
    }

    /// What it comes to that this node is asked to leave and has left before: nothing is left to do.
    private func departure(_ operation: Operation) -> OperationOutcome? {
        let view = view
        guard operation == .remove(name: name), view.hasLeft(name), let status = view.status else { return nil }
        return OperationOutcome(name: name, replica: status.id, state: .removed)
    }

    /// Whether this node is no member any more, as its log says or the others, who know what is decided.
    private func isSentAway(since refusals: UInt64) async -> Bool {
        if view.membership == .removed { return true }
        return await refusalsSoFar() > refusals
    }

    private func refusalsSoFar() async -> UInt64 {
        (try? await loop.submit { [driver] in driver.value.desk.refusals }.get()) ?? 0
    }

    /// How the cluster stands, as a majority confirms.
    private func look() async throws(OperationError) -> OperationView {
        try await confirmMembership()
        let view = view
        guard let status = view.status else { throw .noQuorum }
        return OperationView(
            own: status.id,
            leader: status.leader,
            term: status.term,
            decided: status.appliedConfiguration,
            isChanging: status.configuration != status.appliedConfiguration || status.configuration.isJoint,
            waiting: view.waiting
        )
    }

    /// Waits until a majority has confirmed that this node shows all that was decided before, and that it is a member.
    func confirmMembership() async throws(OperationError) {
        try checkMembership()
        do {
            try await loop.flatSubmit { [driver] in driver.value.confirm() }.get()
        } catch {
            throw error as? OperationError ?? .stopped
        }
        // It may have left meanwhile.
        try checkMembership()
    }

    /// Only a member can look and change.
    func checkMembership() throws(OperationError) {
        let known = "`tollgate cluster status --stale` says what"
        switch view.membership {
        case .member: return
        case .founding: throw .notMember("The cluster is not founded yet: \(known) it waits for.")
        case .waiting:
            throw .notMember(
                "This node waits to be admitted to the cluster: ask one of its members. \(known) this one knows."
            )
        case .removed:
            throw .notMember(
                "This node is no member of the cluster any more: ask one that is. \(known) this one knows."
            )
        }
    }

    private func ask(_ request: OperationRequest) async throws(OperationError) -> OperationAnswer? {
        do {
            return try await loop.flatSubmit { [driver] in driver.value.askLeader(request) }.get()
        } catch {
            throw .stopped
        }
    }

    /// How far the members are, as the leader sees it; empty where it does not answer.
    func progress() async -> [OperationAnswer.Progress] {
        guard case .progress(let members)? = try? await ask(.progress) else { return [] }
        return members
    }

    /// Waits until something has changed, or for so long. Where the node has ended, it says why.
    private func pause(_ time: TimeAmount) async throws(OperationError) {
        do {
            try await loop.flatSubmit { [driver] in driver.value.changed(within: time) }.get()
        } catch {
            throw view.stopped.map { .conflict($0.explanation) } ?? .stopped
        }
    }

    private func onLoop(_ body: @escaping @Sendable (NodeDriver) -> Void) async {
        try? await loop.submit { [driver] in body(driver.value) }.get()
    }
}
