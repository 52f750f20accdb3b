import Settings

/// Whole lines for one destination.
struct AccessChunk: Sendable, Equatable {
    /// Never `off`.
    var destination: LogSettings.Access
    var bytes: [UInt8]
    var lines: Int
}

/// What waits for the access log's writer, and what was lost: a state machine without threads.
///
///     asleep ── add ──▶ awake ── take, with something in it ──▶ awake
///       ▲                 └────── take, with nothing in it ──┐
///       └────────────────────────────────────────────────────┘   (closed: ended)
///
/// It holds a bounded number of bytes, those included that the writer is busy with. What does not fit is dropped and
/// counted: no request waits for a reader.
struct AccessBuffer {
    /// Some ten thousand lines.
    static let bytesMax = 4 * 1_024 * 1_024
    /// From a loss until it is reported, and between two reports.
    static let reportDelayNanoseconds: UInt64 = 1_000_000_000
    static let reportIntervalNanoseconds: UInt64 = 30_000_000_000

    enum Work: Equatable {
        case write([AccessChunk])
        case sleep
        case end
    }

    /// Lines that were lost since the start.
    private(set) var dropped: UInt64 = 0

    private var waiting: [AccessChunk] = []
    private var waitingBytes = 0
    private var writingBytes = 0
    private var isAsleep = true
    private var isClosed = false
    private var reported: UInt64 = 0
    private var error: Int32 = 0
    private var isReportDue = false
    private var mayReportFrom: UInt64 = 0

    /// - Returns: whether the writer is to be woken.
    mutating func add(_ chunk: AccessChunk) -> Bool {
        guard !isClosed, waitingBytes + writingBytes + chunk.bytes.count <= Self.bytesMax else {
            dropped += UInt64(chunk.lines)
            return false
        }
        waiting.append(chunk)
        waitingBytes += chunk.bytes.count
        return wake()
    }

    /// What the writer does next; whatever it took before is done with.
    mutating func take() -> Work {
        writingBytes = waitingBytes
        waitingBytes = 0
        guard waiting.isEmpty else {
            defer { waiting = [] }
            return .write(waiting)
        }
        if isClosed { return .end }
        isAsleep = true
        return .sleep
    }

    /// Nothing is taken any more, and the writer ends when it has written what waits.
    ///
    /// - Returns: whether the writer is to be woken.
    mutating func close() -> Bool {
        isClosed = true
        return wake()
    }

    /// Gives up what waits: it is lost.
    mutating func abandon() {
        dropped += UInt64(waiting.reduce(0) { $0 + $1.lines })
        waiting = []
        waitingBytes = 0
    }

    /// The destination has not taken these lines.
    ///
    /// - Parameter error: what the system said, from `errno`.
    mutating func failed(lines: Int, error: Int32) {
        dropped += UInt64(lines)
        self.error = error
    }

    private mutating func wake() -> Bool {
        defer { isAsleep = false }
        return isAsleep
    }

    // MARK: Reports

    /// To be asked after a loss.
    ///
    /// - Returns: after how many nanoseconds to ask ``report(now:)``; nil where somebody has been told so already.
    mutating func reportDelay(now: UInt64) -> UInt64? {
        guard !isReportDue, dropped > reported else { return nil }
        isReportDue = true
        let delay = mayReportFrom > now ? mayReportFrom - now : 0
        return max(delay, Self.reportDelayNanoseconds)
    }

    /// What was lost.
    struct Loss: Equatable {
        /// Since the last report.
        var lines: UInt64
        /// Since the start.
        var total: UInt64
        /// What the system said last since then; 0 where the reader is only too slow.
        var error: Int32
    }

    mutating func report(now: UInt64) -> Loss {
        defer {
            reported = dropped
            error = 0
        }
        isReportDue = false
        mayReportFrom = now + Self.reportIntervalNanoseconds
        return Loss(lines: dropped - reported, total: dropped, error: error)
    }
}
