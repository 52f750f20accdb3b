import Ledger
import Logging
import NIOConcurrencyHelpers
import NIOCore
import Raft
import RaftTransport
import Replica
import Wire

/// Pumps a node: tells it the time, what came from peers, the disk and clients, and carries out what it wants done.
///
/// Confined to the replica's loop. What comes within one turn of the loop is carried out together, so that one write and
/// one message carry all of it.
final class NodeDriver {
    typealias Answer = (Result<ReplicaAnswer<Ledger>, ReplicaFailure>) -> Void

    /// A node that waits counts as gone when it has not said for so long that it is there, in nanoseconds: 3 s, many times
    /// ``Replica/FoundingSettings/helloInterval``.
    private static let waitingAge: UInt64 = 3_000_000_000
    /// Between two looks at whether this node's address is known, in nanoseconds: 250 ms.
    private static let addressPause: UInt64 = 250_000_000
    /// Between two probes for a majority, in nanoseconds: 50 ms.
    private static let probePause: UInt64 = 50_000_000
    /// Between two reports of messages that cannot be read, in nanoseconds: a minute.
    private static let reportPause: UInt64 = 60_000_000_000

    /// Between two turns of a replica that has much to apply, in nanoseconds: 10 µs.
    private static let turnPause: UInt64 = 10_000

    let loop: any EventLoop
    private let shared: SharedNode
    private let log: LogThread
    private let view: NIOLockedValueBox<ClusterView>
    private let drawn: ReplicaID
    let logger: Logger
    private(set) var transport: PeerTransport?
    var book: PeerBook
    var alarms = AlarmBook()
    /// What is known of the members. Set by ``know(_:)``.
    var admission: PeerAdmission?
    /// Disks of which the operator was told that they have a member's name; none but members' names.
    var remarked: [String: ReplicaID] = [:]
    private var answers: [RequestID: Answer] = [:]
    private var nextRequest: UInt64 = 0
    private var isTurnDue = false
    private var wake: (at: BootTime, task: Scheduled<Void>)?
    private var listeners: [ObjectIdentifier: (LedgerFacts) -> Void] = [:]
    private var told: UInt64?
    private var unreadableReportedAt: BootTime?
    private(set) var isStopped = false
    /// Whether this replica has been a member. One that waited is first sent what is from before its admission. Nil until it
    /// is there: one that has a log already had been admitted.
    private var wasAdmitted: Bool?
    /// What an operator's requests wait for.
    var desk = OperationDesk()
    /// Connections of peers to here or there, by name.
    private var connections: [String: Int] = [:]
    private var addressDueAt = BootTime.zero
    /// They wait until the node has a state and a majority decides.
    private var servingPromises: [EventLoopPromise<Void>] = []
    /// They wait until the node has a state.
    private var factsPromises: [EventLoopPromise<LedgerFacts>] = []
    private var isProbing = false
    private var probeDueAt = BootTime.zero
    /// What was asked last was not decided: it may be that others are heard here and do not hear this node.
    private var isInDoubt = false
    /// Called once, when the node ends by itself.
    var ended: ((StopReason) -> Void)?

    init(
        loop: any EventLoop,
        shared: SharedNode,
        log: LogThread,
        view: NIOLockedValueBox<ClusterView>,
        book: PeerBook,
        drawn: ReplicaID,
        logger: Logger
    ) {
        self.drawn = drawn
        self.loop = loop
        self.shared = shared
        self.log = log
        self.view = view
        self.book = book
        self.logger = logger
    }

    // MARK: - Inputs

    /// Begins. Once.
    func start(_ transport: PeerTransport?) {
        loop.preconditionInEventLoop()
        self.transport = transport
        transport?.update(peers: book.peers)
        turn()
    }

    /// Asks for commands to be applied.
    func submit(_ commands: [Command], answer: @escaping Answer) {
        ask(answer) { node, request in node.submit(commands, request: request) }
    }

    /// Asks for a moment at which the state shows all that was acknowledged before.
    func read(answer: @escaping Answer) {
        ask(answer) { node, request in node.read(request: request) }
    }

    /// Changes the membership.
    func change(_ change: ConfigurationChange, answer: @escaping Answer) {
        ask(answer) { node, request in node.change(change, request: request) }
    }

    private func ask(_ answer: @escaping Answer, _ body: (Node<Ledger>, RequestID) -> Void) {
        loop.preconditionInEventLoop()
        guard !isStopped else { return answer(.failure(.stopped)) }
        nextRequest += 1
        let request = RequestID(nextRequest)
        answers[request] = answer
        input { body($0, request) }
    }

