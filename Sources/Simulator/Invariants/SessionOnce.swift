import Ledger
import Raft
import Wire

/// A command of a session is applied with effect once: the same session and sequence again is the same command, and gets
/// the first answer, or none that changes anything (section 8; dissertation, 6.3).
struct SessionOnce: Invariant {
    private struct Key: Hashable {
        var session: SessionID
        var sequence: UInt64
    }

    private struct First {
        var index: LogIndex
        var command: Command
        var result: CommandResult
    }

    private var known: [Key: First] = [:]
    private var latestIndex = LogIndex.zero

    mutating func applied(_ application: Application, by replica: ReplicaID) throws(InvariantViolation) {
        // The log, once, in its order: that every replica makes the same of it is StateMachineSafety.
        guard application.index > latestIndex else { return }
        latestIndex = application.index
        for (command, result) in zip(application.batch.commands, application.results) {
            if case .openSession = command.command { continue }
            if case .rejected(let reason) = result, reason != .badSecret, reason != .epochsExhausted { continue }
            let key = Key(session: command.session, sequence: command.sequence)
            guard let first = known[key] else {
                known[key] = First(index: application.index, command: command.command, result: result)
                continue
            }
            if first.command != command.command || first.result != result {
                throw InvariantViolation(
                    invariant: "SessionOnce",
                    rule: "once, with its first answer, section 8",
                    detail: "sequence \(command.sequence) of session \(command.session.rawValue) was applied at "
                        + "\(first.index.rawValue) and again, with "
                        + (first.command == command.command ? "another answer" : "another command")
                        + ", at \(application.index.rawValue)",
                    replicas: [replica]
                )
            }
        }
    }
}
