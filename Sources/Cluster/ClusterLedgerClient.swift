import DequeModule
import Ledger
import NIOConcurrencyHelpers
import NIOCore
import Replica
import Wire

/// One loop's client of the replicated ledger. What a loop submits within one turn crosses to the replica together.
///
/// What waits is bounded: see ``ClusterSettings/clientCommandsMax``. What is refused for it waits for its turn as well, at
/// the cost of its completion alone.
final class ClusterLedgerClient: LedgerClient {
    private struct Waiting {
        var count: Int
        /// What it takes of the bound.
        var cost: Int { max(1, count) }
        /// It was too much, and has not been asked.
        var isRefused = false
        var completion: (Result<[CommandResult], LedgerUnavailable>) -> Void
    }

    /// What crossed in one turn.
    private struct Crossing {
        var waiting: [Waiting]
        var result: Result<[CommandResult], LedgerUnavailable>?
    }

    private let eventLoop: any EventLoop
    private let driver: NIOLoopBound<NodeDriver>
    private let shared: SharedNode
    private let view: NIOLockedValueBox<ClusterView>
    private let commandsMax: Int
    private let presence = FactsListener.Presence()
    /// Commands without a result.
    private var outstanding = 0
    /// Calls that wait until this node has caught up.
    private var catchingUp = 0
    private var commands: [Command] = []
    private var waiting: [Waiting] = []
    /// In the order of the submissions; answered from the front.
    private var crossings: Deque<Crossing> = []
    private var firstCrossing: UInt64 = 0
    private var isScheduled = false
    private var latest = LedgerTime(nanoseconds: 0)
    private(set) var facts: LedgerFacts
    var onFactsChange: (() -> Void)?
    var onRecall: (([SliceRecall]) -> Void)?
    var members: Int { view.withLockedValue { max(1, $0.status?.configuration.members.count ?? 1) } }

    init(
        eventLoop: any EventLoop,
        driver: NIOLoopBound<NodeDriver>,
        shared: SharedNode,
        view: NIOLockedValueBox<ClusterView>,
        facts: LedgerFacts,
        commandsMax: Int
    ) {
        self.commandsMax = commandsMax
        self.eventLoop = eventLoop
        self.driver = driver
        self.shared = shared
        self.view = view
        self.facts = facts
    }

    /// Has the driver tell of new facts, as long as somebody has this client.
    func listen() {
        let weak = NIOLoopBound(Weak(client: self), eventLoop: eventLoop)
        let eventLoop = eventLoop
        driver.eventLoop.execute { [driver, presence] in
            let listener = FactsListener(presence) { facts in
                eventLoop.execute { weak.value.client?.take(facts) }
            } recall: { recalls in
                eventLoop.execute { weak.value.client?.onRecall?(recalls) }
            }
            driver.value.listen(listener)
        }
    }

    private struct Weak {
        weak var client: ClusterLedgerClient?
    }

    private func take(_ facts: LedgerFacts) {
        // In order. A state that took the place of a wrong one may have counted fewer changes.
        guard facts.generation != self.facts.generation else { return }
        self.facts = facts
        onFactsChange?()
    }

    var quorumLostNanoseconds: UInt64? {
        view.withLockedValue { $0.quorumLostAt }.map { SystemClocks.boot().nanoseconds(since: $0) }
    }

    var decidesNothing: Bool { view.withLockedValue { $0.decidesNothing } }

    func now() -> LedgerTime {
        let (time, at) = view.withLockedValue { ($0.time, $0.timeAt) }
        latest = max(latest, time.adding(nanoseconds: SystemClocks.boot().nanoseconds(since: at)))
        return latest
    }

    func spent(_ spend: Spend) -> SpendOutcome? { shared.spent(spend) }

    func issueTerms(of keys: PrefixKeys, policy: PolicyID) -> IssueTerms {
        let known = shared.issueTerms(of: keys, policy: policy, at: now())
        return known
            ?? IssueTerms(
                price: Price(client: Price.one, cluster: facts.clusterFactor(of: policy)),
                waitNanoseconds: 0
            )
    }

    func submit(_ commands: [Command], completion: @escaping (Result<[CommandResult], LedgerUnavailable>) -> Void) {
        eventLoop.preconditionInEventLoop()
        var request = Waiting(count: commands.count, completion: completion)
        if outstanding == 0 || outstanding + request.cost <= commandsMax {
            outstanding += request.cost
            self.commands.append(contentsOf: commands)
        } else {
            request.isRefused = true
        }
        waiting.append(request)
        guard !isScheduled else { return }
        isScheduled = true
        eventLoop.assumeIsolated().execute { self.cross() }
    }

    /// Calls of ``catchUp(completion:)`` that may wait; more are refused as overloaded.
    static let catchUpsMax = 1_024

    func catchUp(completion: @escaping (Result<Void, LedgerUnavailable>) -> Void) {
        eventLoop.preconditionInEventLoop()
        guard catchingUp < Self.catchUpsMax else {
            eventLoop.assumeIsolated().execute { completion(.failure(.overloaded)) }
            return
        }
        catchingUp += 1
        let bound = NIOLoopBound((self, completion), eventLoop: eventLoop)
        let eventLoop = eventLoop
        driver.eventLoop.execute { [driver] in
            driver.value.catchUp { result in
                // Behind the facts, which the driver tells before it answers.
                eventLoop.execute {
                    let (client, completion) = bound.value
                    client.catchingUp -= 1
                    completion(result.mapError { Self.unavailable($0) })
                }
            }
        }
    }

    private func cross() {
        isScheduled = false
        let number = firstCrossing + UInt64(crossings.count)
        crossings.append(Crossing(waiting: waiting, result: nil))
        waiting = []
        let commands = self.commands
        self.commands = []
        let client = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        driver.eventLoop.execute { [driver] in
            driver.value.submit(commands) { answer in
                let result = Self.result(answer)
                eventLoop.execute { client.value.answered(number, result) }
            }
        }
    }

    private func answered(_ number: UInt64, _ result: Result<[CommandResult], LedgerUnavailable>) {
        crossings[Int(number - firstCrossing)].result = result
        while let first = crossings.first, let result = first.result {
            crossings.removeFirst()
            firstCrossing += 1
            var next = 0
            for waiter in first.waiting {
                if waiter.isRefused {
                    waiter.completion(.failure(.overloaded))
                    continue
                }
                outstanding -= waiter.cost
                waiter.completion(result.map { Array($0[next..<next + waiter.count]) })
                next += waiter.count
            }
        }
    }

    private static func result(
        _ answer: Result<ReplicaAnswer<Ledger>, ReplicaFailure>
    ) -> Result<[CommandResult], LedgerUnavailable> {
        switch answer {
        case .success(.applied(let results)): .success(results)
        case .success: preconditionFailure("a submission is answered by its results")
        case .failure(let failure): .failure(unavailable(failure))
        }
    }

    private static func unavailable(_ failure: ReplicaFailure) -> LedgerUnavailable {
        switch failure {
        case .overloaded, .notSupported: .overloaded
        case .stopped: .stopped
        default: .noQuorum
        }
    }
}
