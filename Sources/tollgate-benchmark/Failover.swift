import Glibc

/// How long a cluster decides nothing when its leader dies.
enum Failover {
    /// Between a refusal for want of a quorum and the next try.
    private static let pauseMicroseconds: UInt32 = 1_000

    /// Kills the leader again and again, and starts it again before the next is killed.
    ///
    /// - Returns: milliseconds from each SIGKILL to the first decision that was asked for after it, of either node that
    ///   is left.
    static func measure(_ trio: TollgateTrio, kills: Int) throws(BenchmarkError) -> Series {
        var series = Series()
        for kill in 0..<kills {
            let leader = try trio.leader()
            let ports = (0..<3).filter { $0 != leader }.map { trio.port(of: $0) }
            let clients = try HTTPClients(ports: ports, connections: ports.count)
            trio.crash(leader)
            let killedAt = Clock.nanoseconds()
            var decidedAt: UInt64?
            var failure: String?
            try clients.run { place in
                TollgateTrio.question(client: kill << 8 | place)
            } answered: { answer in
                switch answer.status {
                case 200: decidedAt = answer.receivedAt
                case 503: usleep(pauseMicroseconds)
                default: failure = "an answer of status \(answer.status)"
                }
                return decidedAt == nil && failure == nil
            }
            guard let decidedAt else { throw BenchmarkError("no decision came: \(failure ?? "nothing answered")") }
            series.add(Double(decidedAt - killedAt) / 1e6)
            try trio.start(leader)
            try trio.awaitReady(leader)
        }
        return series
    }
}
