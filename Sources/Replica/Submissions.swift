import DequeModule
import Ledger
import Raft
import Wire

/// What this replica was asked to have applied, from the asking to the answer.
///
/// A request's commands wait, are put into a batch with the session's next sequences, and fly: to the leader, as often
/// as it takes, always with the same sequences. Results are seen where the log is applied, so that neither a lost answer
/// nor a new leader matters. Answers leave in the order of the requests.
///
/// The session: a boot's first command opens it. While it is open, each command is applied once. When it is closed, by
/// another boot's opening that came late or for want of room, what this replica has not seen applied never will be, since
/// it sees all of the log: it gets new sequences under a new session. Only where part of the log was skipped by a
/// leader's snapshot, and the session was closed in that part, nobody knows: those requests fail as unknown.
struct Submissions<Machine: StateMachine>: Sendable {
    struct Item: Sendable {
        let request: UInt64
        let place: Int
        let command: Machine.Command
        let bytes: Int
    }

    struct Request: Sendable {
        /// Nil for the replica's own.
        let id: RequestID?
        var outputs: [Machine.Output?]
        var unanswered: Int
        /// Commands in a batch.
        var inFlight = 0
        let deadline: BootTime
        var failure: ReplicaFailure?

        var isFinished: Bool { failure != nil || unanswered == 0 }
    }

    /// A batch that has its sequences.
    struct Flight: Sendable {
        /// Of the first command; nil for the opening of the session.
        let sequence: UInt64?
        let items: [Item]
        var isAnswered: [Bool]
        var unanswered: Int
        /// As it is sent.
        let bytes: [UInt8]
        /// How it went off the last time.
        var sent: Sent?
        /// It flew when a part of the log was skipped: it may have been applied there.
        var mayBeApplied = false

        var firstUnanswered: UInt64? {
            guard let sequence, let place = isAnswered.firstIndex(of: false) else { return nil }
            return sequence + UInt64(place)
        }
    }

    /// How a batch went off.
    struct Sent: Sendable {
        enum Route: Hashable, Sendable {
            /// Into the own log, as leader.
            case proposed(LogPosition)
            /// To the leader of a term.
            case forwarded(ReplicaID, Term)
        }

        let route: Route
        let at: BootTime
    }

    let owner: ReplicaID
    /// Tells this boot's openings from those of boots before.
    let boot: UInt64
    let settings: ReplicaSettings

    var session: SessionID?
    var nextSequence: UInt64 = 0
    var opening: Flight?
    var flights: [Flight] = []
    var waiting: Deque<Item> = []
    /// Those not yet answered, in order.
    var requests: Deque<Request> = []
    /// The number of the first of `requests`.
    var firstNumber: UInt64 = 0
    /// Commands that wait or fly.
    var commandCount = 0
    var commandBytes = 0

    init(owner: ReplicaID, boot: UInt64, settings: ReplicaSettings) {
        self.owner = owner
        self.boot = boot
        self.settings = settings
    }

    // MARK: - Asking

    /// Takes a request, or refuses it.
    /// - Parameters:
    ///   - id: nil for the replica's own.
    ///   - refusal: why nothing is taken now.
    ///   - version: of commands that may be used.
    mutating func submit(
        _ commands: [Machine.Command],
        id: RequestID?,
        deadline: BootTime,
        refusal: ReplicaFailure?,
        version: UInt32
    ) {
        var failure = refusal
        var items: [Item] = []
        let number = firstNumber + UInt64(requests.count)
        var bytes = 0
        if failure == nil {
            items.reserveCapacity(commands.count)
            for (place, command) in commands.enumerated() {
                guard Machine.requiredVersion(of: command) <= version, let size = Machine.bytes(of: command) else {
                    failure = .notSupported
                    break
                }
                bytes += size
                items.append(Item(request: number, place: place, command: command, bytes: size))
            }
        }
        // A request alone is taken however long it is: it would never fit otherwise.
        if failure == nil, commandCount > 0,
            commandCount + items.count > settings.waitingCommandsMax
                || commandBytes + bytes > settings.waitingBytesMax
                || requests.count >= settings.waitingRequestsMax
        {
            failure = .overloaded
        }
        var request = Request(
            id: id,
            outputs: Array(repeating: nil, count: failure == nil ? items.count : 0),
            unanswered: items.count,
            deadline: deadline
        )
        request.failure = failure
        requests.append(request)
        guard failure == nil else { return }
        waiting.append(contentsOf: items)
        commandCount += items.count
        commandBytes += bytes
    }

    /// Whether more requests wait than may: another one is refused at once, out of turn.
    var isFull: Bool { requests.count >= 2 * settings.waitingRequestsMax }

    /// Requests whose time is over fail: their commands may have been applied, or may yet be.
    mutating func expire(_ now: BootTime) {
        var place = 0
        var hasExpired = false
        while place < requests.count, requests[place].deadline <= now {
            if !requests[place].isFinished {
                requests[place].failure = .noQuorum
                hasExpired = true
            }
            place += 1
        }
        if hasExpired { forgetFinished() }
    }

    /// Takes commands of requests that failed out of what waits and flies.
    mutating func forgetFinished() {
        let wasWaiting = waiting
        waiting = []
        for item in wasWaiting {
            if isLive(item.request) { waiting.append(item) } else { forget(item) }
        }
        for flight in flights.indices {
            for place in flights[flight].items.indices where !flights[flight].isAnswered[place] {
                let item = flights[flight].items[place]
                guard !isLive(item.request) else { continue }
                flights[flight].isAnswered[place] = true
                flights[flight].unanswered -= 1
                forget(item)
            }
        }
        flights.removeAll { $0.unanswered == 0 }
    }

    func isLive(_ number: UInt64) -> Bool {
        number >= firstNumber && !requests[Int(number - firstNumber)].isFinished
    }

    mutating func forget(_ item: Item) {
        commandCount -= 1
        commandBytes -= item.bytes
    }

    /// The answers that may leave.
    mutating func takeAnswers() -> [(RequestID, Result<ReplicaAnswer<Machine>, ReplicaFailure>)] {
        var answers: [(RequestID, Result<ReplicaAnswer<Machine>, ReplicaFailure>)] = []
        while let first = requests.first, first.isFinished {
            requests.removeFirst()
            firstNumber += 1
            guard let id = first.id else { continue }
            if let failure = first.failure {
                answers.append((id, .failure(failure)))
            } else {
                answers.append((id, .success(.applied(first.outputs.compactMap { $0 }))))
            }
        }
        return answers
    }

    /// All requests fail.
    mutating func fail(_ failure: ReplicaFailure) {
        for place in requests.indices where !requests[place].isFinished { requests[place].failure = failure }
        forgetFinished()
    }
}
