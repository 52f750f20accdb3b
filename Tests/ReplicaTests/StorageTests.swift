import Ledger
import Raft
import RaftStorage
import Simulator
import Testing
import Wire

@testable import Replica

@Suite("A replica and its disk") struct StorageTests {
    @Test func aFullDiskStopsAcceptingSaysSoAndGoesOnByItself() throws {
        let group = try TestGroup<Ledger>(1)
        _ = group.elected()
        #expect(group.rotate(0) == 2)
        let disk = group.places[0].disk
        disk.faults.capacityBytes = disk.usedBytes
        var requests: [RequestID] = []
        group.wait(20_000) {
            requests.append(group.submit(0, Array(repeating: TestGroup<Ledger>.rotate, count: 40)))
            return group.replica(0)?.isDiskFull == true
        }
        #expect(group.places[0].alarms.contains(.replica(.diskFull(true))))
        let refused = group.submit(0, [TestGroup<Ledger>.rotate])
        disk.faults.capacityBytes = nil
        group.wait { group.replica(0)?.isDiskFull == false }
        #expect(group.places[0].alarms.last == .replica(.diskFull(false)))
        group.wait { requests.allSatisfy { group.answers[$0] != nil } && group.answers[refused] != nil }
        #expect(group.failure(refused) == .overloaded)
        let done = requests.count { group.outputs($0) != nil }
        #expect(group.rotations(0).map(Int.init) == 1 + 40 * done)
        #expect(group.rotate(0) != nil)
        #expect(group.places[0].stop == nil)
    }

    @Test func aLeaderWithAFullDiskHandsOver() throws {
        try othersGoOn(without: { group, leader in
            let disk = group.places[leader].disk
            disk.faults.capacityBytes = disk.usedBytes
        })
    }

    @Test func aLeaderWhoseDiskStandsStillIsReplaced() throws {
        try othersGoOn(without: { group, leader in group.places[leader].isDiskHeld = true })
    }

    /// Two of three disks are well, and what a client asks a follower is decided again soon.
    private func othersGoOn(without stick: (TestGroup<Ledger>, Int) -> Void) throws {
        let group = try TestGroup<Ledger>(3) { $0.raft.unpersistedBytesMax = 20_000 }
        let leader = group.elected()
        let follower = group.followers[0]
        group.rotate(follower)
        stick(group, leader)
        // More than the leader holds for its disk.
        group.wait(20_000) {
            _ = group.submit(follower, Array(repeating: TestGroup<Ledger>.rotate, count: 40))
            return group.leader != leader
        }
        group.run(2_000)
        let request = group.submit(follower, [TestGroup<Ledger>.rotate])
        group.wait { group.answers[request] != nil }
        #expect(group.outputs(request) != nil)
    }

    @Test func whatWaitsForRoomOnTheDiskDoesNotGrow() throws {
        let group = try TestGroup<Ledger>(1) {
            $0.fullDiskRetry = 10 * millisecond
            $0.clockRecordInterval = 20 * millisecond
        }
        _ = group.elected()
        let disk = group.places[0].disk
        disk.faults.capacityBytes = disk.usedBytes
        group.wait(20_000) {
            _ = group.submit(0, Array(repeating: TestGroup<Ledger>.rotate, count: 40))
            return group.replica(0)?.isDiskFull == true
        }
        group.run(100)
        let held = group.places[0].storage?.heldCount
        group.run(2_000)
        #expect(group.places[0].storage?.heldCount == held)
        #expect(group.places[0].alarms.count { $0 == .replica(.diskFull(true)) } == 1)
    }

    @Test func aBadSectorInASnapshotEndsNobody() throws {
        let group = try TestGroup<Ledger>(3) {
            $0.snapshotLogBytes = 1
            $0.entriesKept = 1
        }
        let leader = group.elected()
        let place = group.followers[0]
        group.rotate(leader)
        group.crash(place)
        for _ in 0..<20 { group.rotate(leader) }
        group.run(50)
        group.places[leader].disk.faults.failing = .read
        try group.start(place)
        group.wait { !group.places[place].restored.isEmpty }
        #expect(group.places[leader].stop == nil)
        #expect(group.places[leader].disk.faults.failing == nil, "the fault was met")
    }

    @Test func aFailedSynchronizationEndsTheReplicaAndNothingIsAcknowledged() throws {
        let group = try TestGroup<Ledger>(1)
        _ = group.elected()
        group.rotate(0)
        group.places[0].disk.faults.failing = .synchronize
        let request = group.submit(0, [TestGroup<Ledger>.rotate])
        group.run(50)
        #expect(group.answers[request] == nil)
        guard case .storageFailed? = group.places[0].stop else {
            Issue.record("it goes on: \(String(describing: group.places[0].stop))")
            return
        }
        let later = group.submit(0, [TestGroup<Ledger>.rotate])
        group.run(3_000)
        #expect(group.answers[later] == nil, "nothing is answered any more")
    }

