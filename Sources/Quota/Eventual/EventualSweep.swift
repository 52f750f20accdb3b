import DequeModule

/// Forgets buckets that have been full for long, a few places at a time. Confined to the home loop: one for each limit.
struct EventualSweep: Sendable {
    private var level = 0
    private var next = 0
    private var retired: Deque<(place: EventualTable.Place, kind: EventualBucketID.Kind, at: UInt64)> = []

    /// Whether nothing that was forgotten waits to be free.
    var isIdle: Bool { retired.isEmpty }

    /// Looks at some places, and frees those whose buckets were forgotten long enough ago.
    /// - Returns: how many it looked at.
    @discardableResult
    mutating func advance(_ limit: EventualLimit, places: Int, now: UInt64, _ settings: EventualSettings) -> Int {
        let table = limit.table
        var looked = 0
        while looked < places {
            if next >= table.places(level) {
                next = 0
                level = level + 1 < table.size.levels ? level + 1 : 0
                // One round of a small table is enough.
                if level == 0 { break }
            }
            if let place = table.place(level, next) { forget(place, now: now, settings) }
            next += 1
            looked += 1
        }
        while let oldest = retired.first, oldest.at.plus(settings.grace) <= now {
            // Later than any time that the forgotten bucket had: see ``EventualTable``.
            oldest.place.time = now
            oldest.place.name = 0
            limit.removed(oldest.kind)
            retired.removeFirst()
        }
        table.growAhead(count: limit.count)
        return looked
    }

    private mutating func forget(_ place: EventualTable.Place, now: UInt64, _ settings: EventualSettings) {
        let name = place.name
        guard name > EventualTable.forgotten else { return }
        let time = place.time
        guard time != EventualTable.sealed, time.plus(settings.margin) <= now,
            place.exchange(time, for: EventualTable.sealed)
        else { return }
        place.name = EventualTable.forgotten
        retired.append((place, EventualBucketID(rawValue: name).kind, now))
    }
}
