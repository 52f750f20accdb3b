import Ledger
import NIOConcurrencyHelpers
import NIOCore

/// The challenges that this node is proposing to spend right now, over all its loops.
///
/// It keeps a valid challenge to at most one proposal a node, however often its solution is sent at once: who comes
/// while it is being spent waits for the result. Bounded; any thread.
final class SpendingTable: Sendable {
    /// Challenges being spent at one time, and those that wait for one of them.
    static let challengesMax = 65_536
    static let waitersMax = 1_024

    enum Entry {
        /// The caller spends it, and calls ``finish(_:isDecided:)`` afterwards.
        case first
        /// Another request spends it; `then` is called on the caller's loop when that is over, with whether it was decided.
        case waiting
        case full
    }

    private struct Waiter: Sendable {
        let eventLoop: any EventLoop
        let then: @Sendable (_ isDecided: Bool) -> Void
    }

    private let spending = NIOLockedValueBox<[ChallengeID: [Waiter]]>([:])

    func enter(_ id: ChallengeID, on eventLoop: any EventLoop, then: @escaping @Sendable (Bool) -> Void) -> Entry {
        spending.withLockedValue { spending in
            if let waiters = spending[id] {
                guard waiters.count < Self.waitersMax else { return .full }
                spending[id]!.append(Waiter(eventLoop: eventLoop, then: then))
                return .waiting
            }
            guard spending.count < Self.challengesMax else { return .full }
            spending[id] = []
            return .first
        }
    }

    /// - Parameter isDecided: whether the ledger has said what became of the challenge. If not, those who wait must not each
    ///   wait as long again, one after the other.
    func finish(_ id: ChallengeID, isDecided: Bool) {
        let waiters = spending.withLockedValue { $0.removeValue(forKey: id) } ?? []
        for waiter in waiters { waiter.eventLoop.execute { waiter.then(isDecided) } }
    }
}
