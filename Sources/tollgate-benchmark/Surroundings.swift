import Glibc
import Synchronization

/// What a benchmark leaves in the system while it runs: processes and temporary folders.
///
/// Whatever ends the benchmark, an error, SIGINT, SIGTERM or SIGHUP, takes them away again: ``enter()`` blocks those
/// signals for all threads and waits for them on a thread of its own, where, unlike in a signal handler, everything may
/// be called.
enum Surroundings {
    private struct Contents {
        var isEntered = false
        var processes: Set<pid_t> = []
        var folders: Set<String> = []
    }

    private static let contents = Mutex(Contents())

    /// Once, on the main thread, before any other thread or process is started. Later calls do nothing.
    static func enter() {
        let isFirst = contents.withLock { contents in
            defer { contents.isEntered = true }
            return !contents.isEntered
        }
        guard isFirst else { return }
        signal(SIGPIPE, SIG_IGN)
        var signals = endingSignals
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        var thread = pthread_t()
        let result = pthread_create(
            &thread,
            nil,
            { _ in
                var signals = Surroundings.endingSignals
                var number: Int32 = 0
                sigwait(&signals, &number)
                Surroundings.clear()
                _exit(128 + number)
            },
            nil
        )
        precondition(result == 0, "the system gives no thread")
        pthread_detach(thread)
    }

    /// The signals that end a benchmark.
    static var endingSignals: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
        return signals
    }

    /// Starts a process under the lock, so that none is born unseen while everything is being taken away.
    static func spawn<E: Error>(_ spawn: () throws(E) -> pid_t) throws(E) -> pid_t {
        let result = contents.withLock { contents -> Result<pid_t, E> in
            do throws(E) {
                let pid = try spawn()
                contents.processes.insert(pid)
                return .success(pid)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// The status of a process that has ended, as waitpid(2) gives it; nil while it runs.
    ///
    /// Waiting for a process frees its number for another one; hence under the lock, so that nobody ends that one.
    static func poll(_ pid: pid_t) -> Int32? {
        contents.withLock { contents in
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            contents.processes.remove(pid)
            return status
        }
    }

    /// Ends a process and waits for its end, seconds at most; returns its status.
    static func end(_ pid: pid_t) -> Int32 {
        contents.withLock { contents in
            guard contents.processes.remove(pid) != nil else { return 0 }
            return ChildProcess.end(pid)
        }
    }

    static func created(folder: String) {
        contents.withLock { _ = $0.folders.insert(folder) }
    }

    static func removed(folder: String) {
        contents.withLock { _ = $0.folders.remove(folder) }
    }

    /// Ends every process, then removes every folder. Holds the lock to the end: nothing new comes up meanwhile.
    private static func clear() {
        contents.withLock { contents in
            for pid in contents.processes { ChildProcess.end(pid) }
            for folder in contents.folders { TemporaryFolder.remove(folder) }
            contents = Contents(isEntered: true)
        }
    }
}

/// Why a benchmark cannot be run: one sentence, with what to do.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    /// What failed, with the reason from `errno`.
    static func system(_ what: String, _ code: Int32 = errno) -> BenchmarkError {
        BenchmarkError("\(what): \(String(cString: strerror(code)))")
    }
}
