/// The spent challenges, in buckets by the minute at which nothing of them can be valid any more.
///
/// A record is found by its bucket and its challenge: the token says both. Replicated time passes a bucket's end, and
/// the bucket is dropped whole, with no search for what has expired; what a dropped bucket might have held is refused
/// by its number alone. So a challenge cannot be spent twice however little is remembered.
///
/// Buckets stand in hours, sorted, so that no array grows with the longest lifetime: 60 days are 1,440 hours.
struct RecordStore: Sendable {
    /// Where a record lies, until the next insertion or removal.
    struct Position {
        fileprivate var hour: Int
        fileprivate var minute: Int
        fileprivate var place: ShardedTable<SpentRecord>.Position
    }

    private struct Bucket {
        var records = ShardedTable<SpentRecord>()
        /// The digest of its records, to be taken off at once.
        var digest = LedgerDigest.zero
    }

    private struct Hour {
        let number: UInt64
        /// 60, or as many as are used.
        var minutes: ContiguousArray<Bucket>
    }

    private var hours: ContiguousArray<Hour> = []
    /// All records held.
    private(set) var count = 0
    /// The digest's part of all records held.
    private(set) var digest = LedgerDigest.zero

    /// The bucket that a record expiry belongs to: minutes since genesis, rounded up.
    static func bucket(of recordExpiry: LedgerTime) -> UInt64 {
        let width = LedgerBounds.recordBucketNanoseconds
        // At most 2⁶² + a minute: no overflow.
        return (recordExpiry.nanoseconds + width - 1) / width
    }

    /// Whether a bucket's end has passed, so that none of its records can be valid.
    static func isPast(_ bucket: UInt64, now: LedgerTime) -> Bool {
        bucket * LedgerBounds.recordBucketNanoseconds < now.nanoseconds
    }

    /// Where a challenge's record lies, if it was spent and its bucket still stands.
    func find(_ challenge: ChallengeID, recordExpiry: LedgerTime) -> Position? {
        let bucket = Self.bucket(of: recordExpiry)
        let hour = hourIndex(bucket / 60)
        let minute = Int(bucket % 60)
        guard hour < hours.count, hours[hour].number == bucket / 60, minute < hours[hour].minutes.count,
            let place = hours[hour].minutes[minute].records.find(challenge.tableKey)
        else { return nil }
        return Position(hour: hour, minute: minute, place: place)
    }

    subscript(position: Position) -> SpentRecord {
        hours[position.hour].minutes[position.minute].records[position.place]
    }

    /// Changes a record. The body must keep its challenge and its expiry.
    mutating func update(_ position: Position, _ body: (inout SpentRecord) -> Void) {
        var record = self[position]
        let before = record.digest
        body(&record)
        let after = record.digest
        hours[position.hour].minutes[position.minute].records[position.place] = record
        hours[position.hour].minutes[position.minute].digest -= before
        hours[position.hour].minutes[position.minute].digest += after
        digest -= before
        digest += after
    }

    /// Adds a record, unless its challenge is there or its table has no room for it.
    /// - Returns: whether it was added.
    mutating func insert(_ record: SpentRecord) -> Bool {
        let bucket = Self.bucket(of: LedgerTime(nanoseconds: record.recordExpiry))
        let hour = hourIndex(bucket / 60)
        let minute = Int(bucket % 60)
        if hour == hours.count || hours[hour].number != bucket / 60 {
            hours.insert(Hour(number: bucket / 60, minutes: []), at: hour)
        }
        while hours[hour].minutes.count <= minute { hours[hour].minutes.append(Bucket()) }
        guard hours[hour].minutes[minute].records.insertIfNew(record) else { return false }
        let part = record.digest
        hours[hour].minutes[minute].digest += part
        digest += part
        count += 1
        return true
    }

    /// Drops every bucket whose end has passed.
    mutating func drop(now: LedgerTime) {
        guard let first = hours.first, Self.isPast(first.number * 60, now: now) else { return }
        while let first = hours.first, Self.isPast(first.number * 60, now: now) {
            for minute in first.minutes.indices {
                guard Self.isPast(first.number * 60 + UInt64(minute), now: now) else { return }
                guard first.minutes[minute].records.count > 0 else { continue }
                count -= first.minutes[minute].records.count
                digest -= first.minutes[minute].digest
                hours[0].minutes[minute] = Bucket()
            }
            // Also when later minutes of the hour are still to come: they are made again when they are needed.
            hours.removeFirst()
        }
    }

    /// How far a visit of all records has come.
    struct Cursor: Sendable {
        fileprivate var hour = 0
        fileprivate var minute = 0
        fileprivate var shard = 0
    }

    /// Each record of the next array once, in no particular order; arrays in the order of their buckets.
    /// - Returns: false: there is none.
    func visitNext(_ cursor: inout Cursor, _ body: (SpentRecord) -> Void) -> Bool {
        while cursor.hour < hours.count {
            while cursor.minute < hours[cursor.hour].minutes.count {
                if cursor.shard < hours[cursor.hour].minutes[cursor.minute].records.shardCount {
                    hours[cursor.hour].minutes[cursor.minute].records.visit(shard: cursor.shard, body)
                    cursor.shard += 1
                    return true
                }
                cursor.minute += 1
                cursor.shard = 0
            }
            cursor.hour += 1
            cursor.minute = 0
        }
        return false
    }

    /// Bytes that the tables take.
    var allocatedBytes: Int {
        hours.reduce(0) { $1.minutes.reduce($0) { $0 + $1.records.allocatedBytes + MemoryLayout<Bucket>.stride } }
    }

    /// The first hour that is not before `number`.
    private func hourIndex(_ number: UInt64) -> Int {
        var low = 0
        var high = hours.count
        while low < high {
            let middle = (low + high) / 2
            if hours[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
