import Raft
import RaftStorage
import Wire

/// Carries out storage requests on a log's files: what the simulator and the cluster's log thread share.
///
/// A snapshot of the own state is written in slices, between which other requests are carried out: whoever has the thread
/// calls ``writeSlice()`` after each group, and goes on calling it while nothing else is to be done, as long as
/// ``isWritingSnapshot``.
///
///     snapshot ─▶ writing ─ slice … slice ─ the last ─▶ durable under its name, and said so
///                    └ another one begins, or the disk is full: thrown away, and said so
///
/// A leader's snapshot comes in parts, each of which is written and decoded as it comes. There is one file at a time: a
/// snapshot that begins takes the place of another, whoever's it is.
///
/// When the disk is full it keeps what it was given, in order, and tries again with ``StorageRequest/retry``. After a
/// failure it does nothing any more. Synchronous; use from one thread at a time.
public struct StorageWorker<Machine: StateMachine, Files: FileSystem> {
    private struct Writing {
        let position: LogPosition
        var encoder: SnapshotPayloadEncoder<Machine>
    }

    private struct Receiving {
        let transfer: UInt64
        let position: LogPosition
        var bytes: UInt64
        var decoder: SnapshotPayloadDecoder<Machine>
    }

    /// The files.
    public private(set) var storage: LogStorage<Files>
    private var clock: DurableFile<Files>
    /// What could not be done since the disk was full.
    private var held: [StorageRequest<Machine>] = []
    /// The own snapshot that is being written. Only one of these two is there: the file that was begun is its.
    private var writing: Writing?
    /// A leader's snapshot, as far as it has come.
    private var receiving: Receiving?
    /// A leader's snapshot that is durable, and after which the log is to go on.
    private var installing: (transfer: UInt64, position: LogPosition, machine: Machine)?
    /// The last persist request that was written and not yet synchronized.
    private var written: UInt64?
    private var completions: [StorageCompletion<Machine>] = []
    private var hasFailed = false

    /// A worker on an open log.
    /// - Parameter clock: the file of the wall clock's record.
    public init(storage: LogStorage<Files>, clock: DurableFile<Files>) {
        self.storage = storage
        self.clock = clock
    }

    /// Whether requests are kept because the disk was full.
    public var isHolding: Bool { !held.isEmpty }
    /// Whether ``writeSlice()`` is to be called.
    public var isWritingSnapshot: Bool { writing != nil && !hasFailed }
    /// How many are kept.
    var heldCount: Int { held.count }

    /// Carries out requests in their order, with one synchronization for all that was persisted.
    /// - Returns: what came of them, in order. Nothing of it was true before all of the group was durable.
    public mutating func execute(_ requests: [StorageRequest<Machine>]) -> [StorageCompletion<Machine>] {
        guard !hasFailed else { return [] }
        var queue = requests
        let wasHolding = isHolding
        if wasHolding {
            let isRetry = requests.contains { if case .retry = $0 { true } else { false } }
            queue = held + requests
            held = []
            guard isRetry else {
                hold(queue[...])
                return []
            }
        }
        for (place, request) in queue.enumerated() {
            do {
                try perform(request)
            } catch .full(let error) {
                // What is on disk of a snapshot is worth less than room for the log.
                giveUp(StorageError.full(error).description)
                guard !hasFailed else { return takeCompletions() }
                hold(queue[place...])
                break
            } catch {
                fail(error)
                return takeCompletions()
            }
        }
        do {
            try synchronize()
        } catch {
            fail(error)
            return takeCompletions()
        }
        if isHolding {
            completions.append(.full)
        } else if wasHolding {
            completions.append(.room)
        }
        return takeCompletions()
    }

    /// Keeps requests until the disk has room: of clock records the newest, of retries none.
    private mutating func hold(_ requests: ArraySlice<StorageRequest<Machine>>) {
        let isClock = { (request: StorageRequest<Machine>) in
            if case .recordClock = request { true } else { false }
        }
        let newest = requests.lastIndex(where: isClock)
        held = requests.indices.compactMap { place in
            if case .retry = requests[place] { return nil }
            return isClock(requests[place]) && place != newest ? nil : requests[place]
        }
    }

    /// Closes the files. Nothing may be asked afterwards.
    public mutating func close() {
        hasFailed = true
        storage.close()
    }

    private mutating func takeCompletions() -> [StorageCompletion<Machine>] {
        var taken: [StorageCompletion<Machine>] = []
        swap(&taken, &completions)
        return taken
    }

    private mutating func fail(_ error: StorageError) {
        hasFailed = true
        written = nil
        completions.append(.failed(error.description))
    }

    private mutating func synchronize() throws(StorageError) {
        guard let number = written else { return }
        try storage.synchronize()
        written = nil
        completions.append(.persisted(number))
    }

    private mutating func perform(_ request: StorageRequest<Machine>) throws(StorageError) {
        switch request {
        case .persist(let request):
            try storage.append(request)
            written = request.number
        case .receive(let part):
            // A part stands for a log that is as far as the requests before it.
            try synchronize()
            try receive(part)
        case .snapshot(let plan):
            try synchronize()
            try begin(plan)
        case .read(let read): perform(read)
        case .removeEntries(let index):
            try attempt { storage throws(StorageError) in
                try storage.removeSegments(below: index)
            }
        case .recordClock(let record):
            do {
                try clock.write(record.encode())
            } catch .full {
                // One that is lost costs nothing; the next is due soon.
            } catch {
                throw error
            }
        case .retry: break
        }
    }

    /// Does what may as well be left undone when the disk is full.
    private mutating func attempt(
        _ body: (inout LogStorage<Files>) throws(StorageError) -> Void
    ) throws(StorageError) {
        do { try body(&storage) } catch .full {} catch { throw error }
    }

