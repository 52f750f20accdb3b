import Ledger

/// A client that is told of new facts and of recalls. On the replica's loop.
struct FactsListener {
    /// Held by the client alone: when it is gone, so is the client.
    final class Presence: Sendable {}

    private weak var presence: Presence?
    /// Tells the client of facts.
    let tell: (LedgerFacts) -> Void
    /// Tells the client of recalls.
    let recall: ([SliceRecall]) -> Void

    init(
        _ presence: Presence,
        tell: @escaping (LedgerFacts) -> Void,
        recall: @escaping ([SliceRecall]) -> Void
    ) {
        self.presence = presence
        self.tell = tell
        self.recall = recall
    }

    /// Whether the client is still there.
    var isPresent: Bool { presence != nil }
}
