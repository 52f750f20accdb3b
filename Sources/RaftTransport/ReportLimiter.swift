/// Lets one line through for each peer and reason in a while, so that who dials again and again does not fill the log.
struct ReportLimiter {
    private struct Key: Hashable {
        let peer: String
        let reason: String
    }

    /// Most reports that are remembered. Beyond it nothing new is told until one of them is due again.
    let entriesMax: Int
    private var nextReports: [Key: UInt64] = [:]

    init(entriesMax: Int = 256) {
        self.entriesMax = entriesMax
    }

    /// Whether to report.
    /// - Parameters:
    ///   - peer: who is at fault: a name, or an address.
    ///   - reason: one of few words.
    ///   - now: nanoseconds of a clock that does not go back.
    ///   - interval: nanoseconds for which it is not repeated.
    mutating func isDue(peer: String, reason: String, now: UInt64, interval: UInt64) -> Bool {
        let key = Key(peer: peer, reason: reason)
        if let next = nextReports[key], now < next { return false }
        if nextReports[key] == nil, nextReports.count >= entriesMax {
            nextReports = nextReports.filter { now < $0.value }
            guard nextReports.count < entriesMax else { return false }
        }
        nextReports[key] = now + interval
        return true
    }
}
