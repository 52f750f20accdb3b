// The numbers of the Raft paper, each a type of its own: a term is never taken for an index.

/// A term: the logical clock of section 5.1. 0 is before the first election.
public struct Term: Hashable, Comparable, Sendable {
    /// The number itself.
    public var rawValue: UInt64

    /// A value of these fields.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Before the first election.
    public static let zero = Term(0)

    /// How far a message may be ahead: 2³² terms, which is more elections than can be held in 20 years at one each
    /// 150 ms. A message from further ahead comes from a faulty peer and is dropped, so that it takes four thousand
    /// million of them to use the terms up, not one.
    static let jumpMax: UInt64 = 1 << 32

    /// No term is above this: what is added to a term does not overflow.
    public static let max = Term(1 << 62)

    /// Earlier than.
    public static func < (left: Term, right: Term) -> Bool { left.rawValue < right.rawValue }
}

/// A place in the log, from 1. 0 is before the first entry.
public struct LogIndex: Hashable, Comparable, Sendable {
    /// The number itself.
    public var rawValue: UInt64

    /// A value of these fields.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Before the first entry.
    public static let zero = LogIndex(0)

    /// No index is above this, in a message or a log: what is added to an index does not overflow.
    public static let max = LogIndex(1 << 62)

    /// Earlier than.
    public static func < (left: LogIndex, right: LogIndex) -> Bool { left.rawValue < right.rawValue }

    /// The place `count` further on.
    public static func + (left: LogIndex, count: UInt64) -> LogIndex { LogIndex(left.rawValue + count) }
}

/// An entry's identity: no two entries of one log have the same term and index and differ (section 5.3, log matching).
///
/// Ordered as section 5.4.1 orders logs: by term, then by index. A log whose last position is the greater one is more up
/// to date.
public struct LogPosition: Hashable, Comparable, Sendable {
    /// The term in which a leader made the entry.
    public var term: Term
    /// Its place.
    public var index: LogIndex

    /// A value of these fields.
    public init(term: Term, index: LogIndex) {
        self.term = term
        self.index = index
    }

    /// Before the first entry.
    public static let zero = LogPosition(term: .zero, index: .zero)

    /// Less up to date than (section 5.4.1).
    public static func < (left: LogPosition, right: LogPosition) -> Bool {
        left.term != right.term ? left.term < right.term : left.index < right.index
    }
}