    @Test func anErrorWhileTermAndVoteAreSavedIsNotIgnored() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        let voter = group.followers[0]
        group.isolate(leader)
        group.isolate(group.followers[1])
        group.run(10)
        group.cut = []
        group.isolate(leader)
        group.places[voter].disk.faults.failing = .synchronize
        var granted = 0
        group.carries = { from, _, message in
            if from == voter, case .peer(let peer) = message, case .raft(let raft) = peer.payload,
                case .voteResponse(let response) = raft.body, response.granted, !response.isPreVote
            {
                granted += 1
            }
            return true
        }
        group.run(2_000)
        #expect(granted == 0)
        #expect(group.places[voter].stop != nil)
    }

    @Test func aFollowerThatIsFarBehindGetsASnapshotInParts() throws {
        let group = try TestGroup<Ledger>(3) {
            $0.snapshotLogBytes = 1_000
            $0.entriesKept = 2
            $0.raft.snapshotChunkBytes = 100
        }
        let leader = group.elected()
        let place = group.followers[0]
        group.rotate(leader)
        group.crash(place)
        for _ in 0..<60 { group.rotate(leader) }
        #expect((group.replica(leader)?.raft.firstIndex.rawValue ?? 0) > 10)
        try group.start(place)
        group.converge()
        #expect(!group.places[place].restored.isEmpty)
        #expect(group.rotations(place) == 61)
        group.crash(place)
        try group.start(place)
        group.converge()
        #expect(group.places[place].alarms == [])
    }

    @Test func aSnapshotThatCannotBeReadAnyMoreIsMadeAnew() throws {
        let group = try TestGroup<Ledger>(3) {
            $0.snapshotLogBytes = 1
            $0.entriesKept = 1
        }
        let leader = group.elected()
        let place = group.followers[0]
        group.rotate(leader)
        group.crash(place)
        for _ in 0..<20 { group.rotate(leader) }
        let position = try #require(group.replica(leader)?.raft.snapshot.position)
        group.wait { group.replica(leader)?.appliedIndex == position.index }
        let path = StoragePaths(directory: "/data").snapshot(position)
        group.places[leader].disk.flip(path, bit: 3, at: try #require(group.places[leader].disk.bytes(of: path)) - 1)
        // Nothing is applied meanwhile that would call for the next snapshot.
        group.carries = { from, _, message in
            guard from == place, case .peer(let peer) = message, case .forward = peer.payload else { return true }
            return false
        }
        try group.start(place)
        group.wait { group.places[place].restored == [position.index] }
        #expect(group.replica(leader)?.raft.snapshot.position == position)
        #expect(group.rotations(place) == 21)
        group.carries = { _, _, _ in true }
        group.converge()
        // The file is good again: the leader starts from it.
        group.crash(leader)
        try group.start(leader)
        group.converge()
        #expect(group.places[leader].alarms == [])
    }

    /// The system has more than the disk when only the process ends.
    @Test func aCreationInWhichTheProcessEndedIsNotForgottenOnceItWasOpened() throws {
        let id = ReplicaID(high: 1, low: 1)
        let configuration = Configuration(members: [Member(id: id, name: "a", address: "a:1")], voters: [id])
        var opened = 0
        for call in 0..<100 {
            let disk = SimulatedDisk(generator: Xoshiro256(seed: 1))
            try disk.makeDirectory("/d")
            try disk.synchronizeDirectory("/")
            disk.faults.callsToKill = call
            let created = try? LogStorage.create(
                directory: "/d",
                files: disk,
                identity: StorageIdentity(cluster: ClusterID(high: 1, low: 1), node: "a", replica: id),
                snapshot: SnapshotDescription(position: .zero, configuration: configuration, bytes: 1),
                payload: [1],
                settings: StorageSettings()
            )
            guard created == nil else { break }
            disk.crashProcess()
            let files = StorageSettings()
            guard var log = try? LogStorage.open(directory: "/d", files: disk, settings: files).storage else {
                continue
            }
            opened += 1
            let state = HardState(term: Term(7), vote: id)
            try log.append(PersistRequest(number: 1, hardState: state, entries: []))
            try log.synchronize()
            disk.cutPower(.losesAll)
            disk.restart()
            let again = try LogStorage.open(directory: "/d", files: disk, settings: files)
            #expect(again.recovered.restored.hardState == state, "killed at call \(call)")
        }
        #expect(opened > 0)
    }

    @Test func aReplicaStartsFromItsOwnSnapshotAndTheLogAfterIt() throws {
        let group = try TestGroup<Ledger>(1) {
            $0.snapshotLogBytes = 1_000
            $0.entriesKept = 0
        }
        _ = group.elected()
        for _ in 0..<50 { group.rotate(0) }
        let digest = group.replica(0)?.machine?.digest
        #expect((group.replica(0)?.raft.snapshot.position.index ?? .zero) > .zero)
        group.crash(0)
        try group.start(0)
        group.wait { group.rotations(0) == 50 }
        _ = group.elected()
        group.wait { group.replica(0)?.machine?.session(of: group.replica(0)!.id) != nil }
        #expect(digest != nil && group.replica(0)?.machine?.digest != digest, "the new boot's session is in it")
        #expect(group.rotate(0) == 52)
    }

    @Test func aDamagedLogMakesAnotherReplicaThatWaitsToBeAdmitted() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        let place = group.followers[0]
        for _ in 0..<5 { group.rotate(place) }
        let before = try #require(group.replica(place)?.id)
        group.crash(place)
        let log = try #require(group.places[place].disk.coldFiles.first { $0.hasSuffix(".log") })
        group.places[place].disk.flip(log, bit: 3, at: 700)
        try group.start(place)
        group.wait { group.places[place].node?.isWaiting == true }
        let after = try #require(group.replica(place)?.id)
        #expect(after != before)
        guard case .damaged? = group.places[place].alarms.first else {
            Issue.record("nobody is told: \(group.places[place].alarms)")
            return
        }
        group.run(1_000)
        #expect(group.replica(place)?.raft.vote == nil)
        let applicant = group.places[leader].node?.applicants.last
        #expect(applicant?.name == group.places[place].name)
        #expect(applicant?.replica == after)
        #expect(applicant?.address == "\(group.places[place].name):1")
        // The operator has it replaced.
        let name = group.places[place].name
        let steps: [ConfigurationChange.Step] = [
            .remove(before), .addLearner(Member(id: after, name: name, address: "\(name):1")),
        ]
        let replaced = group.change(leader, steps)
        group.wait { group.answers[replaced] != nil }
        #expect(group.failure(replaced) == nil)
        group.wait { group.rotations(place) == 5 }
        // Until the leader knows.
        group.run(200)
        let promoted = group.change(leader, [.promote(after)])
        group.wait { group.answers[promoted] != nil }
        #expect(group.failure(promoted) == nil)
        #expect(group.rotate(place) == 7)
        group.converge()
        #expect(group.replica(leader)?.raft.configuration.voters.contains(after) == true)
    }

    @Test func aLoneNodeWithADamagedLogStopsAndSaysWhatToDo() throws {
        let group = try TestGroup<Ledger>(1)
        _ = group.elected()
        for _ in 0..<5 { group.rotate(0) }
        group.crash(0)
        let log = try #require(group.places[0].disk.coldFiles.first { $0.hasSuffix(".log") })
        group.places[0].disk.flip(log, bit: 3, at: 700)
        try group.start(0)
        guard case .lostAlone? = group.places[0].stop else {
            Issue.record("it goes on: \(String(describing: group.places[0].stop))")
            return
        }
        #expect(group.places[0].stop?.explanation.contains("backup") == true)
    }

    @Test func aNewNodeIsAdmittedCatchesUpAndVotes() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        for _ in 0..<5 { group.rotate(leader) }
        let place = try group.addPlace("z")
        group.wait { group.places[place].node?.isWaiting == true }
        let id = try #require(group.replica(place)?.id)
        let added = group.change(leader, [.addLearner(Member(id: id, name: "z", address: "z:1"))])
        group.wait { group.answers[added] != nil }
        group.wait { group.rotations(place) == 5 }
        // Until the leader knows.
        group.run(200)
        let promoted = group.change(leader, [.promote(id)])
        group.wait { group.answers[promoted] != nil }
        guard case .success(.changed(let configuration))? = group.answers[promoted] else {
            Issue.record("not promoted: \(String(describing: group.answers[promoted]))")
            return
        }
        #expect(configuration.voters.count == 4 && !configuration.isJoint)
        #expect(group.rotate(place) == 7)
        group.converge()
    }

    @Test func onlyTheLeaderChangesTheMembership() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        let id = try #require(group.replica(leader)?.id)
        let asked = group.change(group.followers[0], [.remove(id)])
        #expect(group.failure(asked) == .notLeader(id))
    }
}
