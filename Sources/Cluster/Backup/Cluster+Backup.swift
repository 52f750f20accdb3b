import NIOCore
import Raft
import Replica
import Wire

extension Cluster {
    /// The state of the cluster now: a copy, while the node goes on.
    ///
    /// As long as it is kept, each part of the state that changes takes its memory twice.
    /// - Parameter isStale: as far as this node has it; else with all that was acknowledged before.
    public func backup(isStale: Bool) async throws(OperationError) -> Backup {
        if !isStale {
            try checkMembership()
            do {
                try await loop.flatSubmit { [driver] in driver.value.confirm() }.get()
            } catch {
                throw error as? OperationError ?? .stopped
            }
        }
        guard let backup = shared.backup(node: name) else {
            throw .notMember("This node has no state yet: take the backup from a member of the cluster.")
        }
        return backup
    }
}

extension SharedNode {
    /// What the node has applied; nil where it has no state.
    func backup(node name: String) -> Backup? {
        withNode { node in
            guard let cluster = node.cluster else { return nil }
            return node.withReplica { replica -> Backup? in
                guard let ledger = replica.machine, !replica.isStateDoubtful else { return nil }
                return Backup(
                    head: Backup.Head(
                        cluster: cluster,
                        node: name,
                        index: replica.appliedIndex,
                        clock: ClockRecord(time: replica.time, wall: SystemClocks.wall()),
                        configuration: replica.raft.appliedConfiguration
                    ),
                    ledger: ledger
                )
            } ?? nil
        }
    }
}
