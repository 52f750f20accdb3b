import NIOConcurrencyHelpers

/// The last refusals, found by request id: a ring. Where an id comes twice, as trusted peers may send it, the later
/// record is found; but what a proxy shows of a refusal that it has been told before does not replace that.
struct RefusalRing {
    let capacity: Int
    private var records: [RefusalRecord] = []
    /// Where the next record goes, once all places are taken.
    private var next = 0
    private var places: [String: Int] = [:]

    /// - Parameter capacity: 1 or more.
    init(capacity: Int) {
        self.capacity = capacity
        // At once, so that the ring never moves while somebody waits for it. Memory that is not touched costs nothing.
        records.reserveCapacity(capacity)
        places.reserveCapacity(capacity)
    }

    var count: Int { records.count }

    mutating func add(_ record: RefusalRecord) {
        if record.isShownAgain, places[record.requestID] != nil { return }
        if records.count < capacity {
            places[record.requestID] = records.count
            records.append(record)
            return
        }
        let oldest = records[next].requestID
        if places[oldest] == next { places[oldest] = nil }
        places[record.requestID] = next
        records[next] = record
        next = next + 1 == capacity ? 0 : next + 1
    }

    subscript(requestID: String) -> RefusalRecord? {
        places[requestID].map { records[$0] }
    }
}

/// The last refusals of this node. Any thread; the lock is held for a look or an exchange of one record.
///
/// At most some 2 KiB a record, so 20 MiB in all if every client does its worst.
public final class RefusalHistory: Sendable {
    /// How many refusals a node remembers.
    public static let capacity = 10_000

    private let ring = NIOLockedValueBox(RefusalRing(capacity: capacity))

    /// Without any.
    public init() {}

    func add(_ record: RefusalRecord) {
        ring.withLockedValue { $0.add(record) }
    }

    /// The refusal of that request as a JSON object; nil where it is not among the last ones.
    public func json(requestID: String) -> String? {
        let record = ring.withLockedValue { $0[requestID] }
        return record?.json(now: .now())
    }
}
