import Ledger
import NIOConcurrencyHelpers
import NIOCore
import Wire

/// The ledger of one process, in memory, behind the port that the replicated one has.
///
/// Every client collects what its loop submits during one turn and applies it as one batch; the results are delivered on
/// that loop. The ledger itself is a value behind one lock, which is held for pure computation only.
///
/// Time is the boot-time clock since the ledger was made, so a wall clock that jumps changes nothing.
public final class LocalLedger: Sendable {
    fileprivate struct Shared {
        var ledger: Ledger
        var index: UInt64 = 0
        var time = LedgerTime(nanoseconds: 0)
        /// It leads, there being no other.
        var prices = ClusterPrices()
        /// Its own, in which prices are set.
        var session: SessionID?
        var sequence: UInt64 = 0
        /// Who is told of recalls.
        var listeners: [@Sendable ([SliceRecall]) -> Void] = []
    }

    private let shared: NIOLockedValueBox<Shared>
    private let clock: @Sendable () -> UInt64
    private let origin: UInt64

    /// - Parameters:
    ///   - genesis: the cluster's id and secret; fresh random ones make every older token unreadable.
    ///   - clock: nanoseconds that never run backwards and count while the machine sleeps. Called on any thread.
    public init(genesis: Genesis, clock: @escaping @Sendable () -> UInt64 = BootTimeClock.nanoseconds) {
        shared = NIOLockedValueBox(Shared(ledger: Ledger(genesis: genesis)))
        self.clock = clock
        origin = clock()
    }

    /// A client for one event loop. To be used on that loop only.
    ///
    /// - Parameter owner: identifies the loop's session; every client needs its own.
    public func makeClient(on eventLoop: any EventLoop, owner: ReplicaID) -> any LedgerClient {
        LocalLedgerClient(ledger: self, eventLoop: eventLoop, owner: owner)
    }

    /// How much it holds. Any thread.
    public var counts: LedgerCounts { shared.withLockedValue { $0.ledger.counts } }

    func now() -> LedgerTime {
        let current = clock()
        return LedgerTime(nanoseconds: current > origin ? current - origin : 0)
    }

    func facts() -> LedgerFacts {
        shared.withLockedValue { $0.ledger.facts }
    }

    func apply(_ commands: [SequencedCommand]) -> (results: [CommandResult], facts: UInt64) {
        let time = now()
        let (results, generation, recalls, listeners) = shared.withLockedValue { shared in
            shared.index += 1
            // Two loops may read the clock in one order and get here in the other.
            shared.time = max(shared.time, time)
            let results = shared.ledger.apply(Batch(time: shared.time, commands: commands), index: shared.index)
            shared.reviewPrices()
            let recalls = shared.ledger.hasRecalls ? shared.ledger.takeRecalls() : []
            return (results, shared.ledger.factsGeneration, recalls, recalls.isEmpty ? [] : shared.listeners)
        }
        for tell in listeners { tell(recalls) }
        return (results, generation)
    }

    /// Has somebody told of recalls, on any thread.
    func listen(_ tell: @escaping @Sendable ([SliceRecall]) -> Void) {
        shared.withLockedValue { $0.listeners.append(tell) }
    }

    func spent(_ spend: Spend) -> SpendOutcome? {
        shared.withLockedValue { $0.ledger.outcomeIfSpent(spend) }
    }

    func issueTerms(of keys: PrefixKeys, policy: PolicyID) -> IssueTerms {
        let time = now()
        return shared.withLockedValue { $0.ledger.issueTerms(of: keys, policy: policy, at: time) }
    }
}

extension LocalLedger.Shared {
    /// Does what a cluster's leader does: has the factors follow the load.
    mutating func reviewPrices() {
        guard prices.isDue(time), let change = prices.look(ledger.facts, ledger.loads, now: time) else { return }
        if session == nil {
            // No client's: theirs are small numbers of their own choice.
            let open = perform(.openSession(owner: ReplicaID(high: .max, low: .max)), in: SessionID(rawValue: 0))
            guard case .sessionOpened(let opened)? = open else { return }
            session = opened
            sequence = 0
        }
        guard let session else { return }
        sequence += 1
        // Closed, where many others have been opened since.
        if case .rejected? = perform(.setPrices(change), in: session) { self.session = nil }
    }

    private mutating func perform(_ command: Command, in session: SessionID) -> CommandResult? {
        index += 1
        let own = SequencedCommand(session: session, sequence: sequence, floor: sequence, command: command)
        return ledger.apply(Batch(time: time, commands: [own]), index: index).first
    }
}

