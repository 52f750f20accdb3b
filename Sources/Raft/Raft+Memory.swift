import Wire

// A disk that has forgotten. Raft needs that what is durable stays: an acknowledgement was counted, and a vote for a candidate
// without those entries would undo what is decided. A disk that was put back to an earlier state cannot tell so by itself.

extension Raft {
    /// The leader's heartbeat names no entry that this replica has not acknowledged to it in this term, and a log that is
    /// followed loses none: where the log is shorter, the disk has lost entries.
    mutating func compareMemory(acknowledged index: LogIndex) {
        // Until an installed snapshot is reported the log stays as the disk sees it.
        guard incomingSnapshot?.isInstalling != true else { return }
        var lost = forgotten
        if index > log.last.index { lost = max(lost ?? .zero, LogPosition(term: term, index: index)) }
        if let position = lost, min(matched, persist.durable) >= position.index { lost = nil }
        guard lost != forgotten else { return }
        hardState.forgotten = lost
        persist.hardStateChanged()
    }

    /// The last position that this replica is known to have had: what it judges candidates by.
    var lastKnown: LogPosition { max(log.last, forgotten ?? .zero) }
}
