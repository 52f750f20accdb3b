import Glibc
import Replica

/// What an operator must be told of this node's own certificate, and when: in time before it ends, and once a day as long as
/// nobody has done anything about it. Pure.
struct CertificateWatch {
    enum Standing: Hashable {
        /// It holds, and will for some time.
        case good
        /// It holds, until this time soon, in seconds since 1970.
        case ending(Int64)
        /// It has not held any more since this time.
        case ended(Int64)
        /// It will hold from this time on.
        case early(Int64)
    }

    /// An operator is told so long before the end, in seconds: a week.
    static let noticeSeconds: Int64 = 7 * 86_400
    /// Of a certificate for a shorter time, this part of its life before the end: a third.
    private static let noticePart: Int64 = 3
    /// Between two lines of the log about the same, in nanoseconds: a day.
    static let remarkPause: UInt64 = 86_400_000_000_000

    /// As of the last look.
    private(set) var standing = Standing.good
    private var remarkedAt: BootTime?

    /// How a certificate stands.
    /// - Parameters:
    ///   - notBefore: when it begins to hold, in seconds since 1970.
    ///   - notAfter: the last second in which it holds.
    ///   - now: the time of day.
    static func standing(notBefore: Int64, notAfter: Int64, now: Int64) -> Standing {
        if now > notAfter { return .ended(notAfter) }
        if now < notBefore { return .early(notBefore) }
        // Whatever a certificate says: no sum of it overflows.
        let life = notAfter.subtractingReportingOverflow(notBefore)
        let notice = life.overflow ? noticeSeconds : min(noticeSeconds, life.partialValue / noticePart)
        let rest = notAfter.subtractingReportingOverflow(now)
        return rest.overflow || rest.partialValue > notice ? .good : .ending(notAfter)
    }

    /// It stands so now.
    /// - Returns: whether to say so.
    mutating func look(_ standing: Standing, now: BootTime) -> Bool {
        let isNew = standing != self.standing
        self.standing = standing
        let isDue = remarkedAt.map { now.nanoseconds(since: $0) >= Self.remarkPause } ?? true
        guard isNew || (standing != .good && isDue) else { return false }
        remarkedAt = now
        return true
    }

    /// A time in words, in UTC.
    static func text(_ seconds: Int64) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return "\(seconds) seconds after 1970" }
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = "\(Int(parts.tm_year) + 1_900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return "\(day) \(two(parts.tm_hour)):\(two(parts.tm_min)) UTC"
    }
}
