import Ledger

/// Replicated time as it was at a moment of the boot-time clock.
struct TimeSample: Sendable {
    let time: LedgerTime
    let at: BootTime

    /// What time it is later, if nothing corrects the boot-time clock.
    func time(at now: BootTime) -> LedgerTime { time.adding(nanoseconds: now.nanoseconds(since: at)) }
}

/// What a leader's messages say, over a window: of all of them the one that puts time furthest, which is the one that
/// was under way for the shortest. One message alone may be old; a window of them is not.
///
/// By it a follower whose boot-time clock goes faster than the leader's finds that it has run ahead: by 50 ppm it would
/// be five seconds in a day, and never come back.
struct LeaderTime: Sendable {
    /// In nanoseconds: 5 s, in which a leader sends a hundred signs of life.
    static let window: UInt64 = 5_000_000_000

    private var best: TimeSample?
    private var began = BootTime.zero
    private var last = BootTime.zero

    /// A message came. The time is the leader's when it sent it.
    /// - Returns: the best of the window, where the window ends with it.
    mutating func heard(_ time: LedgerTime, now: BootTime) -> TimeSample? {
        let sample = TimeSample(time: time, at: now)
        // After a silence the window begins anew: the first message may have waited for long.
        guard let best, now.nanoseconds(since: last) < Self.window / 5 else {
            self.best = sample
            began = now
            last = now
            return nil
        }
        last = now
        self.best = time > best.time(at: now) ? sample : best
        guard now.nanoseconds(since: began) >= Self.window else { return nil }
        defer {
            self.best = sample
            began = now
        }
        return self.best
    }
}
