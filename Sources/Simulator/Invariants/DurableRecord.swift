import Raft

/// What is surely on a replica's disk: what was handed to it before a synchronization that succeeded.
struct DurableRecord: Sendable {
    /// Term and vote.
    private(set) var hardState: HardState
    /// The log.
    private(set) var log: LogRecord
    /// Handed to the disk since: a crash may lose it, or not.
    private(set) var pending: ContiguousArray<PersistRequest> = []
    private(set) var pendingBytes = 0
    /// A leader's snapshot, all of which was handed to the disk: a crash may find it in place of a log that contradicts it.
    private(set) var arriving: LogPosition?

    init(_ restored: RestoredState) {
        hardState = restored.hardState
        log = LogRecord(restored)
    }

    /// A request is handed to the disk.
    mutating func stored(_ request: PersistRequest) {
        pending.append(request)
        pendingBytes += request.commandBytes
    }

    /// All that was handed to the disk so far is durable.
    /// - Parameter voted: called with each hard state that has become durable.
    mutating func synchronized(_ voted: (HardState) -> Void) {
        for request in pending {
            if let state = request.hardState {
                hardState = state
                voted(state)
            }
            for entry in request.entries where entry.position.index > log.base.index { log.append(entry) }
        }
        pending.removeAll(keepingCapacity: true)
        pendingBytes = 0
    }

    /// All of a leader's snapshot is handed to the disk.
    mutating func handed(_ position: LogPosition) { arriving = position }

    /// A snapshot is durable, and the log goes on after it, or has it already.
    mutating func installed(_ position: LogPosition) {
        arriving = nil
        if !log.holds(position) { log = LogRecord(base: position) }
    }

    /// What a restart must not have found. Nil: all that was durable is there, or was replaced by what was pending.
    func loss(in restored: RestoredState) -> String? {
        let state = restored.hardState
        if state.term < hardState.term
            || state.term == hardState.term && hardState.vote != nil && state.vote != hardState.vote
        {
            return "term \(hardState.term.rawValue) and its vote were durable, "
                + "a restart found term \(state.term.rawValue) and another vote or none"
        }
        let found = LogRecord(restored)
        var log = self.log
        if let arriving, restored.snapshot.position == arriving, !log.holds(arriving) {
            log = LogRecord(base: arriving)
        }
        if found.last == log.last || found.holds(log.last) { return nil }
        var agreed = min(found.last.index, log.last.index)
        while agreed > log.base.index, let term = log.term(at: agreed),
            !found.holds(LogPosition(term: term, index: agreed))
        {
            agreed = LogIndex(agreed.rawValue - 1)
        }
        // Entries that were handed to the disk in place of durable ones may have reached it.
        let next = agreed + 1
        if let term = found.term(at: next) {
            let replacement = LogPosition(term: term, index: next)
            for request in pending where request.entries.contains(where: { $0.position == replacement }) { return nil }
        }
        return "entries through \(log.last.index.rawValue) were durable, a restart found them through "
            + "\(agreed.rawValue)"
    }
}

extension LogRecord {
    /// The log that a restart found.
    init(_ restored: RestoredState) {
        self.init(base: restored.snapshot.position)
        for entry in restored.entries where entry.position.index > base.index { append(entry) }
    }
}

extension PersistRequest {
    /// Bytes of the commands in it.
    var commandBytes: Int { entries.reduce(0) { $0 + $1.payload.commandBytes } }
}