/// One loop's client of a ``LocalLedger``.
final class LocalLedgerClient: LedgerClient {
    /// Commands that may wait on one loop for its next batch; beyond it the ledger is overloaded.
    static let waitingMax = 65_536

    private struct Waiting {
        var count: Int
        var completion: (Result<[CommandResult], LedgerUnavailable>) -> Void
    }

    private let ledger: LocalLedger
    private let eventLoop: any EventLoop
    private let owner: ReplicaID
    private var session: SessionID?
    private var sequence: UInt64 = 0
    private var commands: [Command] = []
    private var waiting: [Waiting] = []
    private var isScheduled = false
    private(set) var facts: LedgerFacts
    var onFactsChange: (() -> Void)?
    var onRecall: (([SliceRecall]) -> Void)? { didSet { listen() } }
    private var listens = false
    let members = 1

    init(ledger: LocalLedger, eventLoop: any EventLoop, owner: ReplicaID) {
        self.ledger = ledger
        self.eventLoop = eventLoop
        self.owner = owner
        facts = ledger.facts()
    }

    func now() -> LedgerTime { ledger.now() }

    func spent(_ spend: Spend) -> SpendOutcome? { ledger.spent(spend) }

    func issueTerms(of keys: PrefixKeys, policy: PolicyID) -> IssueTerms { ledger.issueTerms(of: keys, policy: policy) }

    private struct Weak {
        weak var client: LocalLedgerClient?
    }

    private func listen() {
        guard !listens, onRecall != nil else { return }
        listens = true
        let weak = NIOLoopBound(Weak(client: self), eventLoop: eventLoop)
        ledger.listen { [eventLoop] recalls in
            eventLoop.execute { weak.value.client?.onRecall?(recalls) }
        }
    }

    func submit(_ commands: [Command], completion: @escaping (Result<[CommandResult], LedgerUnavailable>) -> Void) {
        eventLoop.preconditionInEventLoop()
        if self.commands.count + commands.count > Self.waitingMax {
            // Still later and in order: behind what waits.
            waiting.append(Waiting(count: 0) { _ in completion(.failure(.overloaded)) })
        } else {
            self.commands.append(contentsOf: commands)
            waiting.append(Waiting(count: commands.count, completion: completion))
        }
        if !isScheduled {
            isScheduled = true
            eventLoop.assumeIsolated().execute { self.flush() }
        }
    }

    func catchUp(completion: @escaping (Result<Void, LedgerUnavailable>) -> Void) {
        submit([]) { [self] _ in
            let latest = ledger.facts()
            if latest.generation != facts.generation {
                facts = latest
                onFactsChange?()
            }
            completion(.success(()))
        }
    }

    private func flush() {
        isScheduled = false
        let waiting = self.waiting
        self.waiting = []
        var batch: [SequencedCommand] = []
        batch.reserveCapacity(commands.count)
        let session = openedSession()
        let floor = sequence + 1
        for command in commands {
            sequence += 1
            batch.append(SequencedCommand(session: session, sequence: sequence, floor: floor, command: command))
        }
        commands.removeAll(keepingCapacity: true)
        var results: [CommandResult] = []
        // The ledger keeps a bounded number of results a session, and a batch must fit below it.
        for start in stride(from: 0, to: batch.count, by: 4_096) {
            var part = batch[start..<min(start + 4_096, batch.count)]
            for index in part.indices { part[index].floor = part.first!.sequence }
            let (partial, generation) = ledger.apply(Array(part))
            results.append(contentsOf: partial)
            // So many other sessions have come since that ours was closed: the next batch opens a new one.
            if partial.contains(.rejected(.unknownSession)) { self.session = nil }
            if generation != facts.generation {
                facts = ledger.facts()
                onFactsChange?()
            }
        }
        var next = 0
        for waiter in waiting {
            waiter.completion(.success(Array(results[next..<next + waiter.count])))
            next += waiter.count
        }
    }

    private func openedSession() -> SessionID {
        if let session { return session }
        let open = SequencedCommand(
            session: SessionID(rawValue: 0),
            sequence: 0,
            floor: 0,
            command: .openSession(owner: owner)
        )
        guard case .sessionOpened(let session)? = ledger.apply([open]).results.first else {
            preconditionFailure("a ledger of this process refused a session")
        }
        self.session = session
        return session
    }
}
