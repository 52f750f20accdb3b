import Ledger
import Settings

/// What a policy does with a request where no majority decides, or may not: DESIGN section 7, "Without a quorum". A value.
///
/// A node that has no business deciding, such as one that was removed, decides nothing by itself either, whatever the policy says.
struct QuorumStanding: Equatable {
    /// For how long no majority must have decided before policies that can do without do so at once, in nanoseconds: 1 s. An
    /// election takes less, and a decision may take twice as long.
    static let patience: UInt64 = 1_000_000_000

    /// What becomes of a step that nobody decides.
    enum Answer: Equatable {
        /// 503.
        case deny
        /// The request is let through, counted, and charged when the ledger is there again.
        case admit
        /// It does not pay; the challenge that follows is good at this node alone, while it runs.
        case work
    }

    var onQuorumLoss: PolicySettings.QuorumLoss
    /// A policy that enforces nothing waits for nobody.
    var enforces: Bool
    /// The ledger has not answered this request for want of a majority.
    var hasFoundNone: Bool
    /// For how long no majority has decided, as far as this node knows; nil: one does.
    var lostNanoseconds: UInt64?
    /// See ``Ledger/LedgerClient/decidesNothing``.
    var decidesNothing: Bool
    /// Whether all members know tokens that are good at one node alone: to one of a former release they are malformed, and its
    /// clients would not ask for others.
    var knowsOffline = true

    /// Whether the ledger may be asked. Where the majority is known to be out of reach nobody waits to hear so once more: a
    /// policy that can do without does so soon, and one that cannot gives the majority as long as a decision may take.
    var mayAsk: Bool {
        let canDoWithout = !enforces || answer != .deny
        return canDoWithout ? !(hasFoundNone || isLost(for: Self.patience)) : !isLost(for: 2 * Self.patience)
    }

    /// Whether challenges are good at this node alone now.
    var issuesOffline: Bool { answer == .work && knowsOffline && (hasFoundNone || isLost(for: Self.patience)) }

    /// Whether a request whose solution nobody can redeem now goes on without it.
    var goesOnWithoutRedeeming: Bool { enforces && answer != .deny && lostNanoseconds != nil }

    /// What becomes of a step that nobody decides.
    var answer: Answer {
        if decidesNothing { return .deny }
        return switch onQuorumLoss {
        case .deny: .deny
        case .admit: .admit
        case .work: .work
        }
    }

    private func isLost(for time: UInt64) -> Bool { lostNanoseconds.map { $0 >= time } ?? false }
}
