import Raft
import RaftStorage
import Wire

/// Carries out storage requests on a log's files: what the simulator and the cluster's log thread share.
///
/// When the disk is full it keeps what it was given, in order, and tries again with ``StorageRequest/retry``. After a
/// failure it does nothing any more. Synchronous; use from one thread at a time.
public struct StorageWorker<Machine: StateMachine, Files: FileSystem> {
    private struct Receiving {
        let transfer: UInt64
        let position: LogPosition
        var bytes: [UInt8]
    }

    /// The files.
    public private(set) var storage: LogStorage<Files>
    private var clock: DurableFile<Files>
    /// What could not be done since the disk was full.
    private var held: [StorageRequest<Machine>] = []
    /// A leader's snapshot, as far as it has come. In memory too, since it is restored from there at its end.
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
            } catch .full {
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
            try write(plan)
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

    private mutating func write(_ plan: SnapshotPlan<Machine>) throws(StorageError) {
        // The file that was being received is thrown away with the beginning of another.
        receiving = nil
        do throws(StorageError) {
            completions.append(.snapshotted(try file(plan)))
        } catch .full(let error) {
            storage.abandonSnapshot()
            completions.append(.snapshotFailed(plan.description.position, StorageError.full(error).description))
        } catch {
            throw error
        }
    }

    private mutating func file(_ plan: SnapshotPlan<Machine>) throws(StorageError) -> SnapshotDescription {
        try storage.beginSnapshot(plan.description)
        var failure: StorageError?
        SnapshotPayload.write(plan.machine) { piece in
            guard failure == nil else { return }
            do throws(StorageError) { try storage.appendSnapshot(piece) } catch { failure = error }
        }
        if let failure { throw failure }
        return try storage.finishSnapshot()
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
                receiving = nil
                completions.append(.receiveRefused(transfer: part.transfer, "a part is missing"))
                return
            }
            guard part.isLast, try finishReceiving() else { return }
        } catch .full(let error) {
            refuse(part.transfer, StorageError.full(error).description)
            return
        } catch .snapshotLength(let expected, let found) {
            refuse(part.transfer, StorageError.snapshotLength(expected: expected, found: found).description)
            return
        } catch {
            throw error
        }
        try install()
    }

    /// Returns false where another file was begun meanwhile.
    private mutating func append(_ part: IncomingSnapshotPart) throws(StorageError) -> Bool {
        if part.offset == 0 {
            receiving = nil
            try storage.beginSnapshot(part.snapshot)
            receiving = Receiving(transfer: part.transfer, position: part.snapshot.position, bytes: [])
        }
        guard let current = receiving, current.transfer == part.transfer,
            UInt64(current.bytes.count) == part.offset
        else { return false }
        try storage.appendSnapshot(part.data)
        receiving?.bytes += part.data
        return true
    }

    /// Sees whether the file is a snapshot, and makes it durable. Returns whether it is.
    private mutating func finishReceiving() throws(StorageError) -> Bool {
        guard let received = receiving else { return false }
        let machine: Machine
        do throws(SnapshotPayload.Failure) {
            machine = try SnapshotPayload.decode(received.bytes, at: received.position.index, as: Machine.self)
        } catch {
            receiving = nil
            storage.abandonSnapshot()
            switch error {
            case .invalid(let why): completions.append(.receiveRefused(transfer: received.transfer, why))
            case .unsupported(let why): completions.append(.receiveUnsupported(received.position, why))
            }
            return false
        }
        _ = try storage.finishSnapshot()
        receiving = nil
        installing = (received.transfer, received.position, machine)
        return true
    }

    /// Lets the log go on after the snapshot. It stays to be done where the disk is full.
    private mutating func install() throws(StorageError) {
        guard let done = installing else { return }
        try storage.installed(done.position)
        installing = nil
        completions.append(.received(transfer: done.transfer, done.position, done.machine))
    }

    private mutating func refuse(_ transfer: UInt64, _ why: String) {
        receiving = nil
        storage.abandonSnapshot()
        completions.append(.receiveRefused(transfer: transfer, why))
    }
}
