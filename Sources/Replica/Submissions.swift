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

    private struct Request: Sendable {
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
        fileprivate var isAnswered: [Bool]
        fileprivate var unanswered: Int
        /// As it is sent.
        let bytes: [UInt8]
        /// How it went off the last time.
        var sent: Sent?
        /// It flew when a part of the log was skipped: it may have been applied there.
        fileprivate var mayBeApplied = false

        fileprivate var firstUnanswered: UInt64? {
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

    private let owner: ReplicaID
    /// Tells this boot's openings from those of boots before.
    private let boot: UInt64
    private let settings: ReplicaSettings

    private(set) var session: SessionID?
    private var nextSequence: UInt64 = 0
    private var opening: Flight?
    private var flights: [Flight] = []
    private var waiting: Deque<Item> = []
    /// Those not yet answered, in order.
    private var requests: Deque<Request> = []
    /// The number of the first of `requests`.
    private var firstNumber: UInt64 = 0
    /// Commands that wait or fly.
    private(set) var commandCount = 0
    private var commandBytes = 0

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
    private mutating func forgetFinished() {
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

    private func isLive(_ number: UInt64) -> Bool {
        number >= firstNumber && !requests[Int(number - firstNumber)].isFinished
    }

    private mutating func forget(_ item: Item) {
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

    // MARK: - Flying

    /// Whether a session is to be opened.
    var needsSession: Bool { session == nil && opening == nil }

    /// Makes the opening of a session fly.
    mutating func openSession() {
        let command = Machine.openSession(owner: owner)
        opening = Flight(
            sequence: nil,
            items: [],
            isAnswered: [],
            unanswered: 0,
            bytes: Machine.encode([command], session: SessionID(rawValue: 0), sequence: boot, floor: 0)
        )
    }

    /// Makes batches of what waits, as many as may fly.
    mutating func launch() {
        while let session, flights.count < settings.batchesInFlightMax, let first = waiting.first {
            // What remains of a request follows once what went before has been applied: they keep their order.
            if first.place > 0, requests[Int(first.request - firstNumber)].inFlight > 0 { return }
            let floor = flights.compactMap(\.firstUnanswered).min() ?? nextSequence
            var room = min(
                Int(settings.sessionWindow - min(nextSequence - floor, settings.sessionWindow)),
                settings.batchCommandsMax
            )
            var items: [Item] = []
            var bytes = 0
            while room > 0, let next = waiting.first,
                items.isEmpty || bytes + next.bytes <= settings.batchBytesMax
            {
                waiting.removeFirst()
                items.append(next)
                bytes += next.bytes
                room -= 1
                requests[Int(next.request - firstNumber)].inFlight += 1
            }
            guard !items.isEmpty else { return }
            flights.append(
                Flight(
                    sequence: nextSequence,
                    items: items,
                    isAnswered: Array(repeating: false, count: items.count),
                    unanswered: items.count,
                    bytes: Machine.encode(
                        items.map(\.command),
                        session: session,
                        sequence: nextSequence,
                        floor: floor
                    )
                )
            )
            nextSequence += UInt64(items.count)
        }
    }

    /// Where something flies: the opening of the session before all others.
    var flightPlaces: Range<Int> { (opening == nil ? 0 : -1)..<flights.count }

    /// How it went off the last time.
    func sent(at place: Int) -> Sent? { place < 0 ? opening?.sent : flights[place].sent }

    /// As it is sent.
    func bytes(at place: Int) -> [UInt8] { place < 0 ? opening?.bytes ?? [] : flights[place].bytes }

    /// It went off.
    mutating func wasSent(_ sent: Sent, at place: Int) {
        if place < 0 { opening?.sent = sent } else { flights[place].sent = sent }
    }

    // MARK: - What the log says

    /// A batch was applied, by this replica, at this moment of the log.
    mutating func applied(_ batch: Machine.Batch, _ outputs: [Machine.Output]) {
        var isClosed = false
        for place in 0..<Machine.count(of: batch) {
            switch Machine.origin(of: place, in: batch) {
            case .opening(owner, let number):
                // The earlier one was closed by it, whoever sent it.
                guard let opened = Machine.openedSession(outputs[place]) else { continue }
                closed()
                isClosed = false
                if number == boot {
                    session = opened
                    opening = nil
                }
            case .opening: break
            case .session(let of, let sequence):
                guard of == session else { continue }
                switch Machine.rejection(outputs[place]) {
                case .unknownSession?: isClosed = true
                // It can come again once others are answered.
                case .tooManyUnacknowledged?: break
                default: deliver(outputs[place], sequence)
                }
            }
        }
        if isClosed { closed() }
    }

    /// A leader's snapshot took the place of a part of the log.
    /// - Parameter session: the owner's session in it.
    mutating func restored(_ session: SessionID?) {
        if let own = self.session, own == session {
            // What was applied meanwhile is answered by the kept results, if the session lives until then.
            for place in flights.indices {
                flights[place].sent = nil
                flights[place].mayBeApplied = true
            }
            return
        }
        if self.session != nil {
            for flight in flights {
                for (place, item) in flight.items.enumerated() where !flight.isAnswered[place] && isLive(item.request) {
                    requests[Int(item.request - firstNumber)].failure = .unknown
                }
            }
            forgetFinished()
        }
        closed()
        opening = nil
    }

    /// The session is closed: nothing of it that was not seen applied ever will be, but what was applied unseen was.
    private mutating func closed() {
        session = nil
        nextSequence = 0
        var isUnknown = false
        for flight in flights.reversed() {
            for (place, item) in flight.items.enumerated().reversed() where !flight.isAnswered[place] {
                waiting.prepend(item)
                requests[Int(item.request - firstNumber)].inFlight -= 1
                guard flight.mayBeApplied, isLive(item.request) else { continue }
                requests[Int(item.request - firstNumber)].failure = .unknown
                isUnknown = true
            }
        }
        flights = []
        if isUnknown { forgetFinished() }
    }

    private mutating func deliver(_ output: Machine.Output, _ sequence: UInt64) {
        guard
            let flight = flights.firstIndex(where: { flight in
                guard let first = flight.sequence, sequence >= first else { return false }
                return sequence - first < UInt64(flight.items.count)
            }), let first = flights[flight].sequence
        else { return }
        let place = Int(sequence - first)
        guard !flights[flight].isAnswered[place] else { return }
        flights[flight].isAnswered[place] = true
        flights[flight].unanswered -= 1
        let item = flights[flight].items[place]
        forget(item)
        let request = Int(item.request - firstNumber)
        requests[request].inFlight -= 1
        requests[request].outputs[item.place] = output
        requests[request].unanswered -= 1
        if flights[flight].unanswered == 0 { flights.remove(at: flight) }
    }
}
