import ArgumentParser
import NIOHTTP1

/// `tollgate override`: other terms for one key of a policy, or a ban.
struct OverrideCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "override",
        abstract: "Raise, lower or ban one client, network or key of a policy.",
        discussion: """
            An override holds at every node of the cluster, from the moment at which the command says so; units that nodes \
            hold in slices are spent under the old terms for two seconds at most. Any node may be asked.

            A key is an address, such as 203.0.113.7; a network of the size that one of the policy's limits counts by, such as \
            203.0.113.0/24; header:VALUE; all; or hash: and the 32 digits that `override list` shows. It must fit a limit of \
            the policy.

            Exit code 0 when it is done; 1 when not, with the reason.
            """,
        subcommands: [ListCommand.self, SetCommand.self, RemoveCommand.self]
    )

    static func path(_ policy: String, _ key: String) -> String {
        "/v1/overrides/\(ClusterOperation.segment(policy))/\(ClusterOperation.segment(key))"
    }

    private struct ListCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list",
            abstract: "List the overrides that stand.",
            discussion: """
                Of a header's value that is longer than 16 characters, and may be a secret, only the beginning is kept; \
                --json shows the hash as well, by which it can be removed.
                """
        )

        @OptionGroup var options: AdminOptions
        @Option(help: "Only those of this policy.") var policy: String?
        @Flag(help: "Print one document a line (JSON).") var json = false
        @Flag(help: "Show what this node knows, without asking the others.") var stale = false

        /// Of which a page is as long as an answer may be that is kept whole.
        private static let pageCount = 100

        func run() async throws {
            var query = "?limit=\(Self.pageCount)&consistency=\(stale ? "stale" : "strong")"
            if let policy { query += "&policy=\(ClusterOperation.segment(policy))" }
            var after: String?
            var count = 0
            repeat {
                let place = after.map { "&after=\(ClusterOperation.segment($0))" } ?? ""
                let bytes = try await AdminAsking.body(options, .GET, "/v1/overrides\(query)\(place)")
                let page = try AdminAsking.read(bytes, OverridePageDocument.read)
                if json {
                    try AdminAsking.printDocument(bytes)
                } else {
                    let lines = page.overrides.map {
                        "\($0.policy ?? "")  \($0.key ?? "")  \($0.words)  (version \($0.version))"
                    }
                    try LostOutput.check(lines.allSatisfy { Terminal.line($0) })
                }
                count += page.overrides.count
                // A page that leads nowhere ends the list.
                after = page.next == after ? nil : page.next
            } while after != nil
            if count == 0, !json { try LostOutput.check(Terminal.line("There are no overrides.")) }
        }
    }

    private struct SetCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set",
            abstract: "Give a key other terms, or ban it.",
            discussion: """
                Example: tollgate override set api 203.0.113.7 --rate 600/min --burst 100

                Example: tollgate override set api 203.0.113.0/24 --deny --for 1h

                Without --if-version and --if-absent it replaces whatever override of the key there is. Other terms hold in the \
                free limits; ceilings stand. A ban refuses every request in which the key counts, also with a pass.
                """
        )

        @OptionGroup var options: AdminOptions
        @Argument(help: "The policy's name.") var policy: String
        @Argument(help: "The key.") var key: String
        @Option(help: "The key's own rate in the policy's free limits, such as 600/min.") var rate: String?
        @Option(help: "Its burst (default: what comes in a second).") var burst: UInt64?
        @Flag(help: "Ban it.") var deny = false
        @Option(name: .customLong("for"), help: "How long, such as 1h or 30m (default: for good).") var time: String?
        @Option(help: "Only if this version of the override stands.") var ifVersion: UInt64?
        @Flag(help: "Only if there is no override of the key.") var ifAbsent = false

        func validate() throws {
            if deny == (rate != nil) { throw ValidationError("Give either --rate or --deny.") }
            if burst != nil, rate == nil { throw ValidationError("--burst belongs to --rate.") }
            if time != nil, !deny { throw ValidationError("--for belongs to --deny.") }
            if ifAbsent, ifVersion != nil { throw ValidationError("--if-version and --if-absent exclude each other.") }
        }

        func run() async throws {
            var body: String
            if let rate {
                body = "{\"free\": {\"rate\": \(JSONString.quoted(rate))"
                if let burst { body += ", \"burst\": \(burst)" }
                body += "}}"
            } else {
                body = "{\"deny\": true"
                if let time { body += ", \"for\": \(JSONString.quoted(time))" }
                body += "}"
            }
            var fields: [(String, String)] = []
            if let ifVersion { fields.append(("If-Match", "\"\(ifVersion)\"")) }
            if ifAbsent { fields.append(("If-None-Match", "*")) }
            let bytes = try await AdminAsking.body(
                options,
                .PUT,
                OverrideCommand.path(policy, key),
                body: body,
                fields: fields
            )
            let document = try AdminAsking.read(bytes, OverrideDocument.read)
            let line = "\(document.key ?? key) under policy \(policy): \(document.words) (version \(document.version))."
            try LostOutput.check(Terminal.line(line))
        }
    }

    private struct RemoveCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Have the policy hold for a key as it is.",
            discussion: "That there is no override of the key is no failure, unless --if-version says otherwise."
        )

        @OptionGroup var options: AdminOptions
        @Argument(help: "The policy's name.") var policy: String
        @Argument(help: "The key.") var key: String
        @Option(help: "Only if this version of the override stands.") var ifVersion: UInt64?

        func run() async throws {
            let fields = ifVersion.map { [("If-Match", "\"\($0)\"")] } ?? []
            _ = try await AdminAsking.body(options, .DELETE, OverrideCommand.path(policy, key), fields: fields)
            try LostOutput.check(Terminal.line("There is no override of \(key) under policy \(policy)."))
        }
    }
}
