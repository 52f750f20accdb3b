/// The slices that are out, in groups by the half second in which they were lent, so that those whose time is over are
/// dropped together, with no search.
///
/// One that is returned keeps its place until its group goes: taking it out would cost a copy of its whole shard. A batch
/// drops about ``LedgerBounds/slicesDroppedPerBatch``, of a group that has more the first by their hashes: which ones
/// follows from those that are held, so that a replica that begins with a snapshot drops the same.
struct SliceStore: Sendable {
    /// Parts of the space of hashes, in which the slices of a group are counted: some 1,000 in each at the most.
    private static let parts = 256
    private static let slicesPerPart = LedgerBounds.slices / parts
    /// Groups at most. There are never as many: those that are not past are six, and of those that are each batch drops all or
    /// 8,192 slices, of which the bound of all makes 32.
    private static let groupsMax = 64

    private struct Group {
        let number: UInt64
        var slices = ShardedTable<SliceRecord>()
        var digest = LedgerDigest.zero
        /// How many there are in each of the ``SliceStore/parts``.
        var counts = ContiguousArray<UInt32>(repeating: 0, count: SliceStore.parts)

        /// The first of the parts that together have so many slices, or all.
        func parts(having least: Int) -> Int {
            var sum = 0
            for part in counts.indices {
                sum += Int(counts[part])
                if sum >= least { return part + 1 }
            }
            return counts.count
        }
    }

    /// Where a slice lies, until the next insertion or removal.
    struct Position {
        fileprivate var group: Int
        fileprivate var place: ShardedTable<SliceRecord>.Position
    }

    /// The oldest first; six that are not past at most, and few that are, since a batch drops more than it lends.
    private var groups: ContiguousArray<Group> = []
    /// By bucket: an entry for each that a held slice is of. Made of the slices, and so no part of the digest. Those of which
    /// none is left are taken away bit by bit; nobody can tell whether they are there.
    private var outstanding = ShardedTable<Outstanding>()
    /// Entries of ``outstanding`` without slices.
    private var vacated = 0
    /// Where the search for these goes on.
    private var swept = 0
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
        guard known != nil || hasRoom(for: bucket) else { return false }
        if groups.last?.number != slice.group {
            guard groups.count < Self.groupsMax else { return false }
            groups.append(Group(number: slice.group))
        }
        let group = groups.count - 1
        guard groups[group].slices.insertIfNew(slice) else {
            if groups[group].slices.count == 0 { groups.removeLast() }
            return false
        }
        let part = slice.digest
        groups[group].digest += part
        groups[group].counts[Self.part(of: slice)] += 1
        digest += part
        count += 1
        if let known {
            if outstanding[known].slices == 0 { vacated -= 1 }
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

    private static func part(of slice: SliceRecord) -> Int {
        ShardedTable<SliceRecord>.slice(of: slice.key) / slicesPerPart
    }

    // MARK: - Dropping

    /// Drops some of what is past.
    mutating func drop(now: LedgerTime) {
        var left = LedgerBounds.slicesDroppedPerBatch
        while left > 0, !groups.isEmpty, Self.isPast(groups[0].number, now: now) {
            left -= groups[0].slices.count <= left ? dropFirst() : dropPart(left)
        }
        sweepOutstanding()
    }

    /// Drops the first group.
    /// - Returns: how many slices it had.
    private mutating func dropFirst() -> Int {
        let first = groups.removeFirst()
        count -= first.slices.count
        digest -= first.digest
        first.slices.visit { take($0.units, from: $0.bucket.tableKey, slices: 1) }
        return first.slices.count
    }

    /// Drops about so many of the slices of the first group.
    /// - Returns: how many.
    private mutating func dropPart(_ least: Int) -> Int {
        let parts = groups[0].parts(having: least)
        var gone: [SliceRecord] = []
        groups[0].slices.removeAll(inSlices: 0..<parts * Self.slicesPerPart) { _ in
            true
        } removed: {
            gone.append($0)
        }
        for part in 0..<parts { groups[0].counts[part] = 0 }
        count -= gone.count
        for slice in gone {
            let part = slice.digest
            groups[0].digest -= part
            digest -= part
            take(slice.units, from: slice.bucket.tableKey, slices: 1)
        }
        return gone.count
    }

    private mutating func take(_ units: UInt64, from bucket: QuotaKey, slices: UInt32) {
        guard let place = outstanding.find(bucket) else { return }
        let before = outstanding[place].slices
        outstanding[place].units -= min(units, outstanding[place].units)
        outstanding[place].slices -= min(slices, before)
        if before > 0, outstanding[place].slices == 0 { vacated += 1 }
    }

    /// Whether there is room for another bucket, when those without slices are away.
    private mutating func hasRoom(for bucket: QuotaKey) -> Bool {
        if outstanding.hasRoom(for: bucket, beside: 0) { return true }
        let slice = ShardedTable<Outstanding>.slice(of: bucket)
        removeVacated(slice..<slice + 1)
        return outstanding.hasRoom(for: bucket, beside: 0)
    }

    /// Takes some of the buckets away that have no slices.
    private mutating func sweepOutstanding() {
        guard vacated > 0 else { return }
        let end = min(swept + Int(LedgerBounds.sweepSlicesPerBatch), LedgerBounds.slices)
        removeVacated(swept..<end)
        swept = end == LedgerBounds.slices ? 0 : end
    }

    private mutating func removeVacated(_ slices: Range<Int>) {
        var gone = 0
        outstanding.removeAll(inSlices: slices) {
            $0.slices == 0
        } removed: { _ in
            gone += 1
        }
        vacated -= gone
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
