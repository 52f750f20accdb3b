import Ledger
import Raft
import RaftStorage
import Simulator
import Testing
import Wire

@testable import Replica

/// What is damaged is set aside, and what can be read of it is of use.
@Suite("A damaged log") struct DamageTests {
    private typealias Log = LogStorage<SimulatedDisk>

    private static let settings: StorageSettings = {
        var settings = StorageSettings()
        settings.segmentBytes = 1 << 12
        return settings
    }()

    // MARK: - A node

    @Test func whatCanBeReadOfADamagedLogIsThereAfterItsNodeHasBegunAnew() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        let place = group.followers[0]
        for _ in 0..<5 { group.rotate(place) }
        group.converge()
        let before = try #require(group.replica(place)?.id)
        let end = try #require(group.replica(place)?.raft.lastPosition.index)
        group.crash(place, .losesNothing)
        group.places[place].disk.flipLastByte(of: "/data/log")
        try group.start(place)
        group.wait { group.places[place].node?.isWaiting == true }
        #expect(group.replica(leader)?.id != before)
        group.crash(place)
        let disk = group.places[place].disk
        #expect(try disk.list("/data/damaged-1") == ["clock", "log", "snapshots"])
        let (state, left) = try NodeStorage<Ledger, SimulatedDisk>.surveyAll(
            directory: "/data",
            files: disk,
            settings: StorageSettings()
        )
        #expect(state.directory == "/data/damaged-1")
        #expect(left.map(\.directory) == ["/data"] && left.first?.state == nil)
        #expect(state.damage != nil)
        #expect(state.identity.replica == before)
        #expect(state.last.index <= end && state.last.index.rawValue + 2 >= end.rawValue)
        #expect(state.configuration.voters.count == 3)
        #expect(state.clock != nil)
        let known = try #require(group.replica(leader)?.machine?.facts)
        #expect(state.machine.facts.secret == known.secret)
        #expect(state.machine.facts.epochs.last.map { $0.number >= 5 } == true)
    }

    @Test func ofASnapshotThatIsDamagedTheOneBeforeItAndTheLogAreRead() throws {
        let group = try TestGroup<Ledger>(3) {
            $0.snapshotLogBytes = 1_000
            $0.entriesKept = 1_000
        }
        _ = group.elected()
        let place = group.followers[0]
        for _ in 0..<60 { group.rotate(place) }
        group.converge()
        let rotations = group.rotations(place)
        let newest = try #require(group.replica(place)?.raft.snapshot.position)
        group.crash(place, .losesNothing)
        let disk = group.places[place].disk
        let path = StoragePaths(directory: "/data").snapshot(newest)
        disk.flip(path, bit: 3, at: try #require(disk.bytes(of: path)) - 1)
        let state = try NodeStorage<Ledger, SimulatedDisk>.survey(
            directory: "/data",
            files: disk,
            settings: StorageSettings()
        )
        #expect(state.damage?.path == path)
        #expect(state.snapshot.index < newest.index && state.last.index >= newest.index)
        #expect(state.machine.facts.epochs.last.map { $0.number - 1 } == rotations)
    }

    @Test func theLastVoterOfAGroupDoesNotBeginAnew() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        for follower in group.followers {
            let id = try #require(group.replica(follower)?.id)
            let removed = group.change(leader, [.remove(id)])
            group.wait { group.answers[removed] != nil }
            #expect(group.failure(removed) == nil)
            group.crash(follower)
        }
        for _ in 0..<3 { group.rotate(leader) }
        group.crash(leader, .losesNothing)
        let disk = group.places[leader].disk
        disk.flipLastByte(of: "/data/log")
        let files = disk.coldFiles
        try group.start(leader)
        guard case .lostAlone? = group.places[leader].stop else {
            Issue.record("it goes on: \(String(describing: group.places[leader].stop))")
            return
        }
        group.run(1_000)
        #expect(group.places[leader].stop?.explanation.contains("tollgate recover") == true)
        #expect(disk.coldFiles == files, "nothing was moved")
        #expect(group.places[leader].alarms.isEmpty, "nobody is told that it waits, or that something was moved")
    }

    // MARK: - The files

    @Test func theNewestTwoThatHoldAStateAreKept() throws {
        let disk = try Self.disk()
        for number in 1...4 {
            try Self.create(disk, number)
            disk.flipLastByte(of: "/d/log")
            try Log.setAside(directory: "/d", files: disk)
            // Of a replica that waits.
            try Self.create(disk, 100, configuration: .empty)
            disk.flipLastByte(of: "/d/log")
            try Log.setAside(directory: "/d", files: disk)
        }
        #expect(try disk.list("/d").filter { $0.hasPrefix("damaged") } == ["damaged-3", "damaged-4"])
        let places = try Log.setAside(in: "/d", files: disk)
        #expect(places == ["/d/damaged-4", "/d/damaged-3"])
        #expect(try places.map { try Log.salvage(directory: $0, files: disk)?.identity.cluster.low } == [4, 3])
    }

    @Test(arguments: [PowerCut.losesAll, .losesSome, .losesNothing])
    func aCrashWhileItIsSetAsideLosesNothing(_ mode: PowerCut) throws {
        var crashes = 0
        for seed in 1...(mode == .losesSome ? 4 : 1) {
            for call in 0..<200 {
                let disk = try Self.disk(seed: UInt64(seed))
                try Self.create(disk, 1)
                disk.flipLastByte(of: "/d/log")
                let whole = try #require(try Log.salvage(directory: "/d", files: disk))
                #expect(whole.entries.count > 20)
                disk.faults.callsToPowerCut = call
                let isDone = (try? Log.setAside(directory: "/d", files: disk)) != nil
                disk.faults.callsToPowerCut = nil
                disk.cutPower(mode)
                disk.restart()
                if !isDone { crashes += 1 }
                try Self.beginAnew(disk)
                let places = try Log.setAside(in: "/d", files: disk)
                #expect(places == ["/d/damaged-1"], "the power fails at call \(call)")
                #expect(try Log.salvage(directory: "/d/damaged-1", files: disk) == whole, "at call \(call)")
                #expect(try !disk.list("/d/damaged-1").contains("moving"))
                if isDone { break }
            }
        }
        #expect(crashes > 10)
    }

    /// As a node does it that begins anew: what cannot be opened is set aside.
    private static func beginAnew(_ disk: SimulatedDisk) throws {
        do {
            _ = try Log.open(directory: "/d", files: disk, settings: settings)
            Issue.record("a damaged log was opened")
        } catch StorageError.absent {
            try Log.finishSettingAside(directory: "/d", files: disk)
        } catch StorageError.damaged {
            try Log.setAside(directory: "/d", files: disk)
        }
        try create(disk, 2)
    }

    private static func disk(seed: UInt64 = 1) throws -> SimulatedDisk {
        let disk = SimulatedDisk(generator: Xoshiro256(seed: seed))
        try disk.makeDirectory("/d")
        try disk.synchronizeDirectory("/")
        return disk
    }

    /// A log of several segments, and two snapshots.
    private static func create(_ disk: SimulatedDisk, _ number: Int, configuration: Configuration? = nil) throws {
        let id = ReplicaID(high: 1, low: UInt64(number))
        let members = configuration ?? Configuration(members: [Member(id: id, name: "a", address: "a:1")], voters: [id])
        var log = try Log.create(
            directory: "/d",
            files: disk,
            identity: StorageIdentity(cluster: ClusterID(high: 1, low: UInt64(number)), node: "a", replica: id),
            snapshot: SnapshotDescription(position: .zero, configuration: members, bytes: 1),
            payload: [1],
            settings: settings
        )
        for index in 1...30 {
            let position = LogPosition(term: Term(1), index: LogIndex(UInt64(index)))
            let entry = Entry(position: position, payload: .command([UInt8](repeating: UInt8(index), count: 300)))
            let state = HardState(term: Term(1), vote: id)
            try log.append(PersistRequest(number: UInt64(index), hardState: state, entries: [entry]))
            try log.synchronize()
        }
        if configuration == nil {
            let position = LogPosition(term: Term(1), index: LogIndex(4))
            try log.beginSnapshot(SnapshotDescription(position: position, configuration: members, bytes: 0))
            try log.appendSnapshot([2])
            _ = try log.finishSnapshot()
        }
        log.close()
    }
}

extension SimulatedDisk {
    /// Flips a bit of the last byte that was written of a log.
    func flipLastByte(of folder: String) {
        do {
            let name = try #require(try list(folder).last)
            let file = try open("\(folder)/\(name)", .read)
            let bytes = try read(file, at: 0, count: Int(try length(file)))
            close(file)
            flip("\(folder)/\(name)", bit: 2, at: try #require(bytes.lastIndex { $0 != 0 }))
        } catch {
            Issue.record("\(error)")
        }
    }
}
