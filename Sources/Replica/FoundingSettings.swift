import Paxos

/// How fast founding goes. Nothing depends on these but time; nodes may differ.
public struct FoundingSettings: Hashable, Sendable {
    /// Between two rounds of hellos, in nanoseconds: 250 ms.
    public var helloInterval: UInt64
    /// A seed is called silent when it was not heard for so long, in nanoseconds: 10 s.
    public var silence: UInt64
    /// So long after a hello with another list of seeds no vote is given, in nanoseconds: 5 s. Some hello intervals, so
    /// that the loss of some does not count as agreement.
    public var dissent: UInt64
    /// How long a node that is the only seed waits for one that tells it of a cluster before it founds its own, in
    /// nanoseconds: 0. It may have lost its disk, and others been added since it founded theirs.
    public var lonePause: UInt64
    /// Of the proposer.
    public var backOff: BackOff

    /// A value of these fields.
    public init(
        helloInterval: UInt64 = 250_000_000,
        silence: UInt64 = 10_000_000_000,
        dissent: UInt64 = 5_000_000_000,
        lonePause: UInt64 = 0,
        backOff: BackOff = BackOff()
    ) {
        self.helloInterval = max(1, helloInterval)
        self.silence = silence
        self.dissent = dissent
        self.lonePause = lonePause
        self.backOff = backOff
    }
}
