import ArgumentParser
import NIOHTTP1

/// `tollgate quota`: what is left of a key's limits, and a fresh start for it.
struct QuotaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota",
        abstract: "See what a client, network or key has left of a policy, or reset it.",
        discussion: """
            Any node of the cluster may be asked. A key is written as for `tollgate override`.

            Exit code 0 when it is done; 1 when not, with the reason.
            """,
        subcommands: [GetCommand.self, ResetCommand.self]
    )

    private static func path(_ policy: String, _ key: String) -> String {
        "/v1/quotas/\(ClusterOperation.segment(policy))/\(ClusterOperation.segment(key))"
    }

    private struct GetCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "get",
            abstract: "Show what is left.",
            discussion: """
                What it shows is confirmed by a majority. Units that nodes hold in slices are debited already, and shown beside \
                what is left: those that are not spent come back within two seconds, or are lost.
                """
        )

        @OptionGroup var options: AdminOptions
        @Argument(help: "The policy's name.") var policy: String
        @Argument(help: "The key.") var key: String
        @Flag(help: "Print the document as it is (JSON).") var json = false
        @Flag(help: "Show what this node knows, without asking the others.") var stale = false

        func run() async throws {
            let query = stale ? "?consistency=stale" : ""
            let bytes = try await AdminAsking.body(options, .GET, QuotaCommand.path(policy, key) + query)
            if json { return try AdminAsking.printDocument(bytes) }
            let document = try AdminAsking.read(bytes, QuotaDocument.read)
            try LostOutput.check(document.lines.allSatisfy { Terminal.line($0) })
        }
    }

    private struct ResetCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reset",
            abstract: "Forgive what a key has used: its own buckets are full again.",
            discussion: """
                Slices that nodes hold for the key end as they would: within two seconds it can have those units and a full \
                bucket. Passes, bans and prices stay. A limit of which the key shares a bucket with others is not reset.
                """
        )

        @OptionGroup var options: AdminOptions
        @Argument(help: "The policy's name.") var policy: String
        @Argument(help: "The key.") var key: String
        @Flag(help: "Print the document as it is (JSON).") var json = false

        func run() async throws {
            let bytes = try await AdminAsking.body(options, .DELETE, QuotaCommand.path(policy, key))
            if json { return try AdminAsking.printDocument(bytes) }
            let document = try AdminAsking.read(bytes, ResetDocument.read)
            try LostOutput.check(document.lines.allSatisfy { Terminal.line($0) })
        }
    }
}
