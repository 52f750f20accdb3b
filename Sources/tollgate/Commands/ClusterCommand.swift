import ArgumentParser
import NIOCore
import NIOHTTP1

/// `tollgate cluster`: look at the nodes that are one gateway, and change which they are.
struct ClusterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster",
        abstract: "Look at the cluster, and change its members.",
        discussion: """
            Each asks a node through its admin interface; any node of the cluster will do, whoever leads. Each may be asked \
            again, at another node too: nothing is done twice.

            Exit code 0 when it is done; 1 when not, with what to do.
            """,
        subcommands: [
            StatusCommand.self, AddCommand.self, RemoveCommand.self, ReplaceCommand.self, PromoteCommand.self,
            TransferCommand.self, CompactCommand.self,
        ]
    )
}

/// What the subcommands share.
enum ClusterOperation {
    /// Asks, and tells what came of it.
    /// - Parameter isAbsenceWanted: that there is no such node is no failure.
    static func run(
        _ options: AdminOptions,
        _ method: HTTPMethod,
        _ path: String,
        body: String? = nil,
        isAbsenceWanted: Bool = false,
        _ text: (OperationDocument) -> String
    ) async throws -> OperationDocument {
        let answer = try await options.asking { client throws(AdminClient.Failure) in
            try await client.send(method, path, body: body)
        }
        let document = OperationDocument.read(answer.body)
        if isAbsenceWanted, let document, document.type == "urn:tollgate:no-such-node" {
            try LostOutput.check(Terminal.line(document.detail ?? "There is no such node."))
            return document
        }
        guard let document, answer.status == .ok || answer.status == .accepted else {
            Terminal.error("error: \(document?.detail ?? "the admin interface answered \(answer.status.code)")")
            throw ExitCode(1)
        }
        try LostOutput.check(Terminal.line(text(document)))
        return document
    }

    /// Waits until a member is a voter, `seconds` at most.
    static func wait(_ options: AdminOptions, for name: String, seconds: Int) async throws {
        let deadline = NIODeadline.now() + .seconds(Int64(seconds))
        while true {
            let answer = try await options.asking { client throws(AdminClient.Failure) in
                try await client.send(.POST, "/v1/cluster/promote", body: object([("name", name)]))
            }
            let document = OperationDocument.read(answer.body)
            switch answer.status {
            case .ok:
                return try LostOutput.check(Terminal.line("\(name) is a voter."))
            case .accepted where NIODeadline.now() >= deadline:
                let reason = document?.detail.map { ": \(withoutFullStop($0))" } ?? ""
                Terminal.error(
                    "error: \(name) is a learner still\(reason). It becomes a voter by itself when it has caught up; see "
                        + "`tollgate cluster status`"
                )
            case .accepted: continue
            // Whether it is one, nobody can say now.
            case .serviceUnavailable, .gatewayTimeout:
                guard NIODeadline.now() >= deadline else { continue }
                fallthrough
            default:
                Terminal.error("error: \(document?.detail ?? "the admin interface answered \(answer.status.code)")")
            }
            throw ExitCode(1)
        }
    }

    /// What comes before another sentence.
    static func withoutFullStop(_ text: String) -> String { text.hasSuffix(".") ? String(text.dropLast()) : text }

    /// A JSON object of texts; what is nil is left out.
    static func object(_ members: [(String, String?)]) -> String {
        let present = members.compactMap { name, value in
            value.map { "\(JSONString.quoted(name)): \(JSONString.quoted($0))" }
        }
        return "{" + present.joined(separator: ", ") + "}"
    }

    /// A name as a segment of a path.
    static func segment(_ name: String) -> String {
        name.utf8.map { byte in
            let character = Character(Unicode.Scalar(byte))
            if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
                return String(character)
            }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + String(repeating: "0", count: 2 - digits.count) + digits
        }.joined()
    }
}

private struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show members, who waits to be admitted, and what is wrong.",
        discussion: """
            What it shows is confirmed by a majority. Where none answers, or this node is no member and cannot ask, it shows \
            what this node knows, and exits with 1.
            """
    )

    @OptionGroup var options: AdminOptions
    @Flag(help: "Print the document as it is (JSON).") var json = false
    @Flag(help: "Show what this node knows, without asking the others.") var stale = false

    func run() async throws {
        var answer = try await ask(isStale: stale)
        // No majority has answered; or this node is no member.
        let isUnconfirmed = answer.status == .serviceUnavailable || answer.status == .conflict
        if isUnconfirmed {
            let detail = OperationDocument.read(answer.body)?.detail
            answer = try await ask(isStale: true)
            let reason = ClusterOperation.withoutFullStop(detail ?? "no majority answers")
            Terminal.error("warning: \(reason). This is what this node knows:")
        }
        guard answer.status == .ok, let document = ClusterStatusDocument.read(answer.body) else {
            let detail = OperationDocument.read(answer.body)?.detail
            Terminal.error("error: \(detail ?? "the admin interface answered \(answer.status.code)")")
            throw ExitCode(1)
        }
        if json {
            try LostOutput.check(Terminal.output(answer.body + [UInt8(ascii: "\n")]))
        } else {
            try LostOutput.check(document.lines.allSatisfy { Terminal.line($0) })
        }
        if isUnconfirmed { throw ExitCode(1) }
    }

    private func ask(isStale: Bool) async throws -> AdminClient.Answer {
        try await options.asking { client throws(AdminClient.Failure) in
            try await client.send(.GET, isStale ? "/v1/cluster?consistency=stale" : "/v1/cluster")
        }
    }
}

