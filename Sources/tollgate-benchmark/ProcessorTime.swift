import Glibc

/// Time that processes have spent on processors, read from `/proc` (proc(5)).
struct ProcessorTime {
    /// In microseconds, in steps of a clock tick (10 ms on every Linux in use).
    var user: UInt64 = 0
    var system: UInt64 = 0

    static func - (left: ProcessorTime, right: ProcessorTime) -> ProcessorTime {
        // The sum of a tree can shrink when a process in it ends; none does during a measurement.
        ProcessorTime(
            user: left.user - min(left.user, right.user),
            system: left.system - min(left.system, right.system)
        )
    }

    /// Of a process and all its descendants that live.
    static func of(tree root: pid_t) throws(BenchmarkError) -> ProcessorTime {
        let ticks = UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        var sum = ProcessorTime()
        let tree = ProcessTree.processes(of: root)
        guard !tree.isEmpty else { throw BenchmarkError("the process \(root) has ended") }
        for process in tree {
            sum.user += process.userTicks * 1_000_000 / ticks
            sum.system += process.systemTicks * 1_000_000 / ticks
        }
        return sum
    }

    /// Nanoseconds that all threads whose name begins so, in a process and all its descendants, have run.
    static func ofThreads(named prefix: String, inTree root: pid_t) -> UInt64 {
        var sum: UInt64 = 0
        for process in ProcessTree.processes(of: root) {
            for thread in ProcessTree.threads(of: process.pid) where thread.name.hasPrefix(prefix) {
                // The first number of schedstat is the time on a processor (Documentation/scheduler/sched-stats.rst).
                let statistics = File.read("/proc/\(process.pid)/task/\(thread.id)/schedstat", bytesMax: 128)
                sum += statistics?.split(separator: " ").first.flatMap { UInt64($0) } ?? 0
            }
        }
        return sum
    }

    /// Nanoseconds that all threads of this process have run.
    static func ofThisProcess() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Nanoseconds that the calling thread has run.
    static func ofThisThread() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Processes and their descendants.
enum ProcessTree {
    struct Process {
        let pid: pid_t
        let parent: pid_t
        let userTicks: UInt64
        let systemTicks: UInt64
    }

    struct Thread {
        let id: pid_t
        /// At most 15 bytes: the kernel keeps no more.
        let name: String
    }

    /// A process and its descendants; empty where it has ended.
    static func processes(of root: pid_t) -> [Process] {
        let all = File.numberedEntries("/proc").compactMap(process)
        guard let first = all.first(where: { $0.pid == root }) else { return [] }
        var tree = [first]
        var next = 0
        while next < tree.count {
            let parent = tree[next].pid
            tree += all.filter { $0.parent == parent }
            next += 1
        }
        return tree
    }

    static func threads(of pid: pid_t) -> [Thread] {
        File.numberedEntries("/proc/\(pid)/task").compactMap { id in
            guard let name = File.read("/proc/\(pid)/task/\(id)/comm", bytesMax: 64) else { return nil }
            return Thread(id: id, name: name.filter { $0 != "\n" })
        }
    }

    private static func process(_ pid: pid_t) -> Process? {
        // The command's name, in parentheses, may hold anything: what follows the last one is regular.
        guard let text = File.read("/proc/\(pid)/stat", bytesMax: 4_096), let end = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[text.index(after: end)...].split(separator: " ")
        // Fields 4, 14 and 15 of proc(5); the first of ours is its third.
        guard fields.count > 12, let parent = pid_t(fields[1]), let user = UInt64(fields[11]),
            let system = UInt64(fields[12])
        else { return nil }
        return Process(pid: pid, parent: parent, userTicks: user, systemTicks: system)
    }
}

/// Small files and folders, read whole.
enum File {
    /// The first `bytesMax` bytes of a file; nil where it cannot be read.
    static func bytes(_ path: String, bytesMax: Int) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(bytesMax, 65_536))
        while bytes.count < bytesMax {
            let count = Glibc.read(descriptor, &buffer, min(buffer.count, bytesMax - bytes.count))
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return bytes
    }

    static func read(_ path: String, bytesMax: Int = 65_536) -> String? {
        bytes(path, bytesMax: bytesMax).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The names of a folder's entries, without `.` and `..`.
    static func entries(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = Glibc.readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// The entries of a folder whose names are numbers, as in `/proc`.
    static func numberedEntries(_ path: String) -> [pid_t] {
        entries(path).compactMap { pid_t($0) }
    }
}

/// The monotonic clock.
enum Clock {
    static func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
