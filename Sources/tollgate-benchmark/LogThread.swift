import Glibc
import Raft
import RaftStorage

/// A log with a thread of its own: what is submitted while one group is being synchronized makes the next.
///
/// One other thread submits and waits: it stands for the replica, which learns once that a group is durable, lets all
/// who waited for it go on, and hands over what they want next in one piece.
final class LogThread: @unchecked Sendable {
    // What follows is behind the lock.
    private var lock = pthread_mutex_t()
    private var hasWork = pthread_cond_t()
    private var hasMore = pthread_cond_t()
    private var machine = GroupCommit()
    private var waiting: [PersistRequest] = []
    private var isStopping = false
    private var failure: String?
    // What follows is the thread's own.
    private var storage: LogStorage<SlowDisk>
    private var thread = pthread_t()

    init(storage: LogStorage<SlowDisk>) {
        self.storage = storage
        pthread_mutex_init(&lock, nil)
        pthread_cond_init(&hasWork, nil)
        pthread_cond_init(&hasMore, nil)
        let result = pthread_create(
            &thread,
            nil,
            { argument in
                Unmanaged<LogThread>.fromOpaque(argument!).takeUnretainedValue().run()
                return nil
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
        precondition(result == 0, "the system gives no thread")
    }

    /// Ends the thread and closes the log.
    func stop() {
        pthread_mutex_lock(&lock)
        isStopping = true
        pthread_cond_signal(&hasWork)
        pthread_mutex_unlock(&lock)
        pthread_join(thread, nil)
        storage.close()
    }

    /// Hands requests over.
    func submit(_ requests: [PersistRequest], bytesEach: Int) throws {
        pthread_mutex_lock(&lock)
        defer { pthread_mutex_unlock(&lock) }
        var isIdle = false
        for _ in requests where try machine.submit(bytes: bytesEach) == .write { isIdle = true }
        waiting += requests
        if isIdle { pthread_cond_signal(&hasWork) }
    }

    /// Waits until more than so many requests are durable. Returns how many are.
    func waitForMore(than durable: UInt64) throws -> UInt64 {
        pthread_mutex_lock(&lock)
        defer { pthread_mutex_unlock(&lock) }
        while machine.durable <= durable, failure == nil { pthread_cond_wait(&hasMore, &lock) }
        if let failure { throw BenchmarkError(failure) }
        return machine.durable
    }

    private func run() {
        pthread_mutex_lock(&lock)
        defer { pthread_mutex_unlock(&lock) }
        while true {
            while waiting.isEmpty, !isStopping { pthread_cond_wait(&hasWork, &lock) }
            guard !waiting.isEmpty else { return }
            let group = machine.takeGroup()
            let requests = Array(waiting.prefix(group.count))
            waiting.removeFirst(group.count)
            pthread_mutex_unlock(&lock)
            let result = Result { () throws(StorageError) in
                try storage.append(contentsOf: requests)
            }
            pthread_mutex_lock(&lock)
            guard case .success = result else { return fail(result) }
            _ = machine.written()
            pthread_mutex_unlock(&lock)
            let synchronized = Result { () throws(StorageError) in
                try storage.synchronize()
            }
            pthread_mutex_lock(&lock)
            guard case .success = synchronized else { return fail(synchronized) }
            _ = machine.synchronized()
            pthread_cond_signal(&hasMore)
        }
    }

    private func fail(_ result: Result<Void, StorageError>) {
        guard case .failure(let error) = result else { return }
        machine.failed()
        failure = error.description
        pthread_cond_signal(&hasMore)
    }
}
