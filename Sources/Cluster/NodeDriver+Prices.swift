import Ledger
import Logging
import NIOCore
import Replica
import Wire

/// Whoever leads has the cluster's factors of the price follow the load: see ``ClusterPrices``.
extension NodeDriver {
    /// Looks whether factors are to change. After each turn, and turns come with every tick.
    func reviewPrices() {
        let (isLeading, time) = view.withLockedValue { view in
            let isLeader = view.status?.role == .leader
            return (isLeader && view.facts.map { $0.ledgerVersion >= Ledger.lendingVersion } ?? false, view.time)
        }
        guard isLeading else { return prices.rest() }
        guard prices.isDue(time) else { return }
        let seen = shared.withNode { node in
            node.withReplica { $0.isStateDoubtful ? nil : $0.machine.map { (facts: $0.facts, loads: $0.loads) } } ?? nil
        }
        guard let seen, let change = prices.look(seen.facts, seen.loads, now: time) else { return }
        // What becomes of it is seen in the facts.
        submit([.setPrices(change)]) { answer in
            guard case .failure(let failure) = answer, failure != .stopped else { return }
            self.logger.debug("prices are not set yet", metadata: ["reason": "\(failure)"])
        }
    }
}