    /// Completes when the node has a state and a majority has decided something since; also when it has ended.
    func serving() -> EventLoopFuture<Void> {
        loop.preconditionInEventLoop()
        guard !isStopped else { return loop.makeSucceededVoidFuture() }
        let promise = loop.makePromise(of: Void.self)
        servingPromises.append(promise)
        probe()
        return promise.futureResult
    }

    /// The ledger's facts, once the node has a state. Fails with ``ClusterError/stopped(_:)`` where it ends before.
    func firstFacts() -> EventLoopFuture<LedgerFacts> {
        loop.preconditionInEventLoop()
        if let facts = view.withLockedValue({ $0.facts }) { return loop.makeSucceededFuture(facts) }
        let promise = loop.makePromise(of: LedgerFacts.self)
        if isStopped { promise.fail(stopError) } else { factsPromises.append(promise) }
        return promise.futureResult
    }

    private var stopError: ClusterError { view.withLockedValue { $0.stopped }.map { .stopped($0) } ?? .closed }

    /// A read needs a majority; and without a state there is nothing to read.
    private func probe() {
        let now = SystemClocks.boot()
        guard !servingPromises.isEmpty || isInDoubt, !isProbing, now >= probeDueAt,
            view.withLockedValue({ $0.facts }) != nil
        else { return }
        probeDueAt = now.adding(nanoseconds: Self.probePause)
        isProbing = true
        read { answer in
            self.isProbing = false
            if case .success = answer { self.endServing() }
        }
    }

    private func endServing() {
        let promises = servingPromises
        servingPromises = []
        for promise in promises { promise.succeed() }
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
        let now = SystemClocks.boot()
        guard unreadableReportedAt.map({ now.nanoseconds(since: $0) >= Self.reportPause }) ?? true else { return }
        unreadableReportedAt = now
        logger.warning(
            message,
            metadata: ["peer": "\(peer.name)", "error": "\(error)", "remedy": "run the same release on all nodes"]
        )
    }

    /// A member that is reached elsewhere than the members think has the leader say so to all. A node that was alone could
    /// not be reached at all.
    private func tellAddress() {
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
        let count = connections[peer.name, default: 0] + (isConnected ? 1 : -1)
        connections[peer.name] = count > 0 ? count : nil
        view.withLockedValue { $0.connected = Set(connections.keys) }
    }

    /// How the node stands, as others see it.
    var currentView: ClusterView { view.withLockedValue { $0 } }
    /// Whether something that others have asked waits for its answer.
    var isAsked: Bool { answers.count > (isProbing ? 1 : 0) }

    /// The disk did something.
    func completed(_ completions: [NodeStorageCompletion<Ledger>]) {
        loop.preconditionInEventLoop()
        input { node in for completion in completions { node.completed(completion) } }
    }

    /// Bids a voter to lead in this one's place.
    func transferLeadership(to target: ReplicaID) throws(TransferRefusal) {
        loop.preconditionInEventLoop()
        var refusal: TransferRefusal?
        input { node in
            do throws(TransferRefusal) { try node.transferLeadership(to: target) } catch { refusal = error }
        }
        if let refusal { throw refusal }
    }

    /// Asks for a snapshot.
    func compact() { input { $0.compact() } }

    func input(_ body: (Node<Ledger>) -> Void) {
        guard !isStopped else { return }
        shared.withNode { node in
            node.advance(to: SystemClocks.boot(), wall: SystemClocks.wall())
            body(node)
        }
        turnSoon()
    }

    /// Has a turn come, after what the loop is at.
    func turnSoon() {
        guard !isTurnDue, !isStopped else { return }
        isTurnDue = true
        loop.assumeIsolated().execute { self.turn() }
    }

    // MARK: - Turns

    private func turn() {
        isTurnDue = false
        guard !isStopped else { return }
        // Acting may bring about more, since answers may ask.
        let (actions, next, admission) = shared.withNode { node in
            node.advance(to: SystemClocks.boot(), wall: SystemClocks.wall())
            let actions = node.takeActions()
            publish(node)
            let admission = PeerAdmission(name: book.own, address: book.ownAddress, drawn: drawn, node: node)
            return (actions, node.nextWake, admission)
        }
        know(admission)
        tellFacts()
        if case let configuration? = view.withLockedValue({ $0.status?.configuration }), book.keep(configuration) {
            transport?.update(peers: book.peers)
        }
        var requests: [NodeStorageRequest<Ledger>] = []
        for action in actions { perform(action, &requests) }
        log.enqueue(requests)
        guard !isStopped else { return }
        tellAddress()
        tellWatchers()
        probe()
        wake(at: next)
    }

