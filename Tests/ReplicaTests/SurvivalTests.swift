import Ledger
import Raft
import RaftStorage
import Simulator
import Testing
import Wire

@testable import Replica

/// What an operator finds in a folder after a disaster, and makes of it.
@Suite("What a folder still holds") struct SurvivalTests {
    private typealias Log = LogStorage<SimulatedDisk>
    private typealias Node = NodeStorage<Ledger, SimulatedDisk>

    private static let settings: StorageSettings = {
        var settings = StorageSettings()
        settings.segmentBytes = 1 << 12
        return settings
    }()

    // MARK: - Setting aside that was cut short

    @Test(arguments: [PowerCut.losesAll, .losesSome, .losesNothing])
    func whatWasSetAsideInPartIsFoundWhole(_ mode: PowerCut) throws {
        var crashes = 0
        for call in 0..<200 {
            let disk = try Self.disk(seed: UInt64(call))
            try Self.create(disk, cluster: 1, replica: 1, last: 30)
            disk.flipLastByte(of: "/d/log")
            let before = try Self.survey(disk)
            #expect(before.last.index == LogIndex(29) && before.snapshot.index == LogIndex(20))
            guard try !Self.cut(disk, at: call, mode, { try Log.setAside(directory: "/d", files: disk) }) else { break }
            crashes += 1
            // The operator's command may be cut short, too.
            _ = try Self.cut(disk, at: call / 3, mode) { _ = try Self.surveyAll(disk) }
            let (state, _) = try Self.surveyAll(disk)
            #expect(state.last == before.last && state.snapshot == before.snapshot, "the power fails at call \(call)")
            #expect(try Log.isSettingAside(directory: "/d", files: disk) == false)
        }
        #expect(crashes > 10)
    }

    // MARK: - Several states

    @Test func theOneOfTheClusterThatGoesFurthestIsTakenAndTheOthersStay() throws {
        let disk = try Self.disk()
        try Self.create(disk, cluster: 1, replica: 1, last: 30)
        disk.flipLastByte(of: "/d/log")
        try Log.setAside(directory: "/d", files: disk)
        // It has begun anew, and was admitted, and had not fetched all of it when the others were lost.
        try Self.create(disk, cluster: 1, replica: 2, last: 25)
        let (state, left) = try Self.surveyAll(disk)
        #expect(state.directory == "/d/damaged-1" && state.last.index == LogIndex(29))
        #expect(left.map(\.directory) == ["/d"])
        #expect(left.first?.state?.last.index == LogIndex(25))
        try Self.refound(disk, state, keeping: state.identity.cluster)
        #expect(try Self.survey(disk, "/d/damaged-2").last.index == LogIndex(25), "what was not taken is kept")
        #expect(try Self.survey(disk, "/d/damaged-1").last.index == LogIndex(29))
        #expect(try Self.survey(disk).identity.cluster == Self.cluster(9))
    }

    @Test func whatWasSetAsideBeforeTheFolderBecameThatOfAnotherClusterIsNotTaken() throws {
        let disk = try Self.disk()
        try Self.create(disk, cluster: 1, replica: 1, last: 30)
        disk.flipLastByte(of: "/d/log")
        try Log.setAside(directory: "/d", files: disk)
        try Self.create(disk, cluster: 2, replica: 2, last: 20)
        disk.flipLastByte(of: "/d/log")
        let (state, left) = try Self.surveyAll(disk)
        #expect(state.directory == "/d" && state.identity.cluster == Self.cluster(2))
        #expect(left.first?.state?.cluster == Self.cluster(1))
    }

    @Test func anOlderOneThanOneThatCannotBeReadIsNotTakenInSilence() throws {
        let disk = try Self.disk()
        try Self.create(disk, cluster: 1, replica: 1, last: 20)
        disk.flipLastByte(of: "/d/log")
        try Log.setAside(directory: "/d", files: disk)
        try Self.create(disk, cluster: 1, replica: 2, last: 30)
        for name in try disk.list("/d/snapshots") { disk.flip("/d/snapshots/\(name)", bit: 1, at: 20) }
        let (state, left) = try Self.surveyAll(disk)
        #expect(state.directory == "/d/damaged-1")
        guard case .damaged? = left.first?.reason, left.first?.directory == "/d" else {
            Issue.record("\(left)")
            return
        }
    }

