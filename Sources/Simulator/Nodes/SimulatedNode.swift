import Ledger
import Raft
import RaftStorage
import Replica
import Wire

/// A machine: its clock and its disk, and the process on it, if it runs.
struct SimulatedNode {
    /// Which machine, from 0.
    let place: Int
    /// Its disk.
    let disk: SimulatedDisk
    /// Its clock.
    var clock: VirtualClock
    /// The replica that it is with this disk, as far as it has said so. A lost disk makes it another.
    var replica: ReplicaID?
    /// Ids drawn so far, one at each start: most are not needed.
    private var drawn: UInt64 = 0
    /// Processes started so far; the present one's number.
    var boot: UInt64 = 0
    /// The process, while there is one.
    var process: (any NodeProcess)?
    /// When it looks at its clock next.
    var wakeAt: Moment?
    /// It stands still.
    var pausedUntil: Moment?
    /// It is to stand still as soon as a tick has made it send something.
    var isPauseDue = false
    /// Messages that it sent so far.
    var sent: UInt64 = 0
    /// What came while it stood still.
    var held: [Event] = []
    /// A group of writes is under way.
    var isWriting = false
    /// Whether a start is among the events.
    var isStartDue = false
    /// The process's gateway, once it is a replica.
    var gateway: SimulatedGateway?
    /// The members that it knows.
    var members: [ReplicaID] = []
    /// When that looks at its clock next.
    var lookAt: Moment?
    /// Its next process is of the later release.
    var isNewRelease: Bool
    /// The last membership that it knew, running or not; nil: none.
    var lastMembership: Configuration?
    /// What was told of it last.
    var standing = NodeStanding()
    /// It is not started any more.
    var isRetired = false

    static let directory = "/data"

    init(place: Int, plan: FaultPlan, generator: Xoshiro256) {
        var generator = generator
        self.place = place
        isNewRelease = plan.isMixed && generator.chance(1, of: 3)
        disk = SimulatedDisk(generator: generator.split())
        clock = VirtualClock(
            now: .zero,
            driftPPM: generator.inRange(-plan.driftPPMMax...plan.driftPPMMax),
            bootNanoseconds: generator.below(1 << 40),
            wallNanoseconds: 1_750_000_000_000_000_000 + Int64(generator.inRange(-2_000...2_000)) * 1_000_000
        )
    }

    /// The node's name, the same whatever its disk.
    var name: String { Self.seed(place).name }

    /// As a member of a group; nil before it knows who it is.
    var member: Member? {
        replica.map { Member(id: $0, name: name, address: Self.seed(place).address) }
    }

    /// A machine as configurations name it.
    static func seed(_ place: Int) -> FoundingSeed { FoundingSeed(name: "n\(place)", address: "n\(place):7400") }

    /// The place of the machine whose disk is or was this replica's.
    static func place(of replica: ReplicaID) -> Int { Int(replica.high) - 1 }

    /// The disk is lost, or of no use: the next process finds an empty one, and is another replica.
    mutating func loseDisk() {
        disk.wipe()
        replica = nil
        lastMembership = nil
    }

    // MARK: - Start

    /// Starts a process on what the disk holds.
    /// - Parameter founders: machines that found the cluster.
    mutating func start(
        at now: Moment,
        plan: FaultPlan,
        founders: Int,
        generator: inout Xoshiro256
    ) throws(StorageError) {
        // The folder is the operator's to make. On an empty disk it is durable before the process begins.
        do throws(FileSystemError) {
            try disk.makeDirectory(Self.directory)
            try disk.synchronizeDirectory("/")
        } catch { throw .fatal(error) }
        drawn += 1
        if isNewRelease, plan.formerVersion == Ledger.supportedVersion {
            process = try boot(LaterLedger.self, at: now, plan, founders, &generator)
        } else {
            process = try boot(Ledger.self, at: now, plan, founders, &generator)
        }
    }

    private func boot<Machine: SimulatedMachine>(
        _ machine: Machine.Type,
        at now: Moment,
        _ plan: FaultPlan,
        _ founders: Int,
        _ generator: inout Xoshiro256
    ) throws(StorageError) -> ReleaseProcess<Machine> {
        let (storage, start) = try NodeStorage<Machine, SimulatedDisk>.open(
            directory: Self.directory,
            node: name,
            files: disk,
            settings: plan.storage,
            genesis: { Machine(genesis: $0.genesis) }
        )
        var seeds = (0..<founders).map(Self.seed)
        var settings = plan.replica
        if !isNewRelease { settings.supportedVersionMax = plan.formerVersion }
        // Who comes later lists those who were there before, and itself.
        if place >= founders { seeds.append(Self.seed(place)) }
        let candidate = FoundingCandidate(
            cluster: ClusterID(high: generator.next(), low: generator.next()),
            secret: (0..<LedgerBounds.secretBytes).map { _ in UInt8(truncatingIfNeeded: generator.next()) },
            maxRecords: 400
        )
        do throws(FoundingRefusal) {
            let node = try Node(
                configuration: NodeConfiguration(
                    name: name,
                    seeds: try FoundingSeeds(seeds),
                    founding: plan.founding,
                    replica: settings
                ),
                start: start,
                candidate: candidate,
                drawn: ReplicaID(high: UInt64(place) + 1, low: drawn),
                now: BootTime(nanoseconds: clock.boot(at: now)),
                wall: WallTime(nanoseconds: clock.wall(at: now)),
                seed: generator.next()
            )
            return ReleaseProcess(node: node, storage: storage, restored: start.replica?.restored)
        } catch {
            preconditionFailure("the seeds are right: \(error.explanation)")
        }
    }
}
