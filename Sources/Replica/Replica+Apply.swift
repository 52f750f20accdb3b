import Ledger
import Raft
import Wire

// What is committed, applied.
extension Replica {
    mutating func apply(_ entries: [Entry]) {
        for entry in entries {
            guard apply(entry) else { return }
        }
        raft.applied(through: appliedIndex)
        finishChange()
    }

    private mutating func apply(_ entry: Entry) -> Bool {
        let index = entry.position.index
        precondition(index.rawValue == appliedIndex.rawValue + 1, "entries are applied in order, each once")
        switch entry.payload {
        case .noOperation: break
        case .configuration(let configuration): keyRenewal.applied(configuration, at: index)
        case .command(let bytes):
            let batch: Machine.Batch
            do {
                batch = try Machine.decode(bytes, supportedVersion: supportedVersion)
            } catch {
                stop(.undecodableEntry(index, error.explanation))
                return false
            }
            // Moved out and back, so that the state is not copied where it is changed.
            guard var state = machine.take() else {
                stop(.undecodableEntry(index, "there is no state to apply it to"))
                return false
            }
            let epoch = state.keyEpoch
            let outputs = state.apply(batch, index: index)
            if state.keyEpoch != epoch { keyRenewal.renewed() }
            if settings.reportsApplied {
                actions.append(
                    .applied(AppliedReport(index: index, batch: batch, outputs: outputs, digest: state.digest))
                )
            }
            machine = state
            // A state that is wrong makes wrong results: nobody is told them.
            if divergence == nil { submissions.applied(batch, outputs) }
            snapshots.bytesApplied += UInt64(bytes.count + ReplicaSettings.entryOverheadBytes)
            bytesAppliedInTurn += bytes.count
        }
        appliedIndex = index
        if let change, change.position.index == index, change.position.term != entry.position.term {
            endChange(.failure(.unknown))
        }
        if index.rawValue % settings.checkpointEntries == 0 { checkpoint(index) }
        return true
    }

    /// The state is replaced by a leader's snapshot, which is on disk.
    mutating func restore(_ snapshot: SnapshotDescription) {
        guard let received = snapshots.takeReceived(snapshot.position) else {
            preconditionFailure("the core restores what was reported as received")
        }
        guard received.version <= supportedVersion else {
            stop(.undecodableSnapshot(snapshot.position.index, "commands of version \(received.version)"))
            return
        }
        machine = received
        appliedIndex = snapshot.position.index
        clock.observe(received.time)
        snapshots.restored(clock.now)
        keyRenewal = KeyRenewal(snapshot.configuration)
        submissions.restored(received.session(of: id))
        checkpoints.forget(through: appliedIndex)
        endDivergence()
        if let change, change.position.index <= appliedIndex { endChange(.failure(.unknown)) }
        if settings.reportsApplied { actions.append(.restored(appliedIndex, digest: received.digest)) }
        raft.applied(through: appliedIndex)
    }

    /// A change of the membership is over when its entry is applied, and so is the leaving of the joint membership.
    private mutating func finishChange() {
        guard let change, change.position.index <= appliedIndex else { return }
        let configuration = raft.appliedConfiguration
        guard !configuration.isJoint else { return }
        endChange(.success(.changed(configuration)))
    }

    mutating func endChange(_ result: Result<ReplicaAnswer<Machine>, ReplicaFailure>) {
        guard let change else { return }
        self.change = nil
        actions.append(.answer(change.request, result))
    }
}

/// A change of the membership that was asked for here.
struct PendingChange: Sendable {
    let request: RequestID
    let position: LogPosition
    let deadline: BootTime
}
