/// Three nodes that share a quota at the level `escrow`, of which one has nine of ten requests: what the others hold of it is
/// of no use to its clients, unless it is called back.
final class StrandedTrio {
    static let burst = 10_000

    private let trio: TollgateTrio

    init(_ program: String, folder: TemporaryFolder) throws(BenchmarkError) {
        trio = try TollgateTrio(
            program,
            name: "stranded",
            policy: TollgateTrio.Policy(consistency: "escrow", free: "{ rate: 1/day, burst: \(Self.burst) }"),
            folder: folder
        )
    }

    /// Spends one client's quota.
    /// - Returns: shares of it that nobody had when the busy node refused for the first time, and when each node had refused
    ///   as often as a client tries again.
    func measure(client: Int) throws(BenchmarkError) -> (atFirstRefusal: Double, inTheEnd: Double) {
        let ports = (0..<3).map { trio.port(of: $0) }
        let question = TollgateTrio.question(client: client)
        var admitted = 0
        var atFirst: Int?
        var refused = 0
        // Connections at the busy node, and one at each of the others.
        let clients = try HTTPClients(ports: Array(repeating: ports[0], count: 18) + ports[1...], connections: 20)
        var failure: String?
        try clients.run { _ in
            refused < 1_000 ? question : nil
        } answered: { answer in
            switch answer.status {
            case 200:
                admitted += 1
                refused = 0
            case 401, 429:
                if atFirst == nil { atFirst = admitted }
                refused += 1
            default: failure = "an answer of status \(answer.status)"
            }
            return failure == nil
        }
        if let failure { throw BenchmarkError("not every request was decided: \(failure)") }
        guard admitted <= Self.burst else { throw BenchmarkError("\(admitted) of \(Self.burst) were admitted") }
        return (1 - Double(atFirst ?? admitted) / Double(Self.burst), 1 - Double(admitted) / Double(Self.burst))
    }
}
