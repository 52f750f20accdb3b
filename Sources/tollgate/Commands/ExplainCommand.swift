import ArgumentParser
import Gateway
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say why a request was refused, or which route, policy and limits one would meet.",
        usage: """
            tollgate explain [--admin <address>] [--config <config>] <request-id>
            tollgate explain [<options>] <method> <url>
            """,
        discussion: """
            With a request id, as it stands in X-Request-Id, on the page and in the access log, it asks the node's admin \
            interface why that request was refused. A node remembers its last \(RefusalHistory.capacity) refusals.

            Example: tollgate explain 6bd9ac0f1f3d4cdd0c4e4b2aa2a6a8f4

            With a method and a URL it says what the configuration makes of such a request, and asks no server.

            Example: tollgate explain --client 192.0.2.7 GET 'http://example.com/v1/items?page=2'

            Exit code 0 when there is such a refusal, or the request would be routed; 1 when not.
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Option(
        help: ArgumentHelp(
            "The admin interface to ask (default: \(AdminTarget.addressVariable), else what the configuration says).",
            valueName: "address"
        )
    )
    var admin: String?

    @Option(help: "The client's address.")
    var client: String = "127.0.0.1"

    @Option(
        name: [.customShort("H"), .long],
        help: ArgumentHelp("A request header, 'Name: value'. May repeat.", valueName: "header")
    )
    var header: [String] = []

    @Argument(help: ArgumentHelp("A request id; or a method, such as GET, and a URL or a path.", valueName: "request"))
    var request: [String]

    func validate() throws {
        switch request.count {
        case 1:
            guard RequestID.isAcceptable(request[0].utf8) else {
                throw ValidationError("'\(request[0])' is not a request id; with a URL, name the method before it.")
            }
        case 2: break
        default: throw ValidationError("Give a request id, or a method and a URL.")
        }
    }

    func run() async throws {
        if request.count == 1 {
            try await explainRefusal(request[0])
        } else {
            try explainRequest(method: request[0], url: request[1])
        }
    }

    // MARK: A refusal

    private func explainRefusal(_ requestID: String) async throws {
        do {
            let target = try AdminTarget.find(
                named: admin,
                environment: AdminTarget.environment,
                admin: try configuredAdmin()
            )
            guard let bytes = try await AdminClient(target: target).get("/v1/refusals/\(requestID)") else {
                Terminal.error(
                    "error: the node at \(target.address) knows no refusal of request \(requestID): kept are the last "
                        + "\(RefusalHistory.capacity) of this node, since its start"
                )
                throw ExitCode(1)
            }
            guard let document = RefusalDocument.read(bytes) else {
                Terminal.error("error: what answers at \(target.address) is no admin interface of this version")
                throw ExitCode(1)
            }
            try LostOutput.check(document.lines.allSatisfy { Terminal.line($0) })
        } catch let problem as AdminTarget.Problem {
            Terminal.error("error: \(problem)")
            throw ExitCode(1)
        } catch let failure as AdminClient.Failure {
            Terminal.error("error: \(failure)")
            throw ExitCode(1)
        }
    }

    /// `admin` of the configuration: of the file that was named, which must then hold, else of the standard one where
    /// this user may read it and it holds.
    private func configuredAdmin() throws -> AdminSettings? {
        if options.config != nil { return try options.loadOrExit(isQuiet: true).configuration.admin }
        guard access(ConfigurationOptions.defaultPath, R_OK) == 0 else { return nil }
        return (try? options.load())?.configuration.admin
    }

    // MARK: A request

    private func explainRequest(method: String, url: String) throws {
        let isToken = !method.isEmpty && method.utf8.allSatisfy { ($0 >= 0x41 && $0 <= 0x5A) || $0 == 0x2D }
        guard isToken else { throw ValidationError("\(method.debugDescription) is not a method: use capital letters.") }
        guard let address = IPAddress(client) else { throw ValidationError("'\(client)' is not an IP address.") }
        let headers = try header.map(HeaderOption.parse)
        let configuration = try options.loadOrExit().configuration
        let explanation = RequestExplanation(
            configuration: configuration,
            method: method,
            url: url,
            headers: headers,
            client: address
        )
        var lines = explanation.lines
        if let policy = explanation.policy {
            let nodes = configuration.membership?.seeds.count ?? 1
            lines += (PolicyText.lines(policy) + PolicyText.mechanics(policy, nodes: nodes)).map { "  \($0)" }
        }
        try LostOutput.check(lines.allSatisfy { Terminal.line($0) })
        if !explanation.isRouted { throw ExitCode(1) }
    }
}

/// `Name: value` as it is given on a command line.
enum HeaderOption {
    static func parse(_ text: String) throws -> (name: String, value: String) {
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
            throw ValidationError("'\(text)' is not a header: write 'Name: value'.")
        }
        let name = String(text[..<colon])
        let value = text[text.index(after: colon)...].drop { $0 == " " }
        let isToken = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0) }
        guard isToken, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw ValidationError("'\(name)' is not a header's name, or its value has control characters.")
        }
        return (name, String(value))
    }
}
