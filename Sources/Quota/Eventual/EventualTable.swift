import Synchronization

/// The buckets of one limit, which all loops of a node charge at once without a lock.
///
/// A place is two words: the bucket's name (``EventualBucketID``) and its theoretical arrival time. Eight names and their
/// eight times are a group, two lines of the processor's cache; a level has twice as many groups as the level before. A
/// bucket lies in one of the two groups of a level that its name chooses, in the first place that was free: so a table grows
/// by one more level, and nothing in it ever moves.
///
/// **Words.** Name 0: free. A name is set by one exchange of words, hence by one loop; it then stays until the bucket is
/// forgotten. A time changes by exchanges of words only. It is never set back, except by what had just set it ahead: also
/// the next bucket of a place begins with a later time than the one before had. So an exchange whose expected time was read
/// while the place had a name is done while it has it.
///
/// **Forgetting**, by the home loop alone (``EventualSweep``): the time of a bucket that is long full becomes ``sealed``,
/// which no exchange expects; then the name becomes ``forgotten``; and only after a time in which every decision that had
/// begun has ended is the place free again. Without that time one loop might take a place in front of the one that another,
/// which saw it occupied, takes for the same bucket. If a loop stands still for longer in the midst of a decision, a key has
/// at worst two buckets until one of them is full.
///
/// 16 bytes a place; the levels stay as long as the table, of which the first is made for the first bucket. Any thread.
final class EventualTable: @unchecked Sendable {
    typealias Word = Atomic<UInt64>

    /// The time of a bucket that is being forgotten.
    static let sealed = UInt64.max
    /// The name of a place whose bucket was forgotten.
    static let forgotten: UInt64 = 3
    /// Enough for six times as many places as a limit has keys.
    static let levelsMax = 14
    private static let firstGroups = 192

    /// Where a bucket lies. Good as long as the table.
    struct Place: BitwiseCopyable, @unchecked Sendable {
        fileprivate let words: UnsafeMutablePointer<Word>

        @inline(__always)
        var name: UInt64 {
            get { words.pointee.load(ordering: .acquiring) }
            nonmutating set { words.pointee.store(newValue, ordering: .releasing) }
        }

        @inline(__always)
        var time: UInt64 {
            get { words[8].load(ordering: .acquiring) }
            nonmutating set { words[8].store(newValue, ordering: .releasing) }
        }

        /// The bucket's TAT; nil if the place is another's by now.
        @inline(__always)
        func time(of bucket: EventualBucketID) -> UInt64? {
            // In this order: a time that was read before the name was still there is that name's.
            let time = time
            return time != EventualTable.sealed && name == bucket.rawValue ? time : nil
        }

        /// Sets the TAT, if it still is what was read.
        @inline(__always)
        func exchange(_ expected: UInt64, for time: UInt64) -> Bool {
            words[8].compareExchange(
                expected: expected,
                desired: time,
                successOrdering: .acquiringAndReleasing,
                failureOrdering: .relaxed
            ).exchanged
        }

        /// Changes the TAT of a bucket. Each failed try is another's success.
        @discardableResult
        func update(_ bucket: EventualBucketID, _ change: (UInt64) -> UInt64) -> Bool {
            while let before = time(of: bucket) {
                let after = change(before)
                if after == before || exchange(before, for: after) { return true }
            }
            return false
        }
    }

    /// Addresses of the levels' words; 0: not there yet.
    private let levels: UnsafeMutablePointer<Word>
    /// The place of the limit's last resort, which is never forgotten.
    let shared: Place

    init() {
        levels = .allocate(capacity: Self.levelsMax)
        for level in 0..<Self.levelsMax { (levels + level).initialize(to: Word(0)) }
        shared = Place(words: Self.words(groups: 1))
        shared.name = EventualBucketID.shared.rawValue
    }

    deinit {
        for level in 0..<Self.levelsMax { self.level(level)?.deallocate() }
        levels.deallocate()
        shared.words.deallocate()
    }