    private mutating func perform(_ read: SnapshotRead) {
        do {
            let data = try storage.readSnapshot(read.position, offset: read.offset, count: read.count)
            completions.append(.read(read, data))
        } catch {
            // The file is gone, is damaged, or lies on a bad sector; nothing that was promised depends on it while the
            // state is in memory. Whoever asked is sent another one: the newest, or, where this was the newest, one that
            // takes its place.
            completions.append(.read(read, nil))
        }
    }

    // MARK: - Own snapshots

    private mutating func begin(_ plan: SnapshotPlan<Machine>) throws(StorageError) {
        try supersede()
        let position = plan.description.position
        do throws(StorageError) {
            try storage.beginSnapshot(plan.description)
            writing = Writing(position: position, encoder: SnapshotPayloadEncoder(plan.machine))
        } catch .full(let error) {
            completions.append(.snapshotFailed(position, StorageError.full(error).description))
        } catch {
            throw error
        }
    }

    /// Writes the next slice of the snapshot that is being written, and makes it durable; after the last, the file under
    /// its name. Nothing where none is being written.
    /// - Returns: what came of it, at its end.
    public mutating func writeSlice() -> [StorageCompletion<Machine>] {
        guard isWritingSnapshot else { return [] }
        do throws(StorageError) {
            if let slice = writing?.encoder.next(bytes: max(storage.settings.snapshotSliceBytes, 1)) {
                try storage.appendSnapshot(slice)
            } else {
                let description = try storage.finishSnapshot()
                writing = nil
                completions.append(.snapshotted(description))
            }
        } catch .full(let error) {
            giveUp(StorageError.full(error).description)
        } catch {
            fail(error)
        }
        return takeCompletions()
    }

    /// There is no room for the own snapshot that is being written.
    private mutating func giveUp(_ why: String) {
        guard let ended = writing else { return }
        writing = nil
        do throws(StorageError) {
            try storage.abandonSnapshot()
            completions.append(.snapshotFailed(ended.position, why))
        } catch {
            fail(error)
        }
    }

    /// Another snapshot begins: the file that was begun is thrown away.
    private mutating func supersede() throws(StorageError) {
        if let ended = writing { completions.append(.snapshotSuperseded(ended.position)) }
        writing = nil
        receiving = nil
        try storage.abandonSnapshot()
    }

    // MARK: - A leader's snapshot

    private mutating func receive(_ part: IncomingSnapshotPart) throws(StorageError) {
        if let installing, installing.transfer == part.transfer, part.isLast {
            // The disk was full when the log was to go on after it.
            try install()
            return
        }
        do throws(StorageError) {
            guard try append(part) else {
                // The file may be another's by now.
                if receiving != nil { try storage.abandonSnapshot() }
                receiving = nil
                completions.append(.receiveRefused(transfer: part.transfer, "a part is missing"))
                return
            }
            guard try decode(part), part.isLast, try finishReceiving() else { return }
        } catch .full(let error) {
            try refuse(part.transfer, StorageError.full(error).description)
            return
        } catch .snapshotLength(let expected, let found) {
            try refuse(part.transfer, StorageError.snapshotLength(expected: expected, found: found).description)
            return
        } catch {
            throw error
        }
        try install()
    }

    /// Returns false where another file was begun meanwhile.
    private mutating func append(_ part: IncomingSnapshotPart) throws(StorageError) -> Bool {
        if part.offset == 0 {
            try supersede()
            try storage.beginSnapshot(part.snapshot)
            let position = part.snapshot.position
            receiving = Receiving(
                transfer: part.transfer,
                position: position,
                bytes: 0,
                decoder: SnapshotPayloadDecoder(bytes: part.snapshot.bytes, index: position.index)
            )
        }
        guard let current = receiving, current.transfer == part.transfer, current.bytes == part.offset else {
            return false
        }
        try storage.appendSnapshot(part.data)
        receiving?.bytes += UInt64(part.data.count)
        return true
    }

    /// Reads what a part adds to the state. Returns whether it can be.
    private mutating func decode(_ part: IncomingSnapshotPart) throws(StorageError) -> Bool {
        do throws(SnapshotPayloadFailure) { try receiving?.decoder.take(part.data) } catch {
            try reject(error)
            return false
        }
        return true
    }

    /// Sees whether the file is a snapshot, and makes it durable. Returns whether it is.
    private mutating func finishReceiving() throws(StorageError) -> Bool {
        guard let received = receiving else { return false }
        let machine: Machine
        do throws(SnapshotPayloadFailure) { machine = try received.decoder.finish() } catch {
            try reject(error)
            return false
        }
        _ = try storage.finishSnapshot()
        receiving = nil
        installing = (received.transfer, received.position, machine)
        return true
    }

    /// What a leader sends is not a snapshot.
    private mutating func reject(_ failure: SnapshotPayloadFailure) throws(StorageError) {
        guard let rejected = receiving else { return }
        receiving = nil
        try storage.abandonSnapshot()
        switch failure {
        case .invalid(let why): completions.append(.receiveRefused(transfer: rejected.transfer, why))
        case .unsupported(let why): completions.append(.receiveUnsupported(rejected.position, why))
        }
    }

    /// Lets the log go on after the snapshot. It stays to be done where the disk is full.
    private mutating func install() throws(StorageError) {
        guard let done = installing else { return }
        try storage.installed(done.position)
        installing = nil
        completions.append(.received(transfer: done.transfer, done.position, done.machine))
    }

    private mutating func refuse(_ transfer: UInt64, _ why: String) throws(StorageError) {
        receiving = nil
        try storage.abandonSnapshot()
        completions.append(.receiveRefused(transfer: transfer, why))
    }
}
