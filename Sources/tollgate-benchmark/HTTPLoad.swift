/// What a number of busy connections got out of servers.
struct HTTPLoad {
    /// Answers a second of the clock.
    let perSecond: Double
    /// Of all requests, in microseconds.
    let medianMicroseconds: Double
    let p99Microseconds: Double

    /// Keeps connections busy with one request after the other for a while, and waits for what is on its way at the end.
    ///
    /// - Parameters:
    ///   - ports: of the servers; connections go to them in turns.
    ///   - next: the next request of a connection, while there are any.
    /// - Throws: where an answer is not 200: the servers would no longer do the same work.
    static func run(
        ports: [UInt16],
        connections: Int,
        milliseconds: Int,
        next: (_ place: Int) -> [UInt8]?
    ) throws(BenchmarkError) -> HTTPLoad {
        let clients = try HTTPClients(ports: ports, connections: connections)
        var microseconds: [UInt32] = []
        microseconds.reserveCapacity(milliseconds * 100)
        var failure: String?
        let began = Clock.nanoseconds()
        let end = began + UInt64(milliseconds) * 1_000_000
        var latest = began
        var inTime = 0
        try clients.run {
            latest < end ? next($0) : nil
        } answered: { answer in
            guard answer.status == 200 else {
                failure = "an answer of status \(answer.status): \(String(decoding: answer.body, as: UTF8.self))"
                return false
            }
            latest = answer.receivedAt
            if latest <= end { inTime += 1 }
            microseconds.append(UInt32(clamping: (answer.receivedAt - answer.sentAt) / 1_000))
            return true
        }
        if let failure { throw BenchmarkError("not every request was served: \(failure)") }
        guard inTime > 0 else { throw BenchmarkError("no request was served in \(milliseconds) ms") }
        microseconds.sort()
        return HTTPLoad(
            perSecond: Double(inTime) * 1e9 / Double(min(latest, end) - began),
            medianMicroseconds: Double(microseconds[microseconds.count / 2]),
            p99Microseconds: Double(microseconds[microseconds.count * 99 / 100])
        )
    }
}
