import Raft
import Wire

// When a snapshot is made, and how one is sent and received.
extension Replica {
    /// While parts of a leader's snapshot come in, no own one is made: it would take the place of the file.
    private static var receivingPause: UInt64 { 5_000_000_000 }
    /// After a snapshot that failed, in nanoseconds: 10 s.
    private static var failurePause: UInt64 { 10_000_000_000 }

    /// Makes a snapshot if one is due: by the bytes applied, by its age, or because somebody wants one.
    mutating func planSnapshot() {
        if snapshots.endFailure(appliedIndex: appliedIndex) { actions.append(.alarm(.snapshotKept)) }
        guard let machine, !isStateDoubtful, !snapshots.isWriting, !isDiskFull, clock.now >= snapshots.pausedUntil,
            raft.appliedIndex == appliedIndex, !keyRenewal.holdsSnapshots
        else { return }
        guard appliedIndex > raft.snapshot.position.index || snapshots.isSpoiled else {
            snapshots.isWanted = false
            return
        }
        guard snapshots.isWanted || snapshots.isSpoiled || isSnapshotDue else { return }
        if let at = snapshots.receivingAt, clock.now.nanoseconds(since: at) < Self.receivingPause { return }
        guard let term = raft.term(at: appliedIndex) else { return }
        snapshots.begin()
        let description = SnapshotDescription(
            position: LogPosition(term: term, index: appliedIndex),
            configuration: raft.appliedConfiguration,
            bytes: 0
        )
        actions.append(.store(.snapshot(SnapshotPlan(description: description, machine: machine))))
    }

    /// By the bytes applied since the last, or by its age.
    private var isSnapshotDue: Bool {
        guard snapshots.bytesApplied > 0 else { return false }
        let age = clock.now.nanoseconds(since: snapshots.lastAt)
        // All replicas apply the same entries, and are not to write at the same time: each has a share of the bounds
        // that follows from its id, and is another after each snapshot.
        guard snapshots.bytesApplied > settings.snapshotLogBytes / 2 || age > settings.snapshotAge / 2 else {
            return false
        }
        var generator = Xoshiro256(seed: id.high ^ id.low ^ raft.snapshot.position.index.rawValue)
        let isLong = snapshots.bytesApplied >= generator.share(of: settings.snapshotLogBytes)
        return isLong || age >= generator.share(of: settings.snapshotAge)
    }

    mutating func snapshotCompleted(_ completion: StorageCompletion<Machine>) {
        switch completion {
        case .snapshotted(let description):
            snapshots.ended(clock.now)
            snapshotKept()
            guard description.position.index >= raft.snapshot.position.index else { return }
            let last = description.position.index.rawValue
            let below = LogIndex(last + 1 - min(last, settings.entriesKept))
            raft.compact(to: description, keepingFrom: isAlone ? description.position.index + 1 : below)
            actions.append(.store(.removeEntries(below: below)))
        case .snapshotFailed(_, let why):
            snapshots.failed(clock.now, why)
            actions.append(.alarm(.snapshotFailed(why)))
            snapshots.pausedUntil = clock.now.adding(nanoseconds: Self.failurePause)
        case .snapshotSuperseded: snapshots.superseded()
        case .received(let transfer, let position, let machine):
            snapshots.received(machine, at: position)
            snapshotKept()
            raft.snapshotInstalled(transfer)
        case .receiveRefused(let transfer, let why):
            snapshots.receivingAt = nil
            if snapshots.isRefusalNews(clock.now, why, appliedIndex: appliedIndex, pause: Self.failurePause) {
                actions.append(.alarm(.snapshotFailed(why)))
            }
            raft.snapshotRefused(transfer)
        case .receiveUnsupported(let position, let why): stop(.undecodableSnapshot(position.index, why))
        case .read(let read, let data): partRead(read, data)
        case .persisted, .full, .room, .failed: preconditionFailure("handled before")
        }
    }

    /// Whether there is nobody who may lack an entry: what the snapshot holds need not be in memory too.
    private var isAlone: Bool { raft.configuration.members.count == 1 }

    private mutating func snapshotKept() {
        if snapshots.endFailure() { actions.append(.alarm(.snapshotKept)) }
    }

    // MARK: - To others

    /// Reads the part that a request of the core is to carry. Where too much is being read, or the file may hold a wrong
    /// state, it is dropped: the core sends it again.
    mutating func readPart(of request: SnapshotRequest, for message: Message) {
        guard divergence == nil, !snapshots.isDoubtful, snapshots.readCount < settings.snapshotReadsMax else { return }
        let number = snapshots.addReader(.follower(message))
        actions.append(
            .store(
                .read(
                    SnapshotRead(
                        number: number,
                        position: request.snapshot.position,
                        offset: request.offset,
                        count: Int(request.length)
                    )
                )
            )
        )
    }

    private mutating func partRead(_ read: SnapshotRead, _ data: [UInt8]?) {
        // A file that nobody can read any more keeps a member that needs it waiting for ever. The state is in memory.
        if data == nil, read.position == raft.snapshot.position { snapshots.isSpoiled = true }
        guard let reader = snapshots.takeReader(read.number), let data else { return }
        switch reader {
        case .follower(var message):
            guard case .snapshotRequest(var request) = message.body, data.count == Int(request.length) else { return }
            request.data = data
            message.body = .snapshotRequest(request)
            send(.raft(message), to: message.to)
        case .diverged(let peer, let bytes):
            send(
                .statePart(.init(position: read.position, bytes: bytes, offset: read.offset, data: data)),
                to: peer
            )
        }
    }

    // MARK: - From the leader

    mutating func receive(_ part: IncomingSnapshotPart) {
        snapshots.receivingAt = clock.now
        actions.append(.store(.receive(part)))
    }
}

extension Xoshiro256 {
    /// Between half of it and all.
    fileprivate mutating func share(of bound: UInt64) -> UInt64 { bound - below(bound / 2 + 1) }
}
