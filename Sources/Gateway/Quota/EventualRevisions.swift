import Ledger
import NIOConcurrencyHelpers
import Quota

/// The limits as they are charged at this node alone, whatever a policy's consistency: at the eventual level, and of a ceiling
/// while no majority decides. One for the loops of a node, any thread.
///
/// Whichever loop sees newer limits first makes the next revision of them; the others take it when they see these too. So what
/// a loop decides by is never older than what its requests were prepared with.
final class EventualRevisions: Sendable {
    private struct Current {
        var generation: UInt64
        var limits: EventualLimits
    }

    private let current: NIOLockedValueBox<Current>

    /// - Parameter now: nanoseconds of the node's clock, as below.
    init(_ facts: LedgerFacts, now: UInt64) {
        let limits = EventualLimits().revised(facts.policies, now: now)
        current = NIOLockedValueBox(Current(generation: facts.generation, limits: limits))
    }

    /// The limits of these facts, or of later ones. Locked while they are made, which takes a look at every bucket.
    ///
    /// Each loop sees the same facts in the same order. A state that took the place of a wrong one may have counted fewer changes:
    /// whoever sees that first goes back.
    /// - Parameter former: the generation that the caller saw last; nil where it saw none.
    func limits(_ facts: LedgerFacts, after former: UInt64? = nil, now: UInt64) -> EventualLimits {
        current.withLockedValue { current in
            let goesBack = former.map { facts.generation < $0 && $0 <= current.generation } ?? false
            if facts.generation > current.generation || goesBack {
                current = Current(
                    generation: facts.generation,
                    limits: current.limits.revised(facts.policies, now: now)
                )
            }
            return current.limits
        }
    }
}
