import DequeModule
import Ledger
import Replica
import Wire

/// Commands that wait until it is known whether their node is the only member of its cluster by mistake.
///
/// To decide them before would be to have each limit twice for as long; to refuse them would have each start of a node that
/// grows begin with refusals. So they wait, and no longer than any decision may take.
struct HeldSubmissions {
    struct Submission {
        var commands: [Command]
        var answer: NodeDriver.Answer
        var deadline: BootTime
    }

    /// More are refused as overloaded: as many as a replica lets wait.
    private let countMax: Int
    /// How long each waits, in nanoseconds.
    private let timeout: UInt64
    private var submissions: Deque<Submission> = []

    init(_ settings: ReplicaSettings) {
        countMax = settings.waitingRequestsMax
        timeout = settings.decisionTimeout
    }

    var isEmpty: Bool { submissions.isEmpty }
    var count: Int { submissions.count }

    /// - Returns: false where too many wait.
    mutating func hold(_ commands: [Command], now: BootTime, answer: @escaping NodeDriver.Answer) -> Bool {
        guard submissions.count < countMax else { return false }
        submissions.append(
            Submission(commands: commands, answer: answer, deadline: now.adding(nanoseconds: timeout))
        )
        return true
    }

    /// All, in the order in which they came.
    mutating func takeAll() -> Deque<Submission> {
        defer { submissions = [] }
        return submissions
    }

    /// Those that have waited long enough, in the order in which they came.
    mutating func takeExpired(_ now: BootTime) -> [Submission] {
        var expired: [Submission] = []
        while let first = submissions.first, first.deadline <= now { expired.append(submissions.removeFirst()) }
        return expired
    }
}

extension NodeDriver {
    /// Asks for commands to be applied. By a folder that is not meant nothing is decided, nor by one that may not be.
    func submit(_ commands: [Command], answer: @escaping Answer) {
        loop.preconditionInEventLoop()
        guard !isStopped else { return answer(.failure(.stopped)) }
        switch loneliness {
        case .well: askToApply(commands, answer: answer)
        case .astray: answer(.failure(.noQuorum))
        case .listening, .outgrown:
            if !held.hold(commands, now: SystemClocks.boot(), answer: answer) { answer(.failure(.overloaded)) }
        }
    }

    /// What was held is decided, or refused, as soon as that is known. After each turn, and turns come with every tick.
    func releaseHeld() {
        guard !held.isEmpty else { return }
        switch loneliness {
        case .well: for submission in held.takeAll() { askToApply(submission.commands, answer: submission.answer) }
        case .astray: for submission in held.takeAll() { submission.answer(.failure(.noQuorum)) }
        case .listening, .outgrown:
            for submission in held.takeExpired(SystemClocks.boot()) { submission.answer(.failure(.noQuorum)) }
        }
    }

    private func askToApply(_ commands: [Command], answer: @escaping Answer) {
        ask(answer) { node, request in
            decisions.insert(request)
            node.submit(commands, request: request)
        }
    }
}
