import Ledger
import NIOConcurrencyHelpers
import Replica

/// A node that its driver changes, on one loop, and others look at. The lock is held for pure computation only.
final class SharedNode: @unchecked Sendable {
    private let lock = NIOLock()
    private let node: Node<Ledger>

    init(_ node: sending Node<Ledger>) { self.node = node }

    /// The node, alone. Short: other loops may wait.
    func withNode<Result>(_ body: (Node<Ledger>) throws -> Result) rethrows -> Result {
        try lock.withLock { try body(node) }
    }

    /// What is known of a challenge from the state that was applied here; nothing from one that may be wrong. Any thread.
    func spent(_ spend: Spend) -> SpendOutcome? {
        withNode { node in
            node.withReplica { $0.isStateDoubtful ? nil : $0.machine?.outcomeIfSpent(spend) } ?? nil
        }
    }

    /// What a challenge for a client is issued by, from the same; nil where that may be wrong. Any thread.
    func issueTerms(of keys: PrefixKeys, policy: PolicyID, at time: LedgerTime) -> IssueTerms? {
        withNode { node in
            node.withReplica {
                $0.isStateDoubtful ? nil : $0.machine?.issueTerms(of: keys, policy: policy, at: time)
            } ?? nil
        }
    }
}
