import ArgumentParser
import Raft
import RaftStorage
import Wire

/// `tollgate log`: what a node has on its disk.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Look at the replicated log of a node.",
        subcommands: [InspectLogCommand.self]
    )
}

/// `tollgate log inspect DIR`.
struct InspectLogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Print the segments, records and snapshots of a log, and what is wrong with them.",
        discussion: """
            Reads and changes nothing. Of commands and snapshots it prints sizes, never their content. Best while the \
            node is stopped: the last records of one that runs may be half written, and then look torn.

            Exit code 0 when the log is whole, or has no more than the torn tail that a crash leaves and the next start \
            cuts; 1 when something is damaged, or is no log; 74 when the output could not be written.
            """
    )

    @Argument(help: "The folder with log/ and snapshots/ in it.", completion: .directory)
    var directory: String

    @Flag(name: .long, help: "Leave out the single records.")
    var summary = false

    func run() throws {
        let found: LogInspector<PosixFileSystem>.Summary
        var isWritten = true
        do throws(StorageError) {
            found = try LogInspector.inspect(directory: directory, files: PosixFileSystem()) { finding in
                if case .record = finding, summary { return }
                for line in Self.lines(finding) where isWritten { isWritten = Terminal.line(line) }
            }
        } catch {
            Terminal.error("error: \(error.description)")
            throw ExitCode(1)
        }
        let counts = "\(found.segments) segments, \(found.records) records, \(found.snapshots) snapshots"
        let isWhole = found.problems == 0
        let verdict = isWhole ? "; nothing is wrong." : " are good; \(found.problems) things are wrong."
        try LostOutput.check(isWritten && Terminal.line(counts + verdict))
        guard isWhole else { throw ExitCode(1) }
    }

    /// What a finding says, on one line or two.
    static func lines(_ finding: InspectionFinding) -> [String] {
        switch finding {
        case .unfinishedCreation:
            return ["The folder is being made, or was being removed: nothing in it counts."]
        case .segment(let path, let number, let bytes, let identity):
            return ["\(path): segment \(number), \(bytes) bytes, of \(owner(identity))"]
        case .record(let record):
            return ["  \(right(record.offset)) \(name(record.kind)) \(content(record))"]
        case .end(let offset, let free):
            return ["  \(right(offset)) end, \(free) bytes are free"]
        case .tornTail(let tail):
            return [
                "  \(right(tail.offset)) torn tail of \(tail.bytes) bytes: a crash came before they were acknowledged; "
                    + "the next start cuts them"
            ]
        case .snapshot(let path, let description, let identity):
            return [
                "\(path): snapshot at \(text(description.position)), \(description.bytes) bytes, "
                    + "\(text(description.configuration)), of \(owner(identity))"
            ]
        case .unused(let path, let isUnfinished):
            return [
                isUnfinished
                    ? "\(path): unfinished; the next start removes it" : "\(path): not a file of the log; left alone"
            ]
        case .problem(let error):
            return ["wrong: \(error.description)"]
        }
    }

    private static func name(_ kind: RecordKind) -> String {
        let name =
            switch kind {
            case .start: "start"
            case .hardState: "vote"
            case .reset: "reset"
            case .noOperation: "no-operation"
            case .command: "command"
            case .configuration: "membership"
            }
        return name + String(repeating: " ", count: 12 - name.count)
    }

    private static func content(_ record: InspectedRecord) -> String {
        let position = text(record.position)
        switch record.kind {
        case .start: return "\(record.hardState.map(text) ?? "unreadable"); the log goes on after \(position)"
        case .hardState: return record.hardState.map(text) ?? "unreadable"
        case .reset: return "the log is empty and goes on after \(position)"
        case .noOperation: return position
        case .command: return "\(position), \(record.payloadBytes) bytes"
        case .configuration: return "\(position), \(record.configuration.map(text) ?? "unreadable")"
        }
    }

    private static func text(_ state: HardState) -> String {
        "term \(state.term.rawValue), " + (state.vote.map { "vote for \(text($0))" } ?? "no vote")
            + (state.forgotten.map { "; the disk had lost entries up to \(text($0))" } ?? "")
    }

    private static func text(_ position: LogPosition) -> String {
        "term \(position.term.rawValue) index \(position.index.rawValue)"
    }

    private static func text(_ configuration: Configuration) -> String {
        let joint = configuration.isJoint ? ", a change is under way" : ""
        return "\(configuration.members.count) members (\(configuration.voters.count) voters\(joint))"
    }

    private static func owner(_ identity: StorageIdentity) -> String {
        "node \(JSONString.quoted(identity.node)), replica \(text(identity.replica)), "
            + "cluster \(hexadecimal(identity.cluster.high, identity.cluster.low))"
    }

    private static func text(_ id: ReplicaID) -> String { hexadecimal(id.high, id.low) }

    private static func hexadecimal(_ high: UInt64, _ low: UInt64) -> String {
        [high, low].map { number in
            let digits = String(number, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    private static func right(_ offset: UInt64) -> String {
        let digits = String(offset)
        return String(repeating: " ", count: max(0, 10 - digits.count)) + digits
    }
}
