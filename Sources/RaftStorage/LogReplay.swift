import Raft

/// Builds a log from its records, in order.
struct LogReplay {
    /// Term and vote.
    private(set) var hardState = HardState.initial
    /// The entries that count.
    private(set) var entries: [Entry] = []
    /// Where they are. Nil before the first record.
    private(set) var extent: LogExtent?

    /// The next segment begins.
    private var begins: UInt64?

    /// The records that follow are of this segment.
    mutating func begin(segment number: UInt64) { begins = number }

    /// Takes a record.
    mutating func take(_ record: SegmentScan.Record) throws(LogReplayError) {
        guard let content = RecordContent(kind: record.kind, position: record.position, payload: record.payload) else {
            throw LogReplayError(problem: .recordContent)
        }
        if let number = begins {
            guard case .start(let state, let last) = content else { throw LogReplayError(problem: .recordContent) }
            try start(number, state, last)
            begins = nil
            return
        }
        switch content {
        case .start: throw LogReplayError(problem: .recordContent)
        case .hardState(let state): hardState = state
        case .reset(let position):
            entries = []
            extent?.reset(to: position)
        case .entry(let entry): try append(entry)
        }
    }

    /// The log is empty and goes on after a snapshot.
    mutating func reset(to position: LogPosition) {
        entries = []
        extent?.reset(to: position)
    }

    /// A segment repeats what those before it have said; of the oldest one, this is where the log begins.
    private mutating func start(_ number: UInt64, _ state: HardState, _ last: LogPosition) throws(LogReplayError) {
        if let extent {
            guard extent.last == last, hardState == state else { throw LogReplayError(problem: .chain) }
        } else {
            extent = LogExtent(after: last)
            hardState = state
        }
        extent?.began(segment: number)
    }

    private mutating func append(_ entry: Entry) throws(LogReplayError) {
        let index = entry.position.index
        guard let last = extent?.last.index, index > .zero, index.rawValue - 1 <= last.rawValue else {
            throw LogReplayError(problem: .gap)
        }
        // No log of this core has such entries: it would refuse to start from them.
        guard index <= .max,
            extent?.term(at: LogIndex(index.rawValue - 1)).map({ $0 <= entry.position.term }) ?? true
        else { throw LogReplayError(problem: .recordContent) }
        if let first = entries.first?.position.index, index > first {
            entries.removeLast(entries.count - Int(index.rawValue - first.rawValue))
        } else {
            entries.removeAll()
        }
        entries.append(entry)
        extent?.append(entry.position)
    }
}

/// A record that cannot follow those before it.
struct LogReplayError: Error {
    /// What is wrong.
    var problem: StorageError.Problem
}
