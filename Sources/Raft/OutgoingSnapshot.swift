/// A snapshot on its way to a member, part by part, with a window of parts (section 7 of the paper, figure 13).
///
///     sending ──(all parts sent)──▶ waiting for the member's disk ──▶ done, or refused: begins anew after a pause
struct OutgoingSnapshot: Sendable {
    /// Which snapshot.
    let description: SnapshotDescription
    /// The member has all bytes below this.
    private(set) var acknowledged: UInt64 = 0
    /// The next byte to send.
    private(set) var next: UInt64 = 0
    /// The last part was sent.
    private(set) var isAllSent = false
    /// Refused by the member: it waits for a retry.
    private(set) var isPaused = false
    /// The next part was sent before. Then an answer that goes back is believed: the member lost what it had.
    private(set) var isRetry = false

    init(_ description: SnapshotDescription) { self.description = description }

    /// The next part to send, if the window has room.
    mutating func nextPart(_ settings: RaftSettings) -> (offset: UInt64, length: UInt32)? {
        let chunk = UInt64(min(max(settings.snapshotChunkBytes, 1), Entry.commandBytesMax))
        guard !isPaused, !isAllSent else { return nil }
        let inFlight = next - acknowledged
        let window = isRetry ? 1 : UInt64(max(settings.snapshotChunksInflightMax, 1))
        guard inFlight == 0 || inFlight.dividedRoundingUp(by: chunk) < window else { return nil }
        let part = (offset: next, length: UInt32(min(chunk, description.bytes - next)))
        next += UInt64(part.length)
        isAllSent = next == description.bytes
        return part
    }

    /// The member has all bytes below `offset`.
    /// - Returns: whether that is news.
    mutating func received(_ offset: UInt64) -> Bool {
        guard offset <= description.bytes else { return false }
        if offset > acknowledged {
            acknowledged = offset
            next = max(next, offset)
            isRetry = false
            isAllSent = isAllSent || next == description.bytes
            return true
        }
        if isRetry, offset < acknowledged {
            acknowledged = offset
            next = offset
            isAllSent = false
            return true
        }
        return false
    }

    /// The member could not use it.
    mutating func refused() { isPaused = true }

    /// Nothing was heard of it for long: sends again what was not acknowledged, one part at first.
    mutating func retry() {
        if isPaused || acknowledged == description.bytes { acknowledged = 0 }
        isPaused = false
        next = acknowledged
        isAllSent = false
        isRetry = true
    }
}

extension UInt64 {
    fileprivate func dividedRoundingUp(by divisor: UInt64) -> UInt64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return quotient + (remainder == 0 ? 0 : 1)
    }
}
