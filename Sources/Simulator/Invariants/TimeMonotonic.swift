import Ledger
import Raft
import Wire

/// Replicated time never runs backwards, in the log or at a replica, and never faster than clocks can: a wrong wall
/// clock changes no promise (the paper has no clock; the rule is the ledger's own).
struct TimeMonotonic: Invariant {
    /// The greatest time of the log so far, by the order of the log.
    private var latest = LedgerTime.zero
    private var latestIndex = LogIndex.zero
    private var estimates: [ReplicaID: LedgerTime] = [:]

    mutating func applied(_ application: Application, by replica: ReplicaID) throws(InvariantViolation) {
        // Only the first replica to apply an index tells something new: that others agree is StateMachineSafety.
        guard application.index > latestIndex else { return }
        latestIndex = application.index
        let time = application.batch.time
        if time < latest {
            throw violation(
                "the entry at \(application.index.rawValue) is of \(time.nanoseconds) ns, one before it of "
                    + "\(latest.nanoseconds) ns",
                replica
            )
        }
        latest = time
    }

    /// A replica's estimate of replicated time, after a step.
    /// - Parameter latestPossible: what no correct clock can have counted up to: real time since genesis by the fastest
    ///   clock, and what was counted for the times when all were down.
    mutating func observed(
        _ time: LedgerTime,
        by replica: ReplicaID,
        latestPossible: LedgerTime
    ) throws(InvariantViolation) {
        let before = estimates.updateValue(time, forKey: replica) ?? .zero
        if time < before {
            throw violation("time went from \(before.nanoseconds) ns back to \(time.nanoseconds) ns", replica)
        }
        if time > latestPossible {
            throw violation(
                "it is \(time.nanoseconds) ns, and cannot be later than \(latestPossible.nanoseconds) ns",
                replica
            )
        }
    }

    /// A replica starts: its estimate begins with what it finds.
    mutating func started(_ replica: ReplicaID) { estimates[replica] = nil }

    private func violation(_ detail: String, _ replica: ReplicaID) -> InvariantViolation {
        InvariantViolation(
            invariant: "TimeMonotonic",
            rule: "replicated time never runs backwards, nor ahead of clocks",
            detail: detail,
            replicas: [replica]
        )
    }
}
