import DequeModule

/// What was given to the disk and what of it is durable.
///
/// An acknowledgement is of a request, and the log may have gone another way since the request was made: its end was
/// truncated and written anew. So each request knows up to where the log still is what it wrote, and a truncation
/// lowers that for all that wait. The disk works in order, so what a request wrote below that point is there to stay.
struct PersistTracker: Sendable {
    private struct Request: Sendable {
        var number: UInt64
        /// The log as it is now is durable up to here when this request is.
        var through: LogIndex
        var holdsHardState: Bool
        var bytes: Int
    }

    /// The number of the last request made. 0: none yet.
    private(set) var lastNumber: UInt64 = 0
    /// The log is on disk up to here.
    private(set) var durable: LogIndex
    /// The first entry that no request holds.
    private(set) var next: LogIndex
    /// Bytes of entries given to the disk and not yet durable.
    private(set) var bytesInFlight = 0
    /// Ticks since the disk said anything, while something waits for it.
    private(set) var waitedTicks = 0
    private var requests: Deque<Request> = []
    private var hardStateIsNew = false
    private var hardStatesInFlight = 0

    init(durable: LogIndex) {
        self.durable = durable
        next = durable + 1
    }

    /// Whether term and vote are on disk as they are now: nothing may be said to anyone before.
    var hardStateIsDurable: Bool { !hardStateIsNew && hardStatesInFlight == 0 }
    /// Whether the next request must hold term and vote.
    var hardStateIsWaiting: Bool { hardStateIsNew }

    /// Term or vote is another one now.
    mutating func hardStateChanged() { hardStateIsNew = true }

    /// The log has changed from `index` on: it was truncated there.
    mutating func truncated(from index: LogIndex) {
        let kept = LogIndex(index.rawValue - 1)
        durable = min(durable, kept)
        next = min(next, index)
        for position in requests.indices where requests[position].through > kept {
            requests[position].through = kept
        }
    }

    /// A leader's snapshot is on disk, and the log begins after it.
    mutating func reset(to index: LogIndex) {
        durable = index
        next = index + 1
        for position in requests.indices { requests[position].through = min(requests[position].through, index) }
    }

    /// A request is made, of all entries from `next` up to here.
    mutating func request(through last: LogIndex, bytes: Int) -> UInt64 {
        lastNumber += 1
        requests.append(
            Request(number: lastNumber, through: last, holdsHardState: hardStateIsNew, bytes: bytes)
        )
        if hardStateIsNew { hardStatesInFlight += 1 }
        hardStateIsNew = false
        bytesInFlight += bytes
        next = last + 1
        return lastNumber
    }

    /// A tick passes.
    mutating func tick() { waitedTicks = requests.isEmpty ? 0 : waitedTicks + 1 }

    /// The request and all before it are durable.
    /// - Precondition: such a request was made.
    mutating func acknowledge(_ number: UInt64) {
        precondition(number <= lastNumber, "acknowledged a request that was never made")
        waitedTicks = 0
        while let request = requests.first, request.number <= number {
            requests.removeFirst()
            durable = max(durable, request.through)
            bytesInFlight -= request.bytes
            if request.holdsHardState { hardStatesInFlight -= 1 }
        }
    }
}
