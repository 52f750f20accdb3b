/// A slice in the book: the slice, and how much it is used.
struct HeldSlice: Sendable {
    let slice: Slice
    /// Units left at the last look.
    private var seen: UInt64
    /// The last look that found fewer units, or more, than the one before.
    private(set) var usedAt: UInt64
    /// Whether the one after it has been asked for.
    var isRenewed = false

    init(_ slice: Slice, now: UInt64) {
        self.slice = slice
        seen = slice.left
        usedAt = now
    }

    /// Looks whether it is used.
    mutating func look(now: UInt64) {
        let left = slice.left
        guard left != seen else { return }
        seen = left
        usedAt = max(usedAt, now)
    }

    /// Whether it is to be sealed now. Ends the taking when its time has come.
    mutating func isOver(now: UInt64, isRecalled: Bool, _ settings: SliceSettings) -> Bool {
        look(now: now)
        let quiet = now.minus(usedAt)
        if now.plus(settings.returning) >= slice.stopsAt {
            slice.stop()
        } else if seen == 0 || quiet >= settings.idle || isRecalled && quiet >= settings.idleWhenRecalled {
            // A request that it pays for waits for others: it is in use.
            if slice.hasReservations { return false }
            slice.stop()
        }
        guard slice.isStopped else { return false }
        return !slice.hasReservations || now.plus(settings.returningAtLast) >= slice.stopsAt
    }

    /// Whether the next one is due: this one ends soon, and is used.
    func isEnding(now: UInt64, _ settings: SliceSettings) -> Bool {
        now.plus(settings.renewing) >= slice.stopsAt && now.minus(usedAt) < settings.idle
    }
}
