import Raft
import RaftStorage

/// A storage and the model of its disk, taken through a history together.
struct HistoryRun {
    let files: MemoryFileSystem
    var storage: LogStorage<MemoryFileSystem>
    var model = Model()

    init(files: MemoryFileSystem) throws(StorageError) {
        self.files = files
        storage = try Fixture.create(files)
    }

    /// Takes a step. The model counts as possible what the storage was about to do when it failed.
    mutating func take(_ step: Step) throws(StorageError) {
        switch step {
        case .append(let request):
            let before = model
            model.written(request)
            do {
                try storage.append(request)
            } catch {
                if case .full = error { model = before }
                throw error
            }
        case .synchronize:
            try storage.synchronize()
            model.synchronized()
        case .beginSnapshot(let position): try storage.beginSnapshot(Fixture.snapshot(position))
        case .snapshotSlice(let bytes): try storage.appendSnapshot(bytes)
        case .finishSnapshot(let position, let payload): try finish(position, payload)
        case .install(let position, let payload):
            try write(position, payload)
            model.installing(position)
            try storage.installed(position)
            model.synchronized()
        case .removeSegments(let index):
            try storage.removeSegments(below: index)
        }
    }

    /// The same step until it succeeds: space is back after each failure.
    mutating func takeUntilDone(_ step: Step) throws(StorageError) {
        for _ in 0..<3 {
            do throws(StorageError) {
                try take(step)
                return
            } catch {
                guard case .full = error else { throw error }
            }
        }
        try take(step)
    }

    private mutating func write(_ position: LogPosition, _ payload: [UInt8]) throws(StorageError) {
        try storage.beginSnapshot(Fixture.snapshot(position))
        for begin in stride(from: 0, to: payload.count, by: 1_000) {
            try storage.appendSnapshot(Array(payload[begin..<min(begin + 1_000, payload.count)]))
        }
        try finish(position, payload)
    }

    private mutating func finish(_ position: LogPosition, _ payload: [UInt8]) throws(StorageError) {
        model.finishing(position, payload)
        _ = try storage.finishSnapshot()
        model.finished()
    }
}
