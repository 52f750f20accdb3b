import ArgumentParser
import NIOCore
import NIOHTTP1
import ProofOfWork

struct FetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Make a request, solve what it must, and print the body.",
        discussion: """
            The solution travels with the request itself, so it costs one more round trip, and the pass that it buys is \
            printed by --show-pass for the requests to come: send it as 'PoW-Pass: …'.

            The server need not be trusted: an answer that is not HTTP, a silence longer than --timeout, and a challenge \
            that would take more than --max-hashes or expires before it is solved are given up.

            Exit codes: 0 the server answered with 2xx or 3xx; 22 with 4xx or 5xx; 1 there was no answer, or no solution.
            """
    )

    /// Challenges that are solved for one request: a second may be needed where the first expired on the way.
    static let challengesMax = 3

    @Option(
        name: [.customShort("H"), .long],
        help: ArgumentHelp("A request header, 'Name: value'. May repeat.", valueName: "header")
    )
    var header: [String] = []

    @Option(name: .shortAndLong, help: "Send this body with POST; @FILE reads it from a file, @- from standard input.")
    var data: String?

    @Option(name: [.customShort("X"), .long], help: "The method (default: GET, or POST with --data).")
    var method: String?

    @OptionGroup var solving: SolvingOptions

    @Option(help: "Give up when nothing has moved for this many seconds; the whole may take as long as it does.")
    var timeout: Int = 60

    @Flag(name: .shortAndLong, help: "Print the response's head before its body.")
    var include = false

    @Flag(name: .long, help: "Print the pass that was bought on standard error.")
    var showPass = false

    @Argument(help: "An http or https URL.")
    var url: String

    /// They follow from the request itself; others would make two readers of it disagree about where it ends.
    private static let ownFields: Set<String> = ["content-length", "transfer-encoding", "connection", "upgrade", "te"]

    func validate() throws {
        if HTTPURL(url) == nil { throw ValidationError("'\(url)' is not an http or https URL.") }
        if !(1...86_400).contains(timeout) { throw ValidationError("--timeout is from 1 to 86400 seconds.") }
        if let method, method.isEmpty || !method.utf8.allSatisfy({ ($0 >= 0x41 && $0 <= 0x5A) || $0 == 0x2D }) {
            throw ValidationError("'\(method)' is not a method: use capital letters.")
        }
        if method == "CONNECT" { throw ValidationError("CONNECT is not for fetching.") }
        for option in header {
            let name = try HeaderOption.parse(option).name
            if Self.ownFields.contains(name.lowercased()) {
                throw ValidationError("'\(name)' is set by the command itself.")
            }
        }
    }

    func run() async throws {
        var headers = HTTPHeaders()
        for option in header {
            let (name, value) = try HeaderOption.parse(option)
            headers.add(name: name, value: value)
        }
        let body = try requestBody()
        if body != nil, !headers.contains(name: "content-type") {
            headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        }
        guard let url = HTTPURL(url) else { preconditionFailure("the URL has been validated") }
        let requester = HTTPRequester(
            url: url,
            method: HTTPMethod(rawValue: method ?? (body == nil ? "GET" : "POST")),
            headers: headers,
            body: body,
            timeout: .seconds(Int64(timeout))
        )
        let status: UInt
        do {
            status = try await perform(requester)
        } catch {
            Terminal.error("error: \(error)")
            throw ExitCode(1)
        }
        if status >= 400 { throw ExitCode(22) }
    }

    /// Sends the request, and sends it again with the solution as long as a challenge comes back.
    ///
    /// - Returns: the final status.
    private func perform(_ requester: HTTPRequester) async throws -> UInt {
        var added: [(String, String)] = []
        for challengesLeft in (0...Self.challengesMax).reversed() {
            var answer = Answer.final
            let response = try await requester.send(
                adding: added,
                use: { head in
                    answer = challengesLeft > 0 ? Answer(head) : .final
                    switch answer {
                    case .final: announce(head)
                    case .challenge: return .ignore
                    case .challengeInBody: return .collect
                    }
                    return .passOn
                },
                pass: { Terminal.output($0) }
            )
            let document: ChallengeDocument
            switch answer {
            case .final: return response.head.status.code
            case .challenge(let read): document = read
            case .challengeInBody(let reason):
                do {
                    document = try ChallengeDocument.read(json: response.collected)
                } catch {
                    // Without a body, what is wrong with the header is what matters.
                    throw UnreadableChallenge(reason: response.collected.isEmpty ? reason : error)
                }
            }
            let solution = try await ChallengeSolving.solve(document, options: solving)
            added = [
                ("PoW-Solution", "\(document.challenge).\(solution)"),
                ("PoW-Idempotency-Key", IdempotencyKey.random()),
            ]
        }
        preconditionFailure("the last try returns")
    }

    /// What a response is for the command.
    private enum Answer {
        case final
        /// Its header says all that is needed: the body, which may be a page for browsers or none, is not.
        case challenge(ChallengeDocument)
        /// Its header cannot be read; its body may say the same.
        case challengeInBody(ChallengeDocument.Unreadable)

        /// Only a refusal asks for work: whatever else carries the header has been done, and is not to be done twice.
        init(_ head: HTTPResponseHead) {
            guard (400..<500).contains(head.status.code), let field = head.headers.first(name: "pow-challenge") else {
                self = .final
                return
            }
            do {
                self = .challenge(try ChallengeDocument.read(field: field))
            } catch {
                self = .challengeInBody(error)
            }
        }
    }

    private struct UnreadableChallenge: Error, CustomStringConvertible {
        let reason: ChallengeDocument.Unreadable
        var description: String { "the server's challenge cannot be read: \(reason)" }
    }

    private func announce(_ head: HTTPResponseHead) {
        if showPass, let pass = head.headers.first(name: "pow-pass") {
            Terminal.error(WireToken.isToken(pass) ? "PoW-Pass: \(pass)" : "warning: the server's PoW-Pass is no token")
        }
        guard include else { return }
        var text = "HTTP/1.1 \(head.status.code) \(head.status.reasonPhrase)\r\n"
        for (name, value) in head.headers { text += "\(name): \(value)\r\n" }
        Terminal.output(Array((text + "\r\n").utf8))
    }

    private func requestBody() throws -> [UInt8]? {
        guard let data else { return nil }
        guard data.hasPrefix("@") else { return Array(data.utf8) }
        let path = String(data.dropFirst())
        guard let bytes = Terminal.read(path: path == "-" ? nil : path, bytesMax: 64 << 20) else {
            Terminal.error("error: cannot read \(path), or it is larger than 64 MiB")
            throw ExitCode(1)
        }
        return bytes
    }
}
