import NIOCore
import Raft
import Replica
import Wire

extension Cluster {
    /// The state of the cluster now: a copy, while the node goes on.
    ///
    /// As long as it is kept, each part of the state that changes takes its memory twice: so there is one at a time, and
    /// the next may be asked for when the last copy of this one is gone.
    /// - Parameter isStale: as far as this node has it; else with all that was acknowledged before.
    /// - Throws: ``OperationError/busy(_:)`` while there is one.
    public func backup(isStale: Bool) async throws(OperationError) -> Backup {
        guard let turn = backups.take() else {
            throw .busy("A backup of this node is being taken already: ask again when it has ended, or another node.")
        }
        if !isStale { try await confirmMembership() }
        guard var backup = shared.backup(node: name) else {
            throw .notMember("This node has no state yet: take the backup from a member of the cluster.")
        }
        backup.turn = turn
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
