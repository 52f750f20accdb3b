import Ledger
import NIOCore
import Raft
import RaftTransport
import Replica
import Wire

// What an operator asks for, on the replica's loop: what this node can see, and what its leader is asked to do.
extension NodeDriver {
    /// How long a leader's answer is waited for, also where this node is it: longer than an election, and than a change of the
    /// membership takes. What takes longer goes on, and who asks looks again.
    private static var answerTimeout: TimeAmount { .seconds(3) }

    /// A member is taken for stopped that the leader has not heard for so long, in nanoseconds: 1 s, more than three of the
    /// longest election timeouts, and twenty heartbeats.
    private static let silence: UInt64 = 1_000_000_000
    /// The same in ticks of the core's time.
    private static let silenceTicks = Int(silence / ReplicaSettings().tickNanoseconds)
    /// How soon its leader looks again whether it has been heard.
    private static let lookPause = TimeAmount.milliseconds(50)

    // MARK: - Looking

    /// Completes once a majority has confirmed that this node's state shows all that was decided before.
    func confirm() -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        read { answer in
            switch answer {
            case .success: promise.succeed()
            case .failure(.stopped): promise.fail(OperationError.stopped)
            case .failure(.diverged): promise.fail(OperationError.diverged)
            case .failure: promise.fail(OperationError.noQuorum)
            }
        }
        return promise.futureResult
    }

    /// Completes when something has changed that an operation may wait for, and after the time in any case. Fails with
    /// ``OperationError/stopped`` where the node ends: nothing changes any more.
    func changed(within time: TimeAmount) -> EventLoopFuture<Void> {
        guard !isStopped else { return loop.makeFailedFuture(OperationError.stopped) }
        let promise = loop.makePromise(of: Void.self)
        desk.watch(promise, from: landmark)
        let timer = loop.assumeIsolated().scheduleTask(in: time) { self.desk.releaseWatchers() }
        promise.futureResult.assumeIsolated().whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }

    /// Completes when nothing that was asked waits for its answer, and after the time in any case.
    func idle(within time: TimeAmount) -> EventLoopFuture<Void> {
        let promise = loop.makePromise(of: Void.self)
        guard !isStopped, isAsked else {
            promise.succeed()
            return promise.futureResult
        }
        desk.await(idle: promise)
        let timer = loop.assumeIsolated().scheduleTask(in: time) { self.desk.isIdle() }
        promise.futureResult.assumeIsolated().whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }

    private var landmark: OperationDesk.Landmark? {
        let view = currentView
        return view.status.map {
            OperationDesk.Landmark(
                leader: $0.leader,
                term: $0.term,
                decided: $0.appliedConfiguration,
                newest: $0.configuration,
                snapshot: $0.snapshotIndex,
                waiting: view.waiting
            )
        }
    }

    /// Tells those that wait for a change. After each turn.
    func tellWatchers() {
        if desk.isWatched { desk.observe(landmark) }
        if !isAsked { desk.isIdle() }
    }

    // MARK: - Asking the leader

    /// Has the leader do something, be it this node or another. Nil where no leader has answered.
    func askLeader(_ request: OperationRequest) -> EventLoopFuture<OperationAnswer?> {
        guard !isStopped, let status = currentView.status, let leader = status.leader else {
            return loop.makeSucceededFuture(nil)
        }
        let address = leader == status.id ? nil : address(of: leader)
        guard leader == status.id || address != nil else { return loop.makeSucceededFuture(nil) }
        let promise = loop.makePromise(of: OperationAnswer?.self)
        let number = desk.began(promise)
        if let address {
            send(.request(number: number, request), to: address)
        } else {
            perform(request).assumeIsolated().whenSuccess { self.desk.ended(number, $0) }
        }
        let timer = loop.assumeIsolated().scheduleTask(in: Self.answerTimeout) { self.desk.ended(number, nil) }
        promise.futureResult.assumeIsolated().whenComplete { _ in timer.cancel() }
        return promise.futureResult
    }

    /// A peer speaks of an operation. Only members are listened to.
    func receivedOperation(_ payload: [UInt8], from peer: PeerIdentity) {
        let message: OperationMessage
        do { message = try OperationMessage(decoding: payload) } catch {
            return reportUnreadable("a peer sends what cannot be read", peer, "\(error)")
        }
        guard !isStopped, let status = currentView.status, status.configuration.contains(peer.replica) else { return }
        switch message {
        case .answer(let number, let answer): desk.ended(number, answer)
        case .relayed(let hello):
            guard let message = try? NodeMessage(decoding: hello), case .founding(let founding) = message else {
                return
            }
            book.heard(founding)
            input { $0.receive(message) }
        case .request(let number, let request):
            guard let address = address(of: peer.replica) else { return }
            perform(request).assumeIsolated().whenSuccess { answer in
                self.send(.answer(number: number, answer), to: address)
            }
        }
    }

    /// What a node that waits says to one member, all are told: an operator may ask at any.
    func relay(_ payload: [UInt8], _ message: FoundingMessage) {
        guard case .hello = message.body, let status = currentView.status,
            !status.configuration.contains(message.from)
        else { return }
        for member in status.configuration.members where member.id != status.id {
            if let address = address(of: member.id) { send(.relayed(payload), to: address) }
        }
    }

    // MARK: - As leader

    /// Does what only a leader can. Where this node does not lead, says so.
    private func perform(_ request: OperationRequest) -> EventLoopFuture<OperationAnswer> {
        guard let status = currentView.status, status.role == .leader else {
            return loop.makeSucceededFuture(.busy("another node leads now"))
        }
        switch request {
        case .progress:
            return loop.makeSucceededFuture(.progress(Reachability.progress(status)))
        case .transfer(let target): return loop.makeSucceededFuture(handOver(to: target, status))
        case .change(let change, let from, let term):
            guard status.term == term, status.configuration == from else {
                return loop.makeSucceededFuture(.busy("the membership has changed meanwhile"))
            }
            // Busy members may answer in a moment.
            if let refusal = Reachability.refusal(of: change, status) {
                return loop.makeSucceededFuture(.busy(refusal))
            }
            guard let former = Reachability.replaced(by: change, status.configuration) else { return perform(change) }
            return refusal(ofReplacing: former).assumeIsolated().flatMap { refusal in
                if let refusal { return self.loop.makeSucceededFuture(refusal) }
                guard let now = self.currentView.status, now.role == .leader, now.term == term,
                    now.configuration == from
                else { return self.loop.makeSucceededFuture(.busy("the membership has changed meanwhile")) }
                return self.perform(change)
            }.nonisolated()
        }
    }

    /// Waits until it is certain that a member is silent, or that it is not: then, why it must not be replaced. One that was
    /// heard before an operator asked may have been stopped just then; one that is heard half of ``silence`` later was not.
    private func refusal(ofReplacing former: Member) -> EventLoopFuture<OperationAnswer?> {
        let promise = loop.makePromise(of: OperationAnswer?.self)
        let asked = SystemClocks.boot()
        func look() {
            guard !isStopped, let status = currentView.status, status.role == .leader,
                let silent = Reachability.silentTicks(former.id, status)
            else { return promise.succeed(.busy("another node leads now, or the membership has changed")) }
            if silent >= Self.silenceTicks { return promise.succeed(nil) }
            if SystemClocks.boot().nanoseconds(since: asked) >= Self.silence, silent < Self.silenceTicks / 2 {
                return promise.succeed(
                    .refused(
                        "The member \(former.name) that is to be replaced runs: the leader has just heard it. If its disk is "
                            + "to go, stop it first. If another process has taken its name, stop that one. To send away a "
                            + "member that runs: `tollgate cluster remove \(former.name)`."
                    )
                )
            }
            loop.assumeIsolated().scheduleTask(in: Self.lookPause) { look() }
        }
        look()
        return promise.futureResult
    }

    private func handOver(to target: ReplicaID?, _ status: ReplicaStatus) -> OperationAnswer {
        guard let target = target ?? Reachability.successor(status) else {
            return .busy("no other voter is reachable that could lead")
        }
        guard Reachability.isReachable(target, status) else {
            return .busy("that node is not reachable: it cannot lead")
        }
        guard !Reachability.isForgetful(target, status) else {
            return .refused(
                "That node lacks entries that it had told this leader it keeps, and cannot lead: clear its data folder, start "
                    + "it, and run `tollgate cluster replace`."
            )
        }
        do throws(TransferRefusal) {
            try transferLeadership(to: target)
            return .done
        } catch {
            switch error {
            case .notLeader: return .busy("another node leads now")
            case .transferring: return .busy("leadership is being handed to another node")
            case .badTarget: return .refused("Who leads must have a vote, and that node leads already or has none.")
            }
        }
    }

    private func perform(_ change: ConfigurationChange) -> EventLoopFuture<OperationAnswer> {
        let promise = loop.makePromise(of: OperationAnswer.self)
        self.change(change) { answer in
            guard case .failure(let failure) = answer else {
                // What is issued when the operator is told is under keys that no former member knows.
                return self.keysRenewed().assumeIsolated().whenComplete { _ in promise.succeed(.done) }
            }
            promise.succeed(Self.answer(failure))
        }
        return promise.futureResult
    }

    private static func answer(_ failure: ReplicaFailure) -> OperationAnswer {
        guard case .refused(let refusal) = failure else { return .busy("the change has not come to an end in time") }
        switch refusal {
        case .notCaughtUp(_, .max): return .busy("it does not answer the leader, or has nothing of the log yet")
        case .notCaughtUp(_, let lag): return .busy("it lacks \(lag) entries")
        case .changeInProgress: return .busy("another change of the membership is under way")
        case .transferring: return .busy("leadership is being handed over")
        case .leaderNotEstablished, .notLeader: return .busy("another node leads since a moment")
        case .alreadyMember, .unknownMember, .wrongRole, .nothingToDo:
            return .busy("the membership has changed meanwhile")
        case .noVoterLeft: return .refused("Nobody would be left to vote.")
        case .tooLarge:
            return .refused(
                "A cluster has at most \(Configuration.membersMax) members, with names and addresses of at most "
                    + "\(Configuration.nameBytesMax) bytes."
            )
        }
    }
}
