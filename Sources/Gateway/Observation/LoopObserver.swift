import NIOCore
import Settings

/// What one loop notes of its requests: counters, lines for the access log, refusals. Confined to its loop.
///
/// Lines are gathered during a turn of the loop and handed over together: one lock and at most one wake-up a turn.
final class LoopObserver {
    /// Bytes of lines that are gathered before they are handed over, whatever the loop is doing.
    private static let chunkBytesMax = 64 * 1_024
    /// A line or two: most turns of a loop write no more, and allocate once for them.
    private static let chunkBytesUsual = 1_024

    private(set) var meters = Meters()
    private let eventLoop: any EventLoop
    private let mask: ClientMask
    private let accessLog: AccessLog
    private let refusals: RefusalHistory
    private var chunk = AccessChunk(destination: .off, bytes: [], lines: 0)
    private var isScheduled = false
    private var second = Int.min
    private var secondText = ""

    init(eventLoop: any EventLoop, mask: ClientMask, accessLog: AccessLog, refusals: RefusalHistory) {
        self.eventLoop = eventLoop
        self.mask = mask
        self.accessLog = accessLog
        self.refusals = refusals
    }

    /// A client as it may be written down.
    func text(_ client: IPAddress?, _ log: LogSettings) -> String? {
        client.flatMap { mask.text($0, log.addresses) }
    }

    // MARK: Requests

    func finished(route: String?, policy: String?, _ verdict: RequestVerdict) {
        meters.count(Meters.Request(route: route ?? "", policy: policy ?? "", verdict: verdict))
    }

    /// Writes a line of the access log, which is on.
    func write(_ record: RequestRecord, _ log: LogSettings) {
        if chunk.destination != log.access {
            flush()
            chunk.destination = log.access
        }
        if chunk.bytes.isEmpty { chunk.bytes.reserveCapacity(Self.chunkBytesUsual) }
        AccessLine.append(record, time: now(), format: log.format, to: &chunk.bytes)
        chunk.lines += 1
        if chunk.bytes.count >= Self.chunkBytesMax { return flush() }
        guard !isScheduled else { return }
        isScheduled = true
        eventLoop.assumeIsolated().execute { self.flush() }
    }

    func refused(_ record: RefusalRecord) {
        refusals.add(record)
    }

    /// Hands over what has been gathered.
    func flush() {
        isScheduled = false
        guard chunk.lines > 0 else { return }
        let full = chunk
        chunk = AccessChunk(destination: full.destination, bytes: [], lines: 0)
        accessLog.submit(full)
    }

    /// Now, as RFC 3339 in UTC. What is before the point is made once a second.
    private func now() -> String {
        let now = Timestamp.now()
        if now.seconds != second {
            second = now.seconds
            secondText = Timestamp.text(seconds: now.seconds)
        }
        return secondText + now.fraction
    }

    // MARK: Meters

    func count(_ event: ChallengeEvent, policy: String?) {
        meters.count(Meters.Challenge(policy: policy ?? "", event: event))
    }

    /// A request passes on which no majority has decided.
    func letThrough(policy: String) { meters.countLetThrough(policy: policy) }
    /// A challenge was issued.
    func issued(policy: String, clientFactor: UInt32) {
        count(.issued, policy: policy)
        meters.issued(at: clientFactor)
    }

    func verified(since began: NIODeadline) {
        meters.verified(nanoseconds: Self.elapsed(since: began))
    }

    func decided(_ level: PolicySettings.Consistency, since began: NIODeadline) {
        meters.decided(level, nanoseconds: Self.elapsed(since: began))
    }

    /// Forgets what the configuration does not name any more.
    func adopt(_ configuration: Configuration) {
        meters.keep(configuration)
    }

    private static func elapsed(since began: NIODeadline) -> UInt64 {
        UInt64(max(0, (NIODeadline.now() - began).nanoseconds))
    }
}
