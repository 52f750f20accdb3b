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

            Exit codes: 0 the server answered with 1xx to 3xx; 22 with 4xx or 5xx; 1 there was no answer.
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

    @Option(help: "Threads to solve with (default: one for each core).")
    var threads: Int?

    @Flag(name: .shortAndLong, help: "Print the response's head before its body.")
    var include = false

    @Flag(name: .long, help: "Print the pass that was bought on standard error.")
    var showPass = false

    @Argument(help: "An http or https URL.")
    var url: String

    func validate() throws {
        if HTTPURL(url) == nil { throw ValidationError("'\(url)' is not an http or https URL.") }
        if let threads, !(1...1_024).contains(threads) { throw ValidationError("--threads is from 1 to 1024.") }
        if let method, method.isEmpty || !method.utf8.allSatisfy({ ($0 >= 0x41 && $0 <= 0x5A) || $0 == 0x2D }) {
            throw ValidationError("'\(method)' is not a method: use capital letters.")
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
        let requester = HTTPRequester(
            url: HTTPURL(url)!,
            method: HTTPMethod(rawValue: method ?? (body == nil ? "GET" : "POST")),
            headers: headers,
            body: body
        )
        do {
            let status = try await perform(requester)
            if status >= 400 { throw ExitCode(22) }
        } catch let failure as HTTPRequester.Failure {
            Terminal.error("error: \(failure)")
            throw ExitCode(1)
        }
    }

    /// Sends the request, and sends it again with the solution as long as a challenge comes back.
    private func perform(_ requester: HTTPRequester) async throws -> Int {
        var added: [(String, String)] = []
        for challengesLeft in (0...Self.challengesMax).reversed() {
            let response = try await requester.send(
                adding: added,
                collects: { challengesLeft > 0 && $0.headers.contains(name: "pow-challenge") },
                onHead: { announce($0) },
                pass: { Terminal.output($0) }
            )
            let isChallenge = challengesLeft > 0 && response.head.headers.contains(name: "pow-challenge")
            guard isChallenge else { return Int(response.head.status.code) }
            let document: ChallengeDocument
            do {
                document = try ChallengeDocument.read(response.collected)
            } catch {
                Terminal.error("error: the server's challenge cannot be read: \(error)")
                throw ExitCode(1)
            }
            let solution = try await ChallengeSolving.solve(document, threads: threads)
            added = [
                ("PoW-Solution", "\(document.challenge).\(solution)"),
                ("PoW-Idempotency-Key", IdempotencyKey.random()),
            ]
        }
        preconditionFailure("the last try returns")
    }

    private func announce(_ head: HTTPResponseHead) {
        if showPass, let pass = head.headers.first(name: "pow-pass") { Terminal.error("PoW-Pass: \(pass)") }
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
