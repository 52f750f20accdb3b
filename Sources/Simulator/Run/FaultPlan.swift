import Ledger
import Raft
import RaftStorage
import Replica

/// What a seed makes of a run: how long, how bad the network is, what goes wrong and how often, and settings that make
/// rare paths common (after FoundationDB's "buggification").
public struct FaultPlan: Hashable, Sendable {
    /// Bytes that are too few for anything but a few records, or as many as in a real cluster.
    private static let sizes = [300, 1_000, 4_000, 64_000, 256_000]

    /// How long things go wrong, in nanoseconds of virtual time.
    public var chaosNanoseconds: UInt64
    /// How long a healed majority may take to elect, commit and converge, in nanoseconds of virtual time.
    ///
    /// Generous on purpose: it must hold for the slowest network and the smallest parts that a plan has. What is slow but
    /// not stuck is a benchmark's to find.
    public var recoveryNanosecondsMax: UInt64
    /// How often what goes wrong.
    public var rates: FaultRates
    /// How good all links are, while things go wrong.
    public var link: LinkQuality
    /// Machines beside the founders, for changes of the membership.
    public var spares: Int
    /// Clients.
    public var clients: Int
    /// A client's pause between requests at most, in nanoseconds.
    public var thinkNanosecondsMax: UInt64
    /// How long a call of a disk that synchronizes takes at most, in nanoseconds.
    public var diskNanosecondsMax: UInt64
    /// Clocks are fast or slow by at most this, in parts per million.
    public var driftPPMMax: Int
    /// The settings of all replicas, the core's among them.
    public var replica: ReplicaSettings
    /// How fast the cluster is founded.
    public var founding: FoundingSettings
    /// Things go wrong while the cluster is being founded too, though no disk is lost: founding waits for every founder.
    public var isFoundingHard: Bool
    /// The storage's settings of all nodes.
    public var storage: StorageSettings
    /// Some nodes are of a later release from the beginning, others are given it when they are started again.
    public var isMixed: Bool
    /// The version of the ledger's commands that the earlier release knows: this one's, or, in some mixed runs, the one before.
    public var formerVersion: UInt32
    /// What clients use.
    public var habits: Workload.Habits
    /// Operators give the limits other numbers.
    public var changesLimits: Bool

    /// The plan of a seed, for so many founders.
    public init(seed: UInt64, nodes: Int) {
        var generator = Xoshiro256(seed: seed ^ 0x504C_414E)
        // The more nodes, the more happens in a second: as long as the steps of a run are about as many.
        chaosNanoseconds = UInt64(generator.inRange(2_500...8_000)) * 3_000_000 / UInt64(max(3, nodes))
        recoveryNanosecondsMax = 60_000_000_000
        rates = FaultRates(&generator, nodes: nodes)
        link = Self.link(&generator)
        spares = generator.inRange(0...2)
        clients = generator.inRange(1...6)
        thinkNanosecondsMax = UInt64(generator.pick([5, 40, 200])) * 1_000_000
        diskNanosecondsMax = UInt64(generator.pick([100_000, 2_000_000, 15_000_000, 60_000_000] as [Int]))
        driftPPMMax = generator.pick([0, 200, 5_000])
        replica = Self.replica(&generator)
        founding = FoundingSettings(
            helloInterval: UInt64(generator.pick([40, 250] as [Int])) * 1_000_000,
            dissent: 1_000_000_000
        )
        isFoundingHard = generator.chance(1, of: 4)
        storage = StorageSettings()
        storage.segmentBytes = generator.pick([2_048, 4_096, 16_384, 65_536])
        storage.snapshotsKept = generator.inRange(2...3)
        storage.snapshotSliceBytes = generator.pick([300, 2_000, 20_000, 1 << 20])
        isMixed = generator.chance(1, of: 3)
        formerVersion = isMixed && generator.chance(1, of: 2) ? Ledger.supportedVersion - 1 : Ledger.supportedVersion
        habits = Workload.Habits()
        habits.escrow = generator.chance(1, of: 2)
        habits.eventual = generator.chance(1, of: 3)
        habits.prices = generator.chance(1, of: 2)
        changesLimits = generator.chance(1, of: 3)
    }

    /// How long what a gateway tells takes to be another's at most, in nanoseconds: a round, and the slowest message; nil where
    /// messages are lost.
    func wordNanosecondsMax(_ link: LinkQuality) -> UInt64? {
        guard link.lostPerThousand == 0 else { return nil }
        let late = link.latePerThousand > 0 ? link.lateNanosecondsMax : 0
        let longest = 100_000_000 + link.delayNanosecondsMax + late
        return longest + longest * UInt64(driftPPMMax) / 1_000_000 + 2_000_000
    }

