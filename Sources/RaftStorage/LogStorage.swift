import Raft

/// The log and the snapshots of one replica, in a folder of its own.
///
/// The log is a sequence of segments: files that are filled with zeros ahead, written from front to back, and removed as
/// wholes, never used again. What is appended is durable after the next ``synchronize()``; then, and not before, may
/// anything be said that depends on it. A crash may lose any part of what was not synchronized; what is left of it is
/// told from damage (``SegmentScan``), cut, and made durable, before ``open(directory:files:settings:)`` returns.
///
/// Synchronous, to be used from one thread at a time, and by one process: the caller holds a lock on the folder. A value
/// in name only: there must be one copy of it.
///
/// Errors: after ``StorageError/full(_:)`` everything is as it was before the call, which may be made again. After
/// ``StorageError/fatal(_:)`` every call throws ``StorageError/stopped``.
public struct LogStorage<Files: FileSystem> {
    /// Whose files they are.
    public let identity: StorageIdentity
    /// Where they are.
    public let paths: StoragePaths
    /// The newest snapshot.
    public internal(set) var snapshot: SnapshotDescription
    /// The bounds of the files.
    public let settings: StorageSettings

    var disk: StorageFiles<Files>
    var segment: ActiveSegment
    var extent: LogExtent
    var hardState: HardState
    /// The snapshots that are there, oldest first.
    var snapshotPositions: [LogPosition]
    var draft: SnapshotDraft<Files>?

    /// The last entry, written but perhaps not yet durable; or the position that the log goes on after.
    public var lastPosition: LogPosition { extent.last }
    /// The index of the first entry that is there, or would be.
    public var firstIndex: LogIndex { extent.first }
    /// Something was appended and not yet synchronized.
    public var isWaiting: Bool { segment.durable < segment.tail }
    /// A call was fatal.
    public var isStopped: Bool { disk.isStopped }
    /// Segments, the one that is written to included.
    public var segmentCount: Int { extent.segments.count }

    /// Writes a request, all of it or nothing. It is durable after the next ``synchronize()``.
    ///
    /// A request lies within one segment. Where the last one has no room for it, that is synchronized and another one
    /// is made.
    /// - Precondition: the entries are consecutive, and the first one is at most one above ``lastPosition``. All of it
    ///   fits in a segment of ``StorageSettings/segmentBytesMax``.
    public mutating func append(_ request: PersistRequest) throws(StorageError) {
        try append(contentsOf: CollectionOfOne(request))
    }

    /// Writes requests in one piece, all of them or nothing, as ``append(_:)`` does one.
    public mutating func append(contentsOf requests: some Collection<PersistRequest>) throws(StorageError) {
        var contents: [RecordContent] = []
        contents.reserveCapacity(requests.reduce(0) { $0 + $1.entries.count + 1 })
        var last = extent.last.index
        for request in requests {
            if let state = request.hardState { contents.append(.hardState(state)) }
            if let first = request.entries.first { last = min(last, LogIndex(first.position.index.rawValue - 1)) }
            for entry in request.entries {
                precondition(entry.position.index == last + 1, "a log has no gaps")
                last = entry.position.index
                contents.append(.entry(entry))
            }
        }
        try write(contents)
        for request in requests {
            if let state = request.hardState { hardState = state }
            for entry in request.entries { extent.append(entry.position) }
        }
    }

    /// Makes everything that was appended durable: one call of the file system, or none where nothing waits.
    public mutating func synchronize() throws(StorageError) {
        guard !disk.isStopped else { throw .stopped }
        guard isWaiting else { return }
        try disk.synchronize(segment.file)
        segment.durable = segment.tail
    }

    /// After a leader's snapshot was finished: where the log has no entry of that term at that index, it is emptied and
    /// goes on after the snapshot (section 7 of the paper); else it stays as it is. Durable when it returns.
    public mutating func installed(_ position: LogPosition) throws(StorageError) {
        guard !disk.isStopped else { throw .stopped }
        guard position.index >= extent.first, extent.term(at: position.index) == position.term else {
            try write([.reset(position)])
            extent.reset(to: position)
            try synchronize()
            return
        }
    }

    /// Removes the segments whose entries are all below an index. Entries above the newest snapshot stay in any case.
    public mutating func removeSegments(below index: LogIndex) throws(StorageError) {
        guard !disk.isStopped else { throw .stopped }
        let floor = min(index, snapshot.position.index + 1)
        guard extent.segmentToRemove(below: floor) != nil else { return }
        // A segment may count as empty only because a later entry replaces those in it: that one must be there first.
        try synchronize()
        var removed = false
        while let number = extent.segmentToRemove(below: floor) {
            try disk.remove(paths.segment(number))
            extent.removeSegment()
            removed = true
        }
        if removed { try disk.synchronizeDirectory(paths.log) }
    }

    /// Closes the files. Synchronizes nothing.
    public mutating func close() {
        // What cannot be removed now is removed at the next start.
        try? abandonSnapshot()
        disk.close(segment.file)
    }

    // MARK: - Writing

    /// Writes records, all of them or nothing.
    private mutating func write(_ contents: [RecordContent]) throws(StorageError) {
        guard !disk.isStopped else { throw .stopped }
        guard !contents.isEmpty else { return }
        try eraseLeftover()
        var writer = segment.writer
        writer.append(contentsOf: contents)
        if writer.start + writer.bytes.count > segment.length {
            try beginSegment(for: contents)
            writer = segment.writer
            writer.append(contentsOf: contents)
        }
        do throws(StorageError) {
            try disk.write(segment.file, writer.bytes, at: UInt64(writer.start))
        } catch {
            guard case .full = error else { throw error }
            segment.leftover = writer.start..<writer.start + writer.bytes.count
            // At once, if it can be, so that the file is as it was before.
            do throws(StorageError) { try eraseLeftover() } catch { if case .fatal = error { throw error } }
            throw error
        }
        segment.previous = writer.previous
        segment.tail = writer.end
    }

    /// Makes what a failed append may have left zero again, on disk.
    private mutating func eraseLeftover() throws(StorageError) {
        guard let range = segment.leftover else { return }
        try disk.write(segment.file, [UInt8](repeating: 0, count: range.count), at: UInt64(range.lowerBound))
        try disk.synchronize(segment.file)
        segment.leftover = nil
        segment.durable = segment.tail
    }

    /// Another segment, with room for these records.
    private mutating func beginSegment(for contents: [RecordContent]) throws(StorageError) {
        // The next segment's name says that this one is durable to its end.
        try synchronize()
        let head = SegmentHead(
            identity: identity,
            number: segment.number + 1,
            length: ActiveSegment.length(for: contents, settings: settings),
            previousEnd: UInt64(segment.tail),
            previousSum: segment.previous
        )
        let next = try ActiveSegment.make(head, state: hardState, last: extent.last, paths: paths, disk: &disk)
        disk.close(segment.file)
        segment = next
        extent.began(segment: next.number)
    }
}

extension LogStorage: Sendable where Files: Sendable {}
