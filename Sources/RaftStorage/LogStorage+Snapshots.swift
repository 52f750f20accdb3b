import Raft

// Snapshots: written under a temporary name, checked as they are read, the last few kept. The newest is the state that
// the log goes on from; one before it stays (``StorageSettings/snapshotsKept``) so that a follower that is being sent it
// can be sent all of it.

extension LogStorage {
    /// Begins a snapshot file; one that was begun before is thrown away.
    /// - Parameter description: where its `bytes` are not 0, a file of another length is refused when it is finished.
    public mutating func beginSnapshot(_ description: SnapshotDescription) throws(StorageError) {
        try abandonSnapshot()
        let path = paths.snapshot(description.position)
        draft = try SnapshotDraft(description, identity: identity, path: path, disk: &disk)
    }

    /// Appends to the snapshot file that was begun. What is not yet synchronized of it stays below
    /// ``StorageSettings/snapshotSliceBytes``, and what is given here.
    /// - Precondition: one was begun.
    public mutating func appendSnapshot(_ bytes: [UInt8]) throws(StorageError) {
        guard var draft else { preconditionFailure("no snapshot was begun") }
        try draft.append(bytes, sliceBytes: settings.snapshotSliceBytes, disk: &disk)
        self.draft = draft
    }

    /// Makes the snapshot file durable. It is there from then on, whatever happens. Returns its description, with its
    /// length.
    /// - Precondition: one was begun.
    public mutating func finishSnapshot() throws(StorageError) -> SnapshotDescription {
        guard let draft else { preconditionFailure("no snapshot was begun") }
        guard draft.description.bytes == 0 || draft.description.bytes == draft.bytes else {
            try abandonSnapshot()
            throw .snapshotLength(expected: draft.description.bytes, found: draft.bytes)
        }
        let position = draft.description.position
        let finished = try draft.finish(path: paths.snapshot(position), disk: &disk)
        self.draft = nil
        snapshotPositions.removeAll { $0 == position }
        let isOlder = { (left: LogPosition, right: LogPosition) in (left.index, left.term) < (right.index, right.term) }
        snapshotPositions.append(position)
        snapshotPositions.sort(by: isOlder)
        if !isOlder(position, snapshot.position) { snapshot = finished }
        do throws(StorageError) {
            try removeOldSnapshots()
        } catch {
            // The snapshot is there. An old one that cannot be removed for want of space is removed another time.
            guard case .full = error else { throw error }
        }
        return finished
    }

    /// Throws the snapshot file away that was begun, if there is one.
    public mutating func abandonSnapshot() throws(StorageError) {
        guard let abandoned = draft else { return }
        draft = nil
        try abandoned.abandon(disk: &disk)
    }

    /// Reads a part of a snapshot's payload, checked against its checksums. Shorter only where the payload ends.
    /// - Throws: ``StorageError/noSnapshot(_:)``, and ``StorageError/damaged(_:)`` if the part is not what was written.
    public func readSnapshot(
        _ position: LogPosition,
        offset: UInt64,
        count: Int
    ) throws(StorageError) -> [UInt8] {
        guard snapshotPositions.contains(position) else { throw .noSnapshot(position) }
        // Reading changes nothing, hence not the verdict on the disk either: the caller sees the error and decides.
        var disk = disk
        let path = paths.snapshot(position)
        let reader = try SnapshotReader(path: path, disk: &disk)
        defer { reader.close(disk) }
        guard reader.head.identity == identity else {
            throw .wrongIdentity(path: path, expected: identity, found: reader.head.identity)
        }
        guard reader.head.description.position == position else {
            throw .damage(path, 0, .head)
        }
        return try reader.read(offset: offset, count: count, disk: &disk)
    }

    /// Removes snapshots beyond those that are kept. A name that comes back after a crash is removed at the next start.
    mutating func removeOldSnapshots() throws(StorageError) {
        while snapshotPositions.count > max(settings.snapshotsKept, 1) {
            try disk.remove(paths.snapshot(snapshotPositions[0]))
            snapshotPositions.removeFirst()
        }
    }
}
