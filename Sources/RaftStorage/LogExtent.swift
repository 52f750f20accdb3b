import Raft

/// What of the log is in which segment, and of which term, without the entries themselves.
struct LogExtent: Hashable, Sendable {
    /// Entries that lie in one segment.
    private struct Run: Hashable, Sendable {
        /// The first of them.
        var first: LogIndex
        /// The segment's number.
        var segment: UInt64
    }

    /// The first index that an entry is there for, or would be.
    private(set) var first: LogIndex
    /// The last entry, or the position that the log goes on after.
    private(set) var last: LogPosition
    /// The numbers of the segments, oldest first. The last one is written to.
    private(set) var segments: [UInt64] = []
    /// Where the entries lie that have not been replaced: each from its index up to the next one.
    private var runs: [Run] = []
    /// The terms of the entries: each from its index up to the next one. They are few: one for each leader.
    private var terms: [LogPosition] = []

    /// A log that goes on after a position.
    init(after position: LogPosition) {
        first = position.index + 1
        last = position
    }

    /// Another segment is written to from now on.
    mutating func began(segment number: UInt64) { segments.append(number) }

    /// The log is empty and goes on after a position.
    mutating func reset(to position: LogPosition) {
        first = position.index + 1
        last = position
        terms = []
        runs = []
    }

    /// An entry was written. It replaces those at and above its index.
    /// - Precondition: its index is at least 1 and at most one above the last one.
    mutating func append(_ position: LogPosition) {
        let index = position.index
        precondition(index > .zero && index.rawValue <= last.index.rawValue + 1, "a log has no gaps")
        if index <= last.index {
            first = min(first, index)
            while let term = terms.last, term.index >= index { terms.removeLast() }
            while let run = runs.last, run.first >= index { runs.removeLast() }
        }
        if terms.last?.term != position.term { terms.append(position) }
        let segment = segments[segments.count - 1]
        if runs.last?.segment != segment { runs.append(Run(first: index, segment: segment)) }
        last = position
    }

    /// The term of an entry that is in the log.
    func term(at index: LogIndex) -> Term? {
        guard index >= first, index <= last.index else { return nil }
        return terms.last { $0.index <= index }?.term
    }

    /// The number of the oldest segment, if another is there and every entry in this one is below an index.
    func segmentToRemove(below index: LogIndex) -> UInt64? {
        segments.count > 1 && oldestEnd < index ? segments[0] : nil
    }

    /// Forgets the oldest segment.
    /// - Precondition: it is to be removed.
    mutating func removeSegment() {
        first = max(first, oldestEnd + 1)
        let segment = segments.removeFirst()
        if runs.first?.segment == segment { runs.removeFirst() }
        while terms.count > 1, terms[1].index <= first { terms.removeFirst() }
    }

    /// The last entry in the oldest segment that has not been replaced; 0 where there is none.
    private var oldestEnd: LogIndex {
        guard let run = runs.first, run.segment == segments[0] else { return .zero }
        return runs.count > 1 ? LogIndex(runs[1].first.rawValue - 1) : last.index
    }
}
