import Ledger
import NIOConcurrencyHelpers
import NIOPosix
import RaftStorage
import Replica

/// The thread that owns a node's files. What waits while a group is being written makes the next group, and shares its
/// synchronization. Snapshots are written in slices, one between two groups.
///
/// Any thread may call its methods.
final class LogThread: Sendable {
    typealias Files = PosixFileSystem
    typealias Storage = NodeStorage<Ledger, Files>

    private struct Queue: Sendable {
        var waiting: [NodeStorageRequest<Ledger>] = []
        /// A turn of the thread is under way, or among those that wait.
        var isScheduled = false
        var isClosed = false
    }

    /// Only the thread of the pool touches what is in it.
    private final class Confined: @unchecked Sendable {
        var storage: Storage

        init(_ storage: consuming Storage) { self.storage = storage }
    }

    /// How long groups took that entries were in.
    let times = NIOLockedValueBox(LogTimes())
    private let queue = NIOLockedValueBox(Queue())
    private let pool: NIOThreadPool
    private let confined: Confined
    private let deliver: @Sendable ([NodeStorageCompletion<Ledger>], _ nanoseconds: UInt64) -> Void

    /// - Parameters:
    ///   - storage: the node's files, opened.
    ///   - deliver: takes what came of a group, or of a snapshot's last slice, and how long that took; called on the
    ///     thread of the log.
    init(
        storage: Storage,
        deliver: @escaping @Sendable ([NodeStorageCompletion<Ledger>], _ nanoseconds: UInt64) -> Void
    ) {
        confined = Confined(storage)
        pool = NIOThreadPool(numberOfThreads: 1)
        self.deliver = deliver
        pool.start()
    }

    /// Has the disk do these, after all that it was asked before. After ``close()`` nothing happens.
    func enqueue(_ requests: [NodeStorageRequest<Ledger>]) {
        guard !requests.isEmpty else { return }
        let begins = queue.withLockedValue { queue in
            guard !queue.isClosed else { return false }
            queue.waiting += requests
            defer { queue.isScheduled = true }
            return !queue.isScheduled
        }
        if begins { schedule() }
    }

    private func schedule() {
        pool.submit { state in
            guard case .active = state else { return }
            self.turn()
        }
    }

    /// What waits, as one group; then a slice of the snapshot that is being written.
    private func turn() {
        let isWritingSnapshot = confined.storage.isWritingSnapshot
        let group = queue.withLockedValue { queue in
            let waiting = queue.waiting
            queue.waiting = []
            if waiting.isEmpty, !isWritingSnapshot { queue.isScheduled = false }
            return waiting
        }
        guard !group.isEmpty || isWritingSnapshot else { return }
        if !group.isEmpty { perform { $0.execute(group) } }
        if confined.storage.isWritingSnapshot { perform { $0.writeSlice() } }
        // In turns of its own, so that a closing pool is noticed.
        schedule()
    }

    private func perform(_ body: (inout Storage) -> [NodeStorageCompletion<Ledger>]) {
        let began = SystemClocks.boot()
        let completions = body(&confined.storage)
        let nanoseconds = SystemClocks.boot().nanoseconds(since: began)
        if completions.contains(where: \.isPersisted) { times.withLockedValue { $0.observe(nanoseconds) } }
        guard !completions.isEmpty else { return }
        deliver(completions, nanoseconds)
    }

    /// Waits for what is being written, gives up what waits, and closes the files.
    func close() async throws {
        queue.withLockedValue { queue in
            queue.isClosed = true
            queue.waiting = []
        }
        try await pool.shutdownGracefully()
        confined.storage.close()
    }
}
