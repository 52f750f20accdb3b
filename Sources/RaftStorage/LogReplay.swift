import Raft

/// Puts a log together from its records, in order: term and vote, and where the entries are, without what is in them.
struct LogReplay {
    /// Term and vote.
    private(set) var hardState = HardState.initial
    /// Where the entries are. Nil before the first record.
    private(set) var extent: LogExtent?

    /// The next segment begins.
    private var begins: UInt64?

    /// The records that follow are of this segment.
    mutating func begin(segment number: UInt64) { begins = number }

    /// Takes what a record says.
    mutating func take(_ content: RecordContent) throws(LogReplayError) {
        if let number = begins {
            guard case .start(let state, let last) = content else { throw LogReplayError(problem: .recordContent) }
            try start(number, state, last)
            begins = nil
            return
        }
        switch content {
        case .start: throw LogReplayError(problem: .recordContent)
        case .hardState(let state): hardState = state
        case .reset(let position): extent?.reset(to: position)
        case .entry(let entry): try append(entry.position)
        }
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

    private mutating func append(_ position: LogPosition) throws(LogReplayError) {
        guard let last = extent?.last.index, position.index > .zero, position.index.rawValue - 1 <= last.rawValue else {
            throw LogReplayError(problem: .gap)
        }
        // No log of this core has such entries: it would refuse to start from them.
        guard extent?.term(at: LogIndex(position.index.rawValue - 1)).map({ $0 <= position.term }) ?? true else {
            throw LogReplayError(problem: .recordContent)
        }
        extent?.append(position)
    }
}

/// A record that cannot follow those before it.
struct LogReplayError: Error {
    /// What is wrong.
    var problem: StorageError.Problem
}