    private func perform(_ action: NodeAction<Ledger>, _ requests: inout [NodeStorageRequest<Ledger>]) {
        switch action {
        case .store(let request): requests.append(request)
        case .send(let message, let destination):
            guard let address = book.address(of: destination) else { return }
            transport?.send(message.encode(), to: address, lane: message.lane)
        case .answer(let request, let result):
            switch result {
            case .success: isInDoubt = false
            case .failure(.noQuorum), .failure(.diverged): isInDoubt = true
            case .failure: break
            }
            answers.removeValue(forKey: request)?(result)
        case .alarm(let alarm):
            let (text, isOver) = alarms.take(alarm)
            logger.log(level: isOver ? .notice : .warning, "\(text)")
        case .joined(let cluster, let replica):
            alarms.joined()
            logger.notice("in a cluster", metadata: ["cluster": "\(cluster)", "replica": "\(replica)"])
        case .stop(let reason):
            logger.critical("\(reason.explanation)")
            view.withLockedValue { $0.stopped = reason }
            stop()
            ended?(reason)
        case .applied, .restored: break
        }
    }

    private func wake(at next: BootTime) {
        if let wake, wake.at <= next { return }
        wake?.task.cancel()
        // Not at once, or the loop would go on with this and hear nobody.
        let wait = max(Self.turnPause, next.nanoseconds(since: SystemClocks.boot()))
        let delay = TimeAmount.nanoseconds(Int64(clamping: wait))
        let task = loop.assumeIsolated().scheduleTask(in: delay) {
            self.wake = nil
            self.turn()
        }
        wake = (next, task)
    }

    // MARK: - What others see

    private func publish(_ node: Node<Ledger>) {
        let generation = node.withReplica { $0.machine?.factsGeneration } ?? nil
        let known = view.withLockedValue { $0.facts?.generation }
        let facts = generation == known ? nil : node.withReplica { $0.machine?.facts } ?? nil
        let status = node.withReplica { $0.status }
        let time = node.withReplica { $0.time }
        let cluster = node.cluster
        reviewMembership(status)
        let waiting = waiting(node, status)
        view.withLockedValue { view in
            view.cluster = cluster
            view.status = status
            view.isInDoubt = isInDoubt
            view.waiting = waiting
            if let facts { view.facts = facts }
            if let time {
                view.time = time
                view.timeAt = SystemClocks.boot()
            }
            view.alarms = alarms.texts
        }
    }

    private func waiting(_ node: Node<Ledger>, _ status: ReplicaStatus?) -> [WaitingNode] {
        guard let status, !node.applicants.isEmpty else { return [] }
        let now = SystemClocks.boot()
        return node.applicants.filter {
            !status.configuration.contains($0.replica) && now.nanoseconds(since: $0.heardAt) < Self.waitingAge
        }.map { WaitingNode(name: $0.name, replica: $0.replica, address: $0.address) }
    }

    /// Whether this node is a member, by its own log.
    private func reviewMembership(_ status: ReplicaStatus?) {
        guard let status else { return }
        let isMember = status.configuration.contains(status.id)
        let isAdmitted = wasAdmitted ?? !status.configuration.members.isEmpty
        wasAdmitted = isAdmitted || isMember
        let isRemoved = isAdmitted && !isMember
        guard let (text, isOver) = alarms.removed(isRemoved) else { return }
        logger.log(level: isOver ? .notice : .warning, "\(text)")
    }

    /// Facts are told before answers: whoever is told that limits were set finds them.
    private func tellFacts() {
        guard let facts = view.withLockedValue({ $0.facts }), facts.generation != told else { return }
        told = facts.generation
        for promise in factsPromises { promise.succeed(facts) }
        factsPromises = []
        for listener in listeners.values { listener(facts) }
    }

    /// Tells a client of new facts from now on, the present ones first.
    func listen(_ owner: ObjectIdentifier, _ listener: @escaping (LedgerFacts) -> Void) {
        loop.preconditionInEventLoop()
        listeners[owner] = listener
        if let facts = view.withLockedValue({ $0.facts }) { listener(facts) }
    }

    // MARK: - The end

    /// Nothing more happens. All that waits is answered.
    func stop() {
        loop.preconditionInEventLoop()
        guard !isStopped else { return }
        isStopped = true
        wake?.task.cancel()
        wake = nil
        let waiting = answers
        answers = [:]
        for request in waiting.keys.sorted(by: { $0.rawValue < $1.rawValue }) { waiting[request]?(.failure(.stopped)) }
        listeners = [:]
        for promise in factsPromises { promise.fail(stopError) }
        factsPromises = []
        desk.close()
        endServing()
        transport = nil
    }
}
