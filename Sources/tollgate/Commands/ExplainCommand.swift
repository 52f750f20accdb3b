import ArgumentParser
import Gateway
import Settings

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say which route, policy and limits a request would meet. Offline: asks no server.",
        discussion: """
            Example: tollgate explain --client 192.0.2.7 GET 'http://example.com/v1/items?page=2'

            Exit code 0 when the request would be routed, 1 when it would be refused before any limit is asked.
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Option(help: "The client's address.")
    var client: String = "127.0.0.1"

    @Option(
        name: [.customShort("H"), .long],
        help: ArgumentHelp("A request header, 'Name: value'. May repeat.", valueName: "header")
    )
    var header: [String] = []

    @Argument(help: "The method, such as GET.")
    var method: String

    @Argument(help: "The URL, or a path.")
    var url: String

    func run() throws {
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
        for line in explanation.lines { print(line) }
        if let policy = explanation.policy {
            for line in PolicyText.lines(policy) { print("  \(line)") }
        }
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
