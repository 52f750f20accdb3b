import Foundation
import Simulator
import Testing

/// The command `tollgate-simulator`: its arguments, what it prints, and how it ends when it cannot.
@Suite struct CommandTests {
    private struct Outcome {
        var status: Int32
        var isTrap: Bool
        var output: String
        var error: String
    }

    /// Runs the command through a shell, where `simulator` stands for it.
    private func run(_ script: String) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        let simulator = try #require(TwoProcessesTests.simulator).path
        process.arguments = ["-c", script.replacingOccurrences(of: "simulator", with: "'\(simulator)'")]
        let error = FileManager.default.temporaryDirectory.appending(path: "tollgate-\(UUID().uuidString)")
        _ = FileManager.default.createFile(atPath: error.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: error) }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: error)
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus,
            isTrap: process.terminationReason == .uncaughtSignal || process.terminationStatus >= 128,
            output: String(decoding: printed, as: UTF8.self),
            // Not Data(contentsOf:), which loses some memory for each empty file.
            error: String(decoding: try FileHandle(forReadingFrom: error).readDataToEndOfFile(), as: UTF8.self)
        )
    }

    @Test(arguments: ["", "--genesis"]) func whatCannotBePrintedEndsItWithALineAndACode(kind: String) throws {
        let full = "error: cannot write to standard output: No space left on device\n"
        let closed = "error: cannot write to standard output: Bad file descriptor\n"
        let cases = [
            ("simulator \(kind) --runs 3 >/dev/full", full),
            ("simulator \(kind) --runs 3 >&-", closed),
            ("simulator \(kind) --runs 3 <&- >&-", closed),
            ("simulator \(kind) --verbose >/dev/full", full),
            ("simulator \(kind) --runs 3 >/dev/full 2>&-", ""),
            (
                "trap '' PIPE; { simulator \(kind) --runs 300; echo $? >&2; } | head -n 1 >/dev/null; exit 74",
                "error: cannot write to standard output: Broken pipe\n74\n"
            ),
        ]
        for (script, error) in cases {
            let outcome = try run(script)
            #expect(!outcome.isTrap, "\(script)")
            #expect(outcome.status == 74, "\(script)")
            #expect(outcome.error == error, "\(script)")
        }
    }

    @Test func aSummaryThatCannotBePrintedIsACodeToo() throws {
        let outcome = try run("simulator --runs 1 2>&-")
        #expect(outcome.status == 74)
        #expect(outcome.output.hasPrefix("seed 1 "))
    }

    @Test func genesisPrintsItsEventsTheSameForTheSameSeed() throws {
        let first = try run("simulator --genesis --seed 3 --runs 2 --verbose")
        #expect(first.status == 0)
        #expect(try run("simulator --genesis --seed 3 --runs 2 --verbose").output == first.output)
        let silent = try run("simulator --genesis --seed 3 --runs 2").output
        let lines = first.output.split(separator: "\n")
        #expect(lines.count > 100)
        let rest = lines.filter { $0.hasPrefix("seed ") || $0.contains(" runs: ") }
        #expect(rest == silent.split(separator: "\n"))
    }

    @Test func genesisRefusesWhatItDoesNotHeed() throws {
        for option in ["--nodes 5", "--nodes 3", "--jobs 2", "--jobs 1"] {
            let outcome = try run("simulator --genesis \(option)")
            #expect(outcome.status == 64, "\(option)")
            #expect(outcome.output == "", "\(option)")
            #expect(outcome.error.contains("--genesis and \(option.split(separator: " ")[0]) do"))
        }
    }

    @Test func theLastSeedIsOne() throws {
        for kind in ["", "--genesis"] {
            let last = try run("simulator \(kind) --seed 18446744073709551615 --runs 1")
            #expect(last.status == 0)
            #expect(last.output.hasPrefix("seed 18446744073709551615 "))
            #expect(try run("simulator \(kind) --seed 18446744073709551615 --runs 2").status == 64)
        }
    }
}
