import Glibc

/// A process that the benchmark has started. One thread uses it.
final class ChildProcess {
    /// How long a process may take to end by itself, in milliseconds; then it is killed.
    static let endingMillisecondsMax = 5_000

    let pid: pid_t
    let name: String
    private(set) var status: Int32?

    /// Starts a program in a process group of its own, so that Ctrl-C on the terminal reaches the benchmark alone, which
    /// then ends it.
    ///
    /// - Parameters:
    ///   - program: a path, or a name that is looked for in `PATH` and `/usr/sbin`.
    ///   - environment: variables that are set besides those of the benchmark.
    ///   - output: the file that takes standard output and standard error.
    init(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = [:],
        output: String
    ) throws(BenchmarkError) {
        guard let path = Self.find(program) else { throw BenchmarkError("\(program) is not installed") }
        name = String(program.split(separator: "/").last ?? "process")

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The benchmark blocks the signals that end it and ignores SIGPIPE; its children take them as usual.
        var blocked = sigset_t()
        sigemptyset(&blocked)
        var defaults = Surroundings.endingSignals
        sigaddset(&defaults, SIGPIPE)
        posix_spawnattr_setsigmask(&attributes, &blocked)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let argumentVector = CStrings([path] + arguments)
        let environmentVector = CStrings(Self.environment(with: environment))
        pid = try Surroundings.spawn { () throws(BenchmarkError) in
            var pid: pid_t = 0
            let result = posix_spawn(
                &pid,
                path,
                &actions,
                &attributes,
                argumentVector.pointers,
                environmentVector.pointers
            )
            guard result == 0 else { throw .system("cannot start \(path)", result) }
            return pid
        }
    }

    deinit { stop() }

    /// Whether it still runs.
    var isRunning: Bool {
        if status != nil { return false }
        guard let code = Surroundings.poll(pid) else { return true }
        ended(code)
        return false
    }

    /// Ends it and waits for its end.
    func stop() {
        guard status == nil else { return }
        ended(Surroundings.end(pid))
    }

    /// Ends it as a crash does, by SIGKILL. Does not wait for its end.
    func crash() {
        if isRunning { kill(pid, SIGKILL) }
    }

    /// Waits until it ends by itself.
    ///
    /// - Returns: its exit status; 128 and the signal where a signal ended it.
    func wait(secondsMax: Int) throws(BenchmarkError) -> Int32 {
        let deadline = Clock.nanoseconds() + UInt64(secondsMax) * 1_000_000_000
        while isRunning {
            guard Clock.nanoseconds() < deadline else {
                stop()
                throw BenchmarkError("\(name) did not end within \(secondsMax) s")
            }
            usleep(5_000)
        }
        return status!
    }

    private func ended(_ code: Int32) {
        let signal = code & 0x7F
        status = signal == 0 ? code >> 8 & 0xFF : 128 + signal
    }

    /// SIGTERM to the process; SIGKILL to its whole group if it is still there after ``endingMillisecondsMax``.
    ///
    /// To be called by ``Surroundings``, which knows that the number is still that process's.
    ///
    /// - Returns: the status that waitpid(2) gave.
    @discardableResult
    static func end(_ pid: pid_t) -> Int32 {
        var code: Int32 = 0
        kill(pid, SIGTERM)
        for _ in 0..<(endingMillisecondsMax / 10) {
            let result = waitpid(pid, &code, WNOHANG)
            if result == pid {
                // What it has started itself has had its chance, too.
                kill(-pid, SIGKILL)
                return code
            }
            usleep(10_000)
        }
        kill(-pid, SIGKILL)
        waitpid(pid, &code, 0)
        return code
    }

    /// The path of a program; nil where it is not installed.
    static func find(_ program: String) -> String? {
        if program.contains("/") { return access(program, X_OK) == 0 ? program : nil }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        // nginx lives in /usr/sbin, which Debian keeps out of an ordinary user's PATH.
        for folder in path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin"] {
            let candidate = "\(folder)/\(program)"
            if access(candidate, X_OK) == 0 { return candidate }
        }
        return nil
    }

    private static func environment(with added: [String: String]) -> [String] {
        var variables: [String] = []
        var next = environ
        while let variable = next.pointee {
            let text = String(cString: variable)
            if !added.keys.contains(where: { text.hasPrefix("\($0)=") }) { variables.append(text) }
            next += 1
        }
        return variables + added.map { "\($0.key)=\($0.value)" }.sorted()
    }
}

/// A null-terminated array of C strings, as posix_spawn(3) takes it.
private final class CStrings {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ strings: [String]) {
        count = strings.count
        pointers = .allocate(capacity: strings.count + 1)
        for (index, string) in strings.enumerated() { (pointers + index).initialize(to: strdup(string)) }
        (pointers + count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { free(pointers[index]) }
        pointers.deallocate()
    }
}