    private static func link(_ generator: inout Xoshiro256) -> LinkQuality {
        var link = LinkQuality()
        if generator.chance(1, of: 2) { link.lostPerThousand = UInt64(generator.inRange(1...150)) }
        if generator.chance(1, of: 2) { link.repeatedPerThousand = UInt64(generator.inRange(1...150)) }
        if generator.chance(1, of: 2) { link.latePerThousand = UInt64(generator.inRange(1...150)) }
        link.delayNanosecondsMin = 20_000
        link.delayNanosecondsMax = UInt64(generator.pick([100_000, 1_000_000, 8_000_000] as [Int]))
        link.lateNanosecondsMax = UInt64(generator.pick([5_000_000, 60_000_000, 900_000_000] as [Int]))
        link.keepsOrder = generator.chance(2, of: 3)
        return link
    }

    private static func replica(_ generator: inout Xoshiro256) -> ReplicaSettings {
        var replica = ReplicaSettings()
        replica.raft = raft(&generator)
        replica.reportsApplied = true
        replica.tickNanoseconds = UInt64(generator.pick([5, 10, 10, 20] as [Int])) * 1_000_000
        replica.catchUpTicksMax = UInt64(generator.pick([1, 30] as [Int]))
        replica.decisionTimeout = UInt64(generator.pick([300, 2_000] as [Int])) * 1_000_000
        replica.retryInterval = UInt64(generator.pick([100, 250] as [Int])) * 1_000_000
        replica.batchesInFlightMax = generator.pick([1, 4])
        replica.batchCommandsMax = generator.pick([1, 3, 1_024])
        replica.batchBytesMax = generator.pick([1, 600, 1 << 20])
        replica.waitingCommandsMax = generator.pick([3, 16_384])
        replica.waitingRequestsMax = generator.pick([3, 16_384])
        replica.sessionWindow = UInt64(generator.pick([2, 16, 4_096] as [Int]))
        replica.snapshotLogBytes = UInt64(generator.pick([1_500, 6_000, 30_000, 1 << 20] as [Int]))
        replica.snapshotAge = UInt64(generator.pick([1_000, 5_000, 3_600_000] as [Int])) * 1_000_000
        replica.entriesKept = UInt64(generator.pick([0, 3, 50, 8_192] as [Int]))
        replica.snapshotReadsMax = generator.pick([4, 16])
        replica.checkpointEntries = UInt64(generator.pick([1, 7, 64] as [Int]))
        replica.clockRecordInterval = UInt64(generator.pick([100, 1_000, 30_000] as [Int])) * 1_000_000
        replica.fullDiskRetry = UInt64(generator.pick([50, 500] as [Int])) * 1_000_000
        return replica
    }

    private static func raft(_ generator: inout Xoshiro256) -> RaftSettings {
        var raft = RaftSettings()
        raft.electionTicksMin = generator.pick([6, 10, 15, 15])
        raft.electionTicksMax = raft.electionTicksMin * generator.pick([1, 2, 2]) + generator.inRange(1...3)
        raft.heartbeatTicks = max(1, raft.electionTicksMin / 3)
        raft.retryTicks = generator.pick([3, 15, 30])
        raft.persistTicksMax = generator.pick([15, 200])
        guard generator.chance(4, of: 5) else { return raft }
        raft.appendBytesMax = generator.pick(sizes)
        raft.appendEntriesMax = generator.pick([1, 2, 16, 4_096])
        raft.inflightMessagesMax = generator.pick([1, 2, 8, 64])
        raft.inflightBytesMax = generator.pick(sizes)
        raft.uncommittedBytesMax = generator.pick([2_000, 20_000, 1 << 20])
        raft.unpersistedBytesMax = generator.pick([2_000, 20_000, 1 << 20])
        raft.unappliedBytesMax = generator.pick(sizes)
        raft.snapshotChunkBytes = generator.pick([100, 700, 5_000, 64_000])
        raft.snapshotChunksInflightMax = generator.pick([1, 2, 4])
        raft.pendingReadsMax = generator.pick([1, 4, 4_096])
        raft.promotionLagEntriesMax = UInt64(generator.pick([0, 5, 1_024] as [Int]))
        return raft
    }
}
