import Ledger

/// A client that is told of new facts. On the replica's loop.
struct FactsListener {
    /// Held by the client alone: when it is gone, so is the client.
    final class Presence: Sendable {}

    private weak var presence: Presence?
    /// Tells the client.
    let tell: (LedgerFacts) -> Void

    init(_ presence: Presence, tell: @escaping (LedgerFacts) -> Void) {
        self.presence = presence
        self.tell = tell
    }

    /// Whether the client is still there.
    var isPresent: Bool { presence != nil }
}