    // MARK: - A device that fails

    @Test func whatComesBeforeASectorThatCannotBeReadIsThere() throws {
        let files = FailingSectors(try Self.disk())
        try Self.create(files.disk, cluster: 1, replica: 1, last: 60)
        let name = try #require(try files.disk.list("/d/log").last)
        files.bad[name] = 1_024..<1_536
        let (state, _) = try Self.surveyAll(files)
        #expect(state.snapshot.index == LogIndex(20))
        #expect(state.last.index > LogIndex(20) && state.last.index < LogIndex(60))
        #expect(state.losses.contains { $0.path == "/d/log/\(name)" && $0.problem == .deviceFailed })
        try Self.refound(files, state)
        #expect(try files.disk.list("/d/damaged-1/log").contains(name), "the files stay")
        #expect(try Self.survey(files.disk).last.index == state.last.index)
    }

    @Test func aSectorOfASegmentBeforeTheSnapshotLosesNothing() throws {
        let files = FailingSectors(try Self.disk())
        try Self.create(files.disk, cluster: 1, replica: 1, last: 60)
        let name = try #require(try files.disk.list("/d/log").first)
        files.bad[name] = 1_024..<1_536
        let (state, _) = try Self.surveyAll(files)
        #expect(state.last.index == LogIndex(60))
        #expect(state.damage?.path == "/d/log/\(name)")
    }

    @Test func aSectorOfTheNewestSnapshotLeavesTheOneBeforeAndTheLog() throws {
        let files = FailingSectors(try Self.disk())
        try Self.create(files.disk, cluster: 1, replica: 1, last: 30)
        let name = try #require(try files.disk.list("/d/snapshots").last)
        files.bad[name] = 0..<512
        let (state, _) = try Self.surveyAll(files)
        #expect(state.snapshot.index == .zero && state.last.index == LogIndex(30))
        #expect(state.losses.map(\.path) == ["/d/snapshots/\(name)"])
    }

