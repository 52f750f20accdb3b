/// The slices that are out, in groups by the half second in which they were lent, so that those whose time is over are
/// dropped together, with no search.
///
/// One that is returned keeps its place until its group goes: taking it out would cost a copy of its whole shard.
struct SliceStore: Sendable {
    private struct Group {
        let number: UInt64
        var slices = ShardedTable<SliceRecord>()
        var digest = LedgerDigest.zero
    }

    /// Where a slice lies, until the next insertion or removal.
    struct Position {
        fileprivate var group: Int
        fileprivate var place: ShardedTable<SliceRecord>.Position
    }

    /// The oldest first; six at most, since a batch drops what is over before it lends.
    private var groups: ContiguousArray<Group> = []
    /// By bucket: an entry for each that a held slice is of. Made of the slices, and so no part of the digest.
    private var outstanding = ShardedTable<Outstanding>()
    /// Slices held, also those that have been returned.
    private(set) var count = 0
    /// The digest's part of all slices held.
    private(set) var digest = LedgerDigest.zero

    /// Whether a group's slices are all over, so that none of them can be returned.
    static func isPast(_ group: UInt64, now: LedgerTime) -> Bool {
        (group + 1) * LedgerBounds.sliceGroupNanoseconds + LedgerBounds.sliceNanoseconds <= now.nanoseconds
    }

    /// Units of a bucket that are out and may come back.
    @inline(__always)
    func outstandingUnits(of bucket: BucketName) -> UInt64 {
        count > 0 ? outstanding[bucket.tableKey]?.units ?? 0 : 0
    }

    /// Where a slice lies.
    func find(_ slice: SliceID) -> Position? {
        let key = SliceRecord.key(session: slice.session, sequence: slice.sequence)
        for group in groups.indices {
            if let place = groups[group].slices.find(key) { return Position(group: group, place: place) }
        }
        return nil
    }

    subscript(position: Position) -> SliceRecord { groups[position.group].slices[position.place] }

    /// Adds a slice, unless there is one of that name, or no room for it.
    /// - Precondition: none that is held was lent later.
    /// - Returns: whether it was added.
    mutating func insert(_ slice: SliceRecord) -> Bool {
        let bucket = slice.bucket.tableKey
        guard count < LedgerBounds.slicesHeld else { return false }
        let known = outstanding.find(bucket)
        guard known != nil || outstanding.hasRoom(for: bucket, beside: 0) else { return false }
        if groups.last?.number != slice.group { groups.append(Group(number: slice.group)) }
        let group = groups.count - 1
        guard groups[group].slices.insertIfNew(slice) else {
            if groups[group].slices.count == 0 { groups.removeLast() }
            return false
        }
        let part = slice.digest
        groups[group].digest += part
        digest += part
        count += 1
        if let known {
            outstanding[known].slices += 1
            outstanding[known].units = Self.sum(outstanding[known].units, slice.units)
        } else {
            outstanding.insert(Outstanding(key: bucket, units: slice.units, slices: 1))
        }
        return true
    }

    /// Marks a slice as returned.
    mutating func end(_ position: Position) {
        var slice = self[position]
        let before = slice.digest
        take(slice.units, from: slice.bucket.tableKey, slices: 0)
        slice.units = 0
        let after = slice.digest
        groups[position.group].slices[position.place] = slice
        groups[position.group].digest -= before
        groups[position.group].digest += after
        digest -= before
        digest += after
    }

    /// Drops the groups that are past.
    mutating func drop(now: LedgerTime) {
        guard let first = groups.first, Self.isPast(first.number, now: now) else { return }
        while let first = groups.first, Self.isPast(first.number, now: now) {
            groups.removeFirst()
            count -= first.slices.count
            digest -= first.digest
            first.slices.visit { take($0.units, from: $0.bucket.tableKey, slices: 1) }
        }
        outstanding.removeAll(inSlices: 0..<LedgerBounds.slices) {
            $0.slices == 0
        } removed: { _ in
        }
    }

    private mutating func take(_ units: UInt64, from bucket: QuotaKey, slices: UInt32) {
        guard let place = outstanding.find(bucket) else { return }
        outstanding[place].units -= min(units, outstanding[place].units)
        outstanding[place].slices -= min(slices, outstanding[place].slices)
    }

    private static func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    // MARK: - All of them

    /// How many arrays the slices are in.
    var arrayCount: Int { groups.reduce(0) { $0 + $1.slices.shardCount } }

    /// Each slice of one of ``arrayCount`` arrays, in no particular order; arrays in the order of their groups.
    func visit(array: Int, _ body: (SliceRecord) -> Void) {
        var shard = array
        for group in groups {
            if shard < group.slices.shardCount {
                group.slices.visit(shard: shard, body)
                return
            }
            shard -= group.slices.shardCount
        }
    }

    /// The number of the newest group; nil where there is none.
    var newestGroup: UInt64? { groups.last?.number }

    /// Bytes that the tables take.
    var allocatedBytes: Int { groups.reduce(outstanding.allocatedBytes) { $0 + $1.slices.allocatedBytes } }
}

/// Buckets by which somebody was refused while units of them are out, each once, in the order in which they were first.
struct RecallList: Sendable {
    private var known: Set<SliceRecall> = []
    private var recalls: [SliceRecall] = []

    /// Beyond ``LedgerBounds/recalls`` none is added: whoever is refused asks again.
    mutating func add(_ recall: SliceRecall) {
        guard recalls.count < LedgerBounds.recalls, known.insert(recall).inserted else { return }
        recalls.append(recall)
    }

    var isEmpty: Bool { recalls.isEmpty }

    mutating func take() -> [SliceRecall] {
        guard !isEmpty else { return [] }
        defer { self = RecallList() }
        return recalls
    }
}
