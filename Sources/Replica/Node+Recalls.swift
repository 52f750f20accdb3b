import Ledger

extension Node where Machine == Ledger {
    /// Buckets by which somebody was refused since the last call while units of them were out in slices: see
    /// ``Ledger/Ledger/takeRecalls()``. Of no meaning to the replica; a node looks after each turn.
    public func takeRecalls() -> [SliceRecall] {
        guard let running, running.replica.machine?.hasRecalls == true else { return [] }
        return running.replica.machine?.takeRecalls() ?? []
    }
}