    @Test func aFileThatOneMayNotReadIsNotPassedOver() throws {
        let files = FailingSectors(try Self.disk())
        try Self.create(files.disk, cluster: 1, replica: 1, last: 30)
        files.bad[try #require(try files.disk.list("/d/snapshots").last)] = 0..<512
        // EACCES: there is an older snapshot, and somebody else can read this one.
        files.errno = 13
        #expect(throws: StorageError.self) { try Self.surveyAll(files) }
        files.disk.flip("/d/snapshots/\(try #require(try files.disk.list("/d/snapshots").last))", bit: 1, at: 20)
        files.bad = [try #require(try files.disk.list("/d/log").last): 1_024..<1_536]
        #expect(throws: StorageError.self, "of a damaged folder, too") { try Self.surveyAll(files) }
    }

    // MARK: - Another cluster

    @Test(arguments: [PowerCut.losesAll, .losesSome, .losesNothing])
    func aRefoundingThatIsCutShortIsFinishedByTheNext(_ mode: PowerCut) throws {
        for isDamaged in [false, true] {
            var crashes = 0
            for call in 0..<300 {
                let disk = try Self.disk(seed: UInt64(call))
                try Self.create(disk, cluster: 1, replica: 1, last: 30)
                if isDamaged { disk.flipLastByte(of: "/d/log") }
                let (state, _) = try Self.surveyAll(disk)
                let isDone = try Self.cut(disk, at: call, mode) { try Self.refound(disk, state) }
                if !isDone { crashes += 1 }
                try Self.refound(disk, state, keeping: state.identity.cluster)
                let now = try Self.survey(disk)
                #expect(now.identity.cluster == Self.cluster(9) && now.damage == nil, "the power fails at call \(call)")
                #expect(now.last.index == state.last.index && now.configuration.voters.count == 1)
                if isDamaged {
                    let kept = try Self.survey(disk, "/d/damaged-1")
                    #expect(kept.last == state.last && kept.snapshot == state.snapshot, "at call \(call)")
                }
                if isDone { break }
            }
            #expect(crashes > 10)
        }
    }

    // MARK: -

    /// Does something during which the power fails at that call. Returns whether it was done before.
    private static func cut(
        _ disk: SimulatedDisk,
        at call: Int,
        _ mode: PowerCut,
        _ body: () throws -> Void
    ) throws -> Bool {
        disk.faults.callsToPowerCut = call
        let isDone = (try? body()) != nil
        disk.faults.callsToPowerCut = nil
        disk.cutPower(mode)
        disk.restart()
        return isDone
    }

    private static func survey(_ disk: SimulatedDisk, _ folder: String = "/d") throws -> SurvivingState<Ledger> {
        try Node.survey(directory: folder, files: disk, settings: settings)
    }

    private static func surveyAll<Files: FileSystem>(
        _ files: Files
    ) throws -> (state: SurvivingState<Ledger>, left: [FolderLeft]) {
        try NodeStorage<Ledger, Files>.surveyAll(directory: "/d", files: files, settings: settings)
    }

    private static func refound<Files: FileSystem>(
        _ files: Files,
        _ state: SurvivingState<Ledger>,
        keeping kept: ClusterID? = nil
    ) throws {
        try NodeStorage<Ledger, Files>.refound(
            directory: "/d",
            files: files,
            settings: settings,
            identity: StorageIdentity(cluster: cluster(9), node: "a", replica: ReplicaID(high: 1, low: 9)),
            address: "a:1",
            machine: state.machine,
            index: state.last.index,
            clock: state.clock,
            keeping: kept
        )
    }

    private static func cluster(_ number: UInt64) -> ClusterID { ClusterID(high: 1, low: number) }

    private static func disk(seed: UInt64 = 1) throws -> SimulatedDisk {
        let disk = SimulatedDisk(generator: Xoshiro256(seed: seed))
        try disk.makeDirectory("/d")
        try disk.synchronizeDirectory("/")
        return disk
    }

    /// A log of several segments, with a snapshot of its beginning and one of entry 20. Its entries do nothing to the state.
    private static func create(_ disk: SimulatedDisk, cluster number: UInt64, replica: UInt64, last: UInt64) throws {
        let id = ReplicaID(high: 1, low: replica)
        let member = Member(id: id, name: "a", address: "a:1")
        let configuration = Configuration(members: [member], voters: [id])
        let secret = [UInt8](repeating: 7, count: LedgerBounds.secretBytes)
        let genesis = Genesis(clusterID: cluster(number), secret: secret)
        let payload = SnapshotPayload<Ledger>.encode(Ledger(genesis: genesis))
        let identity = StorageIdentity(cluster: cluster(number), node: "a", replica: id)
        var log = try Log.create(
            directory: "/d",
            files: disk,
            identity: identity,
            snapshot: SnapshotDescription(
                position: .zero,
                configuration: configuration,
                bytes: UInt64(payload.count)
            ),
            payload: payload,
            settings: settings
        )
        let state = HardState(term: Term(1), vote: id)
        for index in 1...last {
            let position = LogPosition(term: Term(1), index: LogIndex(index))
            let entry = Entry(position: position, payload: .configuration(configuration))
            try log.append(PersistRequest(number: index, hardState: state, entries: [entry]))
            try log.synchronize()
        }
        let position = LogPosition(term: Term(1), index: LogIndex(20))
        try log.beginSnapshot(SnapshotDescription(position: position, configuration: configuration, bytes: 0))
        try log.appendSnapshot(payload)
        _ = try log.finishSnapshot()
        log.close()
    }
}