    private static func words(groups: Int) -> UnsafeMutablePointer<Word> {
        let words = UnsafeMutablePointer<Word>.allocate(capacity: 16 * groups)
        for word in 0..<16 * groups { (words + word).initialize(to: Word(0)) }
        return words
    }

    private static func groups(_ level: Int) -> Int { firstGroups << level }

    @inline(__always)
    private func level(_ level: Int) -> UnsafeMutablePointer<Word>? {
        UnsafeMutablePointer(bitPattern: UInt(levels[level].load(ordering: .acquiring)))
    }

    /// One of the two groups of a level in which a bucket may be.
    @inline(__always)
    private func group(
        _ words: UnsafeMutablePointer<Word>,
        _ bucket: EventualBucketID,
        _ level: Int,
        _ choice: Int
    ) -> UnsafeMutablePointer<Word> {
        let salt = UInt64(2 * level + choice + 1) &* 0xD6E8_FEB8_6659_FD93
        let mixed = (bucket.rawValue ^ salt) &* 0x9E37_79B9_7F4A_7C15
        let index = (mixed ^ mixed << 32).multipliedFullWidth(by: UInt64(Self.groups(level))).high
        return words + 16 * Int(index)
    }

    /// Where the bucket lies, if there is one.
    @inline(__always)
    func find(_ bucket: EventualBucketID) -> Place? {
        if bucket == .shared { return shared }
        // Half of all places are in the last level.
        var level = Self.levelsMax - 1
        while level >= 0 {
            if let words = self.level(level) {
                for choice in 0..<2 {
                    let group = group(words, bucket, level, choice)
                    for slot in 0..<8 where (group + slot).pointee.load(ordering: .relaxed) == bucket.rawValue {
                        let place = Place(words: group + slot)
                        if place.name == bucket.rawValue, place.time != Self.sealed { return place }
                    }
                }
            }
            level -= 1
        }
        return nil
    }

    /// Takes a place for a bucket that is full, unless it has one.
    /// - Returns: nil if all places that it might have are taken, and there is no further level.
    func insert(_ bucket: EventualBucketID) -> (place: Place, isNew: Bool)? {
        if let place = find(bucket) { return (place, false) }
        for level in 0..<Self.levelsMax {
            guard let words = self.level(level) ?? grow(level) else { return nil }
            for choice in 0..<2 {
                let group = group(words, bucket, level, choice)
                for slot in 0..<8 {
                    let place = Place(words: group + slot)
                    let (done, name) = place.words.pointee.compareExchange(
                        expected: 0,
                        desired: bucket.rawValue,
                        ordering: .acquiringAndReleasing
                    )
                    if done { return (place, true) }
                    if name == bucket.rawValue, place.time != Self.sealed { return (place, false) }
                }
            }
        }
        return nil
    }

    /// Adds a level. Another loop's may be there first.
    private func grow(_ level: Int) -> UnsafeMutablePointer<Word>? {
        let words = Self.words(groups: Self.groups(level))
        let (done, other) = levels[level].compareExchange(
            expected: 0,
            desired: UInt64(UInt(bitPattern: words)),
            ordering: .acquiringAndReleasing
        )
        if done { return words }
        words.deallocate()
        return UnsafeMutablePointer(bitPattern: UInt(other))
    }

    /// Levels there are, and places in them.
    var size: (levels: Int, places: Int) {
        var size = (levels: 0, places: 0)
        while size.levels < Self.levelsMax, level(size.levels) != nil {
            size.places += places(size.levels)
            size.levels += 1
        }
        return size
    }

    /// Places of a level; 0 if there is none.
    func places(_ level: Int) -> Int {
        level < Self.levelsMax && self.level(level) != nil ? 8 * Self.groups(level) : 0
    }

    /// A place of a level that is there, by its number.
    func place(_ level: Int, _ index: Int) -> Place? {
        self.level(level).map { Place(words: $0 + (16 * (index / 8) + index % 8)) }
    }

    /// Makes the level that will be needed next, away from the loops that would need it, when the others are nearly full.
    func growAhead(count: Int) {
        let size = size
        if size.levels < Self.levelsMax, count > size.places / 4 * 3 { _ = grow(size.levels) }
    }
}
