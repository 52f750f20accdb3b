import Wire

// A disk that has forgotten. Raft needs that what is durable stays: an acknowledgement was counted, and a vote for a candidate
// without those entries would undo what is decided. A disk that was put back to an earlier state cannot tell so by itself. Once
// it is found out, it votes for nobody until it has everything again.

extension Raft {
    /// The leader's heartbeat names no entry that this replica has not acknowledged to it in this term, and a log that is
    /// followed loses none: where the log is shorter, the disk has lost entries.
    mutating func compareMemory(acknowledged index: LogIndex) {
        // Until an installed snapshot is reported the log stays as the disk sees it.
        guard incomingSnapshot?.isInstalling != true else { return }
        if index > log.last.index {
            // The latest of either: it may have lost entries more than once.
            let lost = LogPosition(
                term: max(forgotten?.term ?? .zero, term),
                index: max(forgotten?.index ?? .zero, index)
            )
            if lost != forgotten { noteForgotten(lost) }
        }
        remember()
    }

    /// What was lost is known no more to be lost, once it is certain that the disk has it again. What was acknowledged was
    /// committed when it was noted: so each leader of that term or a later one has it, and so has a log that agrees with
    /// one of them that far.
    mutating func remember() {
        guard let lost = forgotten, persist.durable >= lost.index else { return }
        let isOfALaterTerm = log.term(at: persist.durable).map { $0 >= lost.term } ?? false
        if matched >= lost.index || isOfALaterTerm { noteForgotten(nil) }
    }

    private mutating func noteForgotten(_ lost: LogPosition?) {
        hardState.forgotten = lost
        persist.hardStateChanged()
    }
}
