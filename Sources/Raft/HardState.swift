import Wire

/// What a server must have on disk before it answers (figure 2 of the paper): one record, never one without the other.
public struct HardState: Hashable, Sendable {
    /// The latest term seen.
    public var term: Term
    /// Who has this server's vote in that term.
    public var vote: ReplicaID?

    /// A value of these fields.
    public init(term: Term, vote: ReplicaID?) {
        self.term = term
        self.vote = vote
    }

    /// Of a server that has seen nothing.
    public static let initial = HardState(term: .zero, vote: nil)
}
