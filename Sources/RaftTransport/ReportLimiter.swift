/// Lets one line a minute through for each peer and reason, so that who dials again and again does not fill the log.
struct ReportLimiter {
    private struct Key: Hashable {
        let peer: String
        let reason: String
    }

    /// Nanoseconds for which a report is not repeated.
    let interval: UInt64
    /// Most reports that are remembered. Beyond it nothing new is told until one of them is due again.
    let entriesMax: Int
    private var nextReports: [Key: UInt64] = [:]

    init(interval: UInt64, entriesMax: Int = 256) {
        self.interval = interval
        self.entriesMax = entriesMax
    }

    /// Whether to report.
    /// - Parameters:
    ///   - peer: who is at fault: a name, or an address.
    ///   - reason: one of few words.
    ///   - now: nanoseconds of a clock that does not go back.
    mutating func isDue(peer: String, reason: String, now: UInt64) -> Bool {
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
