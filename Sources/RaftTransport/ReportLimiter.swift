/// Lets one line through for each peer and reason in a while, so that who dials again and again does not fill the log.
///
/// Peers and strangers do not take each other's places: who has proven nothing can come from more addresses than are
/// remembered, and must not silence what is told of peers.
struct ReportLimiter {
    /// Whom a report is about.
    enum Subject: Hashable {
        /// A node: its name was dialled, or proven.
        case peer(String)
        /// Somebody who has proven nothing, by the network that it has dialled from: see ``RemoteNetwork``.
        case stranger(String)
    }

    private struct Key: Hashable {
        let subject: Subject
        let reason: String
    }

    /// Most reports that are remembered of peers, and most of strangers. Beyond it nothing new is told of these until one of
    /// them is due again.
    let entriesMax: Int
    private var peers: [Key: UInt64] = [:]
    private var strangers: [Key: UInt64] = [:]

    init(entriesMax: Int = 256) {
        self.entriesMax = entriesMax
    }

    /// Whether to report.
    /// - Parameters:
    ///   - subject: who is at fault.
    ///   - reason: one of few words.
    ///   - now: nanoseconds of a clock that does not go back.
    ///   - interval: nanoseconds for which it is not repeated.
    mutating func isDue(_ subject: Subject, reason: String, now: UInt64, interval: UInt64) -> Bool {
        let key = Key(subject: subject, reason: reason)
        return switch subject {
        case .peer: Self.isDue(key, now, interval, &peers, entriesMax)
        case .stranger: Self.isDue(key, now, interval, &strangers, entriesMax)
        }
    }

    private static func isDue(
        _ key: Key,
        _ now: UInt64,
        _ interval: UInt64,
        _ nextReports: inout [Key: UInt64],
        _ entriesMax: Int
    ) -> Bool {
        if let next = nextReports[key], now < next { return false }
        if nextReports[key] == nil, nextReports.count >= entriesMax {
            nextReports = nextReports.filter { now < $0.value }
            guard nextReports.count < entriesMax else { return false }
        }
        nextReports[key] = now + interval
        return true
    }
}
