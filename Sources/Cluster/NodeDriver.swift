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
/// one message carry all of it. One concern a file; what they share is here.
final class NodeDriver {
    typealias Answer = (Result<ReplicaAnswer<Ledger>, ReplicaFailure>) -> Void

    let loop: any EventLoop
    let shared: SharedNode
    let log: LogThread
    let view: NIOLockedValueBox<ClusterView>
    let drawn: ReplicaID
    let logger: Logger
    private(set) var transport: PeerTransport?
    var book: PeerBook
    var alarms = AlarmBook()
    var lone: LoneMember
    /// As of the last turn.
    var loneliness = LoneMember.Standing.well
    var held: HeldSubmissions
    /// What a member has said of this node's end.
    var dismissal: Dismissal?
    /// When that was.
    var dismissedAt = BootTime.zero
    /// What is known of the members. Set by ``know(_:)``.
    var admission: PeerAdmission?
    /// Disks of which the operator was told that they have a member's name; none but members' names.
    var remarked: [String: ReplicaID] = [:]
    var answers: [RequestID: Answer] = [:]
    /// Those of ``answers`` that ask for commands to be applied.
    var decisions: Set<RequestID> = []
    /// The number of the last request.
    private(set) var nextRequest: UInt64 = 0
    var isTurnDue = false
    var wake: (at: BootTime, task: Scheduled<Void>)?
    /// Clients that are told of new facts.
    var listeners: [FactsListener] = []
    var told: UInt64?
    var unreadableReportedAt: BootTime?
    private(set) var isStopped = false
    /// Whether this replica has been a member. One that waited is first sent what is from before its admission. Nil until it
    /// is there: one that has a log already had been admitted.
    var wasAdmitted: Bool?
    /// What an operator's requests wait for.
    var desk = OperationDesk()
    /// Connections of peers to here or there, by replica: a name may be a member's, and the disk another one.
    var connections: [ReplicaID: Int] = [:]
    var addressDueAt = BootTime.zero
    /// They wait until the node has a state and a majority decides.
    var servingPromises: [EventLoopPromise<Void>] = []
    /// They wait until the node has a state.
    var factsPromises: [EventLoopPromise<LedgerFacts>] = []
    var isProbing = false
    var probeDueAt = BootTime.zero
    /// Nothing was decided yet since the start or since there was no leader, or what was asked last was not: it may be that
    /// others are heard here and do not hear this node, that their disks do not answer, or that this node is far behind.
    var isInDoubt = true {
        // Whoever was answered finds it so.
        didSet {
            guard isInDoubt != oldValue else { return }
            view.withLockedValue { view in
                view.isInDoubt = isInDoubt
                view.noteQuorum()
            }
        }
    }
    /// What is being done about keys that a member has taken along.
    var keys = KeyRenewals()
    /// What this node does about prices while it leads.
    var prices = ClusterPrices()
    /// Who waits until this node has caught up.
    var catchUps = CatchUps()
    /// The quota side of the gateway, if there is one.
    var quotas: QuotaStanding?
    /// Called once, when the node ends by itself.
    var ended: ((StopReason) -> Void)?

    init(
        loop: any EventLoop,
        shared: SharedNode,
        log: LogThread,
        view: NIOLockedValueBox<ClusterView>,
        book: PeerBook,
        lone: LoneMember,
        held: HeldSubmissions,
        drawn: ReplicaID,
        logger: Logger
    ) {
        self.drawn = drawn
        self.loop = loop
        self.shared = shared
        self.log = log
        self.view = view
        self.book = book
        self.lone = lone
        self.held = held
        self.logger = logger
    }

    // MARK: - Inputs

    /// Begins. Once.
    func start(_ transport: PeerTransport?) {
        loop.preconditionInEventLoop()
        self.transport = transport
        turn()
        // Who was let in before had nobody to judge it.
        if admission != nil { transport?.reauthorize() }
        // With the members from the disk: one that is alone dials nobody. See LoneMember.
        transport?.update(peers: book.peers)
    }

    /// Asks for a moment at which the state shows all that was acknowledged before.
    func read(answer: @escaping Answer) {
        ask(answer) { node, request in node.read(request: request) }
    }

    /// Changes the membership.
    func change(_ change: ConfigurationChange, answer: @escaping Answer) {
        ask(answer) { node, request in node.change(change, request: request) }
    }

    func ask(_ answer: @escaping Answer, _ body: (Node<Ledger>, RequestID) -> Void) {
        loop.preconditionInEventLoop()
        guard !isStopped else { return answer(.failure(.stopped)) }
        nextRequest += 1
        let request = RequestID(nextRequest)
        answers[request] = answer
        input { body($0, request) }
    }

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
        decisions = []
        for request in waiting.keys.sorted(by: { $0.rawValue < $1.rawValue }) { waiting[request]?(.failure(.stopped)) }
        for submission in held.takeAll() { submission.answer(.failure(.stopped)) }
        listeners = []
        quotas = nil
        for promise in factsPromises { promise.fail(stopError) }
        factsPromises = []
        desk.close()
        endKeyRenewal()
        endCatchUps(.stopped)
        endServing()
        transport = nil
    }
}
