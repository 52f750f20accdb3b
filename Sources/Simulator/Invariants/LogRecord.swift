import Raft

/// The positions of a log, without what its entries say: enough to tell logs apart, since no two entries of one
/// position differ (``LogMatching`` sees to that).
struct LogRecord: Sendable {
    /// The position before the first one here: of a snapshot.
    private(set) var base: LogPosition
    private var terms: ContiguousArray<Term> = []
    /// Bytes of commands from `base` on, through each entry.
    private var bytes: ContiguousArray<Int> = []

    init(base: LogPosition) { self.base = base }

    /// The last position.
    var last: LogPosition {
        guard let term = terms.last else { return base }
        return LogPosition(term: term, index: base.index + UInt64(terms.count))
    }

    /// The term at an index; nil above the last and below the base.
    @inline(__always)
    func term(at index: LogIndex) -> Term? {
        if index == base.index { return base.term }
        guard index > base.index, index <= last.index else { return nil }
        return terms[Int(index.rawValue - base.index.rawValue) - 1]
    }

    /// Whether an entry of this position is here, or is covered by the snapshot below: what is committed is covered.
    func holds(_ position: LogPosition) -> Bool {
        position.index <= last.index && (position.index < base.index || term(at: position.index) == position.term)
    }

    /// Bytes of commands of the entries after `index`, as far as they are here.
    func bytes(after index: LogIndex) -> Int {
        guard let all = bytes.last, index < last.index else { return 0 }
        return index <= base.index ? all : all - bytes[Int(index.rawValue - base.index.rawValue) - 1]
    }

    /// Takes away all entries after an index.
    mutating func cut(after index: LogIndex) {
        guard index < last.index else { return }
        let kept = index > base.index ? Int(index.rawValue - base.index.rawValue) : 0
        terms.removeSubrange(kept...)
        bytes.removeSubrange(kept...)
    }

    /// Adds an entry, in place of all that are there from its index on.
    /// - Precondition: there is no gap.
    mutating func append(_ entry: Entry) {
        cut(after: LogIndex(entry.position.index.rawValue - 1))
        precondition(entry.position.index == last.index + 1, "entries follow each other")
        terms.append(entry.position.term)
        bytes.append((bytes.last ?? 0) + entry.payload.commandBytes)
    }
}

extension Entry.Payload {
    /// Bytes of the command; 0 for others.
    var commandBytes: Int {
        if case .command(let bytes) = self { bytes.count } else { 0 }
    }
}
