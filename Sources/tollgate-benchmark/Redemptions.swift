import Glibc
import ProofOfWork

/// Challenges that were issued and solved beforehand, as requests that redeem them.
struct Redemptions {
    private let requests: [[UInt8]]
    private var used = 0

    /// Fetches and solves so many, of as many clients.
    init(_ count: Int, ports: [UInt16]) throws(BenchmarkError) {
        var asked = 0
        var challenges: [(client: Int, json: String)] = []
        var clientOf = [Int](repeating: 0, count: ports.count)
        var failure: String?
        let clients = try HTTPClients(ports: ports, connections: ports.count)
        try clients.run { place in
            guard asked < count else { return nil }
            clientOf[place] = asked
            asked += 1
            return Self.question(client: clientOf[place])
        } answered: { answer in
            let body = String(decoding: answer.body, as: UTF8.self)
            if answer.status != 200 { failure = "status \(answer.status): \(body)" }
            challenges.append((clientOf[answer.place], body))
            return failure == nil
        }
        if let failure { throw BenchmarkError("a challenge was not issued: \(failure)") }
        let solver = Solver(threads: 1)
        requests = try challenges.map { challenge throws(BenchmarkError) in
            guard let token = Self.text("challenge", challenge.json),
                let target = Self.text("target", challenge.json).flatMap({ UInt64($0, radix: 16) }),
                let solution = try? solver.solve(token: token, rounds: TollgateTrio.rounds, target: target)
            else { throw BenchmarkError("cannot solve \(challenge.json)") }
            return Self.redemption(client: challenge.client, token: token, solution: solution.text)
        }
    }

    /// The next request; nil when all are used.
    mutating func next() -> [UInt8]? {
        guard used < requests.count else { return nil }
        used += 1
        return requests[used - 1]
    }

    private static func question(client: Int) -> [UInt8] {
        Array(
            ("GET /.well-known/tollgate/challenge?policy=measured HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                + "X-Forwarded-For: \(TollgateTrio.address(client: client))\r\n\r\n").utf8
        )
    }

    private static func redemption(client: Int, token: String, solution: String) -> [UInt8] {
        let body = "{\"challenge\": \"\(token)\", \"solution\": \"\(solution)\"}"
        return Array(
            ("POST /.well-known/tollgate/redeem HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                + "X-Forwarded-For: \(TollgateTrio.address(client: client))\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)").utf8
        )
    }

    /// The value of a member that is text without escapes.
    private static func text(_ name: String, _ json: String) -> String? {
        let words = json.split(separator: "\"")
        guard let place = words.firstIndex(of: Substring(name)), place + 2 < words.count else { return nil }
        return String(words[place + 2])
    }
}
