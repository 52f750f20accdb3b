import Raft

/// How often what goes wrong, in mean milliseconds of virtual time between two; 0: never.
public struct FaultRates: Hashable, Sendable {
    /// A process is killed; its machine and what was written live on.
    public var kill: UInt64 = 0
    /// A machine loses power: what was not synchronized is lost, torn or reordered.
    public var powerCut: UInt64 = 0
    /// All machines lose power within moments.
    public var blackout: UInt64 = 0
    /// A process stands still, and then goes on as if nothing had been.
    public var pause: UInt64 = 0
    /// The network falls apart into two sides, or a node hears and is not heard, or single links are cut.
    public var partition: UInt64 = 0
    /// A wall clock jumps.
    public var wallJump: UInt64 = 0
    /// A clock's drift changes.
    public var drift: UInt64 = 0
    /// A call of a disk fails with EIO.
    public var diskError: UInt64 = 0
    /// A disk is full for a while.
    public var diskFull: UInt64 = 0
    /// A bit of a file that lies on disk is another one.
    public var flip: UInt64 = 0
    /// A disk is lost, and replaced by an empty one.
    public var wipe: UInt64 = 0
    /// An operator changes the membership.
    public var change: UInt64 = 0
    /// An operator moves leadership.
    public var transfer: UInt64 = 0
    /// An operator asks for a snapshot.
    public var compact: UInt64 = 0

    /// Nothing goes wrong.
    public static let none = FaultRates()

    /// Of a seed: each kind is off in some runs, so that the others are seen apart, and frequent in others.
    /// - Parameter nodes: runs of more are shorter, and as much goes wrong in them.
    public init(_ generator: inout Xoshiro256, nodes: Int) {
        func rate(_ off: UInt64, _ least: Int, _ most: Int) -> UInt64 {
            let value = max(50, UInt64(generator.inRange(least...most)) * 2 / UInt64(max(3, nodes)))
            return generator.chance(off, of: 10) ? 0 : value
        }
        kill = rate(3, 400, 4_000)
        powerCut = rate(3, 500, 5_000)
        blackout = rate(7, 4_000, 20_000)
        pause = rate(4, 500, 5_000)
        partition = rate(3, 300, 4_000)
        wallJump = rate(5, 500, 5_000)
        drift = rate(5, 500, 5_000)
        diskError = rate(5, 1_000, 8_000)
        diskFull = rate(6, 1_000, 8_000)
        flip = rate(6, 2_000, 12_000)
        wipe = rate(6, 2_000, 15_000)
        change = rate(3, 300, 3_000)
        transfer = rate(5, 300, 4_000)
        compact = rate(6, 300, 4_000)
    }

    private init() {}
}
