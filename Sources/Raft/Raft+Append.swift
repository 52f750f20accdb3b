import Wire

// A follower's side of AppendEntries and of heartbeats (figure 2 and section 5.3 of the paper).

extension Raft {
    /// Entries from the leader of this term.
    ///
    /// Each outcome is the same however often and in whatever order the message comes: nothing that agrees with the log
    /// is touched, only an entry of another term at the same index is replaced, with what follows it.
    mutating func stepAppendRequest(_ request: AppendRequest) {
        // A snapshot that replaces the log is about to be reported: until then the log stays as the disk sees it.
        guard incomingSnapshot?.isInstalling != true else { return }
        guard !isBlank else {
            // Not even snapshot 0 is here: the leader is to go back to the beginning, and then to send it.
            reject(request, hint: .zero)
            return
        }
        // Committed entries are in every later leader's log (section 5.4): below them nothing needs comparing.
        if request.previous.index >= log.committed, log.term(at: request.previous.index) != request.previous.term {
            reject(request, hint: log.agreement(atMost: request.previous))
            return
        }
        guard appendMissing(of: request) else { return }
        contradicted = nil
        let end = LogIndex(request.previous.index.rawValue + UInt64(request.entries.count))
        matched = max(matched, end, log.committed)
        isAcknowledgementDue = true
        commit(through: min(request.commit, matched))
    }

    /// Appends what the log lacks, after removing what contradicts it.
    /// - Returns: false where nothing was done: the sender contradicts what is committed, or the disk is behind.
    private mutating func appendMissing(of request: AppendRequest) -> Bool {
        let entries = request.entries
        var position = 0
        while position < entries.count {
            let index = entries[position].position.index
            if index > log.last.index { break }
            if let term = log.term(at: index), term != entries[position].position.term {
                // Never true of a leader where all disks have kept what they had acknowledged.
                if index <= log.committed {
                    contradicted = entries[position].position
                    return false
                }
                break
            }
            position += 1
        }
        guard position < entries.count else { return true }
        if persist.bytesInFlight > settings.unpersistedBytesMax { return false }
        let first = entries[position].position
        guard let before = log.term(at: LogIndex(first.index.rawValue - 1)), before <= first.term else { return false }
        if first.index <= log.last.index { truncate(from: first.index) }
        log.append(entries[position...])
        return true
    }

    /// Removes the log from `index` on.
    private mutating func truncate(from index: LogIndex) {
        log.truncate(from: index)
        persist.truncated(from: index)
        // What is known to agree with the leader is never what contradicts it; held for the sake of a faulty one.
        matched = min(matched, log.last.index)
    }

    private mutating func reject(_ request: AppendRequest, hint: LogPosition) {
        guard let leader else { return }
        send(.appendResponse(.rejected(previous: request.previous.index, hint: hint)), to: leader)
    }

    /// A sign of life from the leader of this term.
    mutating func stepHeartbeatRequest(_ request: HeartbeatRequest) {
        if incomingSnapshot?.isInstalling != true, !isBlank { commit(through: min(request.commit, matched)) }
        guard let leader else { return }
        send(.heartbeatResponse(HeartbeatResponse(round: request.round)), to: leader)
    }

    /// What is committed grows, as the leader says and the log agrees.
    mutating func commit(through index: LogIndex) {
        guard index > log.committed, index <= log.last.index else { return }
        log.commit(through: index)
    }
}
