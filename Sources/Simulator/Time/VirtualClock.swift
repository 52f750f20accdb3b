/// A machine's two clocks: one that counts since its boot and never goes back, and the wall clock, which may be wrong and
/// jump. Both drift, as the crystal does.
public struct VirtualClock: Hashable, Sendable {
    /// Faster or slower than true time, in parts per million.
    public private(set) var driftPPM: Int
    /// Where the present drift began: true time, and what the boot-time clock showed.
    private var since: Moment
    private var bootNanoseconds: UInt64
    /// The wall clock's lead over the boot-time clock. May be negative.
    private var wallLeadNanoseconds: Int64

    /// - Parameters:
    ///   - driftPPM: parts per million by which it is fast; negative: slow. Above -1,000,000.
    ///   - bootNanoseconds: what the boot-time clock shows now.
    ///   - wallNanoseconds: what the wall clock shows now, in nanoseconds since 1970.
    public init(now: Moment, driftPPM: Int, bootNanoseconds: UInt64, wallNanoseconds: Int64) {
        self.driftPPM = driftPPM
        since = now
        self.bootNanoseconds = bootNanoseconds
        wallLeadNanoseconds = wallNanoseconds - Int64(bootNanoseconds)
    }

    /// What the boot-time clock shows, in nanoseconds. Never less than before.
    public func boot(at now: Moment) -> UInt64 {
        let passed = now - since
        // Millionths apart, so that nothing overflows: a run is hours at most.
        let drift =
            Int64(passed / 1_000_000) * Int64(driftPPM) + Int64(passed % 1_000_000) * Int64(driftPPM) / 1_000_000
        return bootNanoseconds + UInt64(max(0, Int64(passed) + drift))
    }

    /// What the wall clock shows, in nanoseconds since 1970.
    public func wall(at now: Moment) -> Int64 { Int64(boot(at: now)) + wallLeadNanoseconds }

    /// The crystal's temperature changes.
    public mutating func drift(at now: Moment, ppm: Int) {
        bootNanoseconds = boot(at: now)
        since = now
        driftPPM = ppm
    }

    /// Somebody sets the wall clock.
    public mutating func jumpWall(byNanoseconds step: Int64) { wallLeadNanoseconds += step }

    /// The machine boots: the boot-time clock begins anew, the wall clock goes on.
    public mutating func reboot(at now: Moment) {
        wallLeadNanoseconds = wall(at: now)
        bootNanoseconds = 0
        since = now
    }
}
