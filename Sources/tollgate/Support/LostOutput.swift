import ArgumentParser

/// What a command was asked for and could not write to standard output: whoever asked would take what is there for all.
enum LostOutput {
    /// The exit code (EX_IOERR of sysexits.h).
    static let code = ExitCode(74)

    /// Ends a command one of whose lines was lost.
    static func check(_ isWritten: Bool) throws {
        guard !isWritten else { return }
        Terminal.error("error: cannot write to standard output")
        throw code
    }
}
