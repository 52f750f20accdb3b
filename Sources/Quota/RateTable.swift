/// Which keys are seen so often that slices are worth while: about 4 times a second at the node, or more.
///
/// A place for each of 16,384 groups of keys, which the last key of the group has that was seen, unless a hot one has it.
/// Each sighting moves the place's time ahead by the interval of the rate; it is hot when that is some intervals ahead of
/// now. So it takes a few sightings at once, or more at a rate above it, and below that rate it never comes to that. 256 KiB,
/// none of them allocated by use. A wrong answer costs a log entry, never a unit.
struct RateTable {
    static let places = 16_384
    /// Sightings a second at a node.
    static let rate: UInt64 = 4

    private struct Place {
        var key: UInt64 = 0
        /// Nanoseconds of the node's clock; 0: vacant.
        var ahead: UInt64 = 0
    }

    private var places = ContiguousArray(repeating: Place(), count: Self.places)
    /// Nanoseconds between two sightings at this loop of what the node sees at the rate.
    private let interval: UInt64
    /// So far ahead it is hot.
    private let hot: UInt64

    /// - Parameter loops: over which the node's requests are spread; 0 counts as 1.
    init(loops: Int) {
        let loops = UInt64(min(max(1, loops), 1_024))
        interval = 1_000_000_000 * loops / Self.rate
        // A second's worth, but never a single one: most keys are seen once. Half of an interval is for those that are seen
        // not quite at once.
        hot = max(2, Self.rate / loops) * interval - interval / 2
    }

    @inline(__always)
    private func place(_ key: UInt64) -> Int { Int(truncatingIfNeeded: key >> 50) }

    /// Whether a key is hot, if this is a sighting.
    func isHot(_ key: UInt64, now: UInt64) -> Bool {
        let place = places[place(key)]
        let before = place.key == key ? max(place.ahead, now) : now
        return before.plus(interval).minus(now) >= hot
    }

    /// A key was seen.
    mutating func saw(_ key: UInt64, now: UInt64) {
        let index = place(key)
        if places[index].key != key {
            // Who is hot stays until it cools down, which takes a second or so.
            if places[index].ahead.minus(now) >= hot { return }
            places[index] = Place(key: key, ahead: now)
        }
        places[index].ahead = min(max(places[index].ahead, now).plus(interval), now.plus(hot + interval))
    }
}