private struct AddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Make a node a member that runs and waits to be admitted.",
        discussion: """
            Start the node first, with an empty data folder and a member of the cluster among its seeds; `tollgate cluster \
            status` lists it as waiting. It is sent the state as a learner, and becomes a voter when it has caught up.
            """
    )

    @OptionGroup var options: AdminOptions
    @Argument(help: "The node's name.") var name: String
    @Argument(help: "Where its peers reach it, host:port: to be sure that this is what it says itself (advertise).")
    var address: String?
    @Option(help: "Seconds to wait until it is a voter.") var wait = 60

    func run() async throws {
        let body = ClusterOperation.object([("name", name), ("address", address)])
        let document = try await ClusterOperation.run(options, .POST, "/v1/cluster/members", body: body) {
            $0.state == "voter" ? "\(name) is a voter." : "\(name) is a learner, and catches up."
        }
        if document.state == "learner" { try await ClusterOperation.wait(options, for: name, seconds: wait) }
    }
}

private struct RemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Have a member leave the cluster.",
        discussion: """
            It may be running or gone. Where it leads, another leads first. That there is no such member is success, so that it \
            can be asked again. It never comes back by itself: to have it again, \
            start it with an empty data folder and add it.
            """
    )

    @OptionGroup var options: AdminOptions
    @Argument(help: "The node's name.") var name: String

    func run() async throws {
        let path = "/v1/cluster/members/" + ClusterOperation.segment(name)
        _ = try await ClusterOperation.run(options, .DELETE, path, isAbsenceWanted: true) { _ in
            "\(name) is no member any more. Stop it, if it still runs."
        }
    }
}

private struct ReplaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replace",
        abstract: "Put a node whose disk is new in the place of the member of its name.",
        discussion: """
            Start the node first, with an empty data folder and the same name. The replica that it was before leaves in the \
            same step, so that a lost disk never counts twice. While the leader hears that one it is not replaced.
            """
    )

    @OptionGroup var options: AdminOptions
    @Argument(help: "The node's name.") var name: String
    @Argument(help: "Where its peers reach it, host:port: to be sure that this is what it says itself (advertise).")
    var address: String?
    @Option(help: "Seconds to wait until it is a voter.") var wait = 60

    func run() async throws {
        let body = ClusterOperation.object([("name", name), ("address", address)])
        let document = try await ClusterOperation.run(options, .POST, "/v1/cluster/replace", body: body) {
            $0.state == "voter" ? "\(name) is replaced, and a voter." : "\(name) is replaced, and catches up."
        }
        if document.state == "learner" { try await ClusterOperation.wait(options, for: name, seconds: wait) }
    }
}

private struct PromoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Wait until a learner is a voter, and say what keeps it from being one.",
        discussion: "The leader promotes each learner that has caught up by itself."
    )

    @OptionGroup var options: AdminOptions
    @Argument(help: "The node's name.") var name: String
    @Option(help: "Seconds to wait.") var wait = 60

    func run() async throws { try await ClusterOperation.wait(options, for: name, seconds: wait) }
}

private struct TransferCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer",
        abstract: "Have another voter lead."
    )

    @OptionGroup var options: AdminOptions
    @Argument(help: "The node that is to lead (default: whoever has most of the log).") var to: String?

    func run() async throws {
        let body = ClusterOperation.object([("to", to)])
        _ = try await ClusterOperation.run(options, .POST, "/v1/cluster/transfer", body: body) {
            "\($0.name ?? "Another node") leads."
        }
    }
}

private struct CompactCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Make a snapshot at the node that is asked, and let go of the log before it.",
        discussion: "Nodes do so by themselves, by size and age of the log."
    )

    @OptionGroup var options: AdminOptions

    func run() async throws {
        _ = try await ClusterOperation.run(options, .POST, "/v1/cluster/compact") {
            "The snapshot holds all up to entry \($0.snapshotIndex ?? 0)."
        }
    }
}
