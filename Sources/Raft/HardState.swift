import Wire

/// What a server must have on disk before it answers (figure 2 of the paper): one record, never one without the other.
public struct HardState: Hashable, Sendable {
    /// The latest term seen.
    public var term: Term
    /// Who has this server's vote in that term.
    public var vote: ReplicaID?
    /// The last entry that this server is known to have acknowledged and that its log does not reach any more, because its
    /// disk was put back to an earlier state or has lost entries, and the term in which that was found. Nil where nothing is
    /// known to be lost.
    public var forgotten: LogPosition?

    /// A value of these fields.
    public init(term: Term, vote: ReplicaID?, forgotten: LogPosition? = nil) {
        self.term = term
        self.vote = vote
        self.forgotten = forgotten
    }

    /// Of a server that has seen nothing.
    public static let initial = HardState(term: .zero, vote: nil)
}
