import Glibc

/// Prints lines at once, into a file too: when a trap ends the process, the next seed is the one.
///
/// A line that cannot be printed ends the process, with an exit code of its own: whatever the seeds show, nobody would
/// learn of it.
enum Output {
    /// The exit code where something could not be printed (EX_IOERR of sysexits.h).
    static let lostCode: Int32 = 74

    /// Keeps the numbers of closed standard streams, which the next file that is opened would get and with it every line,
    /// by files that cannot be written. To be called before anything else is opened.
    static func reserve() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
            _ = open("/dev/null", O_RDONLY)
        }
    }

    /// A line on standard output.
    static func line(_ line: String) { write(line, to: STDOUT_FILENO, "standard output") }

    /// A line about how far it is, on standard error.
    static func progress(_ line: String) { write(line, to: STDERR_FILENO, "standard error") }

    private static func write(_ line: String, to descriptor: Int32, _ name: String) {
        let code = write(line + "\n", descriptor)
        guard code != 0 else { return }
        _ = write("error: cannot write to \(name): \(String(cString: strerror(code)))\n", STDERR_FILENO)
        // Not exit(3): other threads run on with their seeds, and must not see taken away what it clears up.
        _exit(lostCode)
    }

    /// Writes all of it; 0, or the number of the error.
    private static func write(_ text: String, _ descriptor: Int32) -> Int32 {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written >= 0 {
                rest.removeFirst(written)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }
}
