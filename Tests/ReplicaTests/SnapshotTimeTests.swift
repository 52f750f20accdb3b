import Ledger
import Raft
import Simulator
import Testing
import Wire

@testable import Replica

/// When snapshots are made, and what goes on while they are.
@Suite("When a snapshot is made") struct SnapshotTimeTests {
    private func snapshotIndex(_ group: TestGroup<Ledger>, _ place: Int) -> LogIndex {
        group.replica(place)?.raft.snapshot.position.index ?? .zero
    }

    @Test func oneIsMadeOfSoManyBytesOrHalfAsMany() throws {
        let group = try TestGroup<Ledger>(1) { $0.snapshotLogBytes = 20_000 }
        _ = group.elected()
        var bytes = 0
        var applied = group.places[0].applied.count
        while snapshotIndex(group, 0) == .zero, bytes < 40_000 {
            #expect(bytes < 20_000)
            group.rotate(0)
            // Small entries take more memory than their bytes.
            for report in group.places[0].applied[applied...] {
                bytes += report.batch.encode().count + ReplicaSettings.entryOverheadBytes
            }
            applied = group.places[0].applied.count
        }
        #expect(bytes >= 10_000)
    }

    @Test func oneIsMadeWhenTheLastIsOldAndSomethingWasApplied() throws {
        let group = try TestGroup<Ledger>(1) {
            $0.snapshotLogBytes = .max
            $0.snapshotAge = 20 * second
        }
        _ = group.elected()
        group.rotate(0)
        let began = group.now
        group.wait(30_000) { snapshotIndex(group, 0) > .zero }
        #expect(group.now - began >= 9 * second && group.now - began <= 20 * second)
        group.run(100)
        // Nothing is applied: the next one would be the same.
        let first = snapshotIndex(group, 0)
        group.run(30_000)
        #expect(snapshotIndex(group, 0) == first)
        group.rotate(0)
        group.wait(30_000) { snapshotIndex(group, 0) > first }
    }

    @Test func replicasThatApplyTheSameWriteAtDifferentTimes() throws {
        let group = try TestGroup<Ledger>(3) { $0.snapshotLogBytes = 4_000 }
        let leader = group.elected()
        var begun: [Set<UInt64>] = [[], [], []]
        for _ in 0..<300 {
            group.rotate(leader)
            for place in 0..<3 { begun[place].insert(snapshotIndex(group, place).rawValue) }
        }
        for place in 0..<3 { #expect(begun[place].count > 3) }
        let common = begun[0].intersection(begun[1]).intersection(begun[2])
        #expect(common.isSubset(of: [0]))
    }

    @Test func theGroupGoesOnWhileItsSnapshotsAreWritten() throws {
        let group = try TestGroup<Ledger>(3) { $0.entriesKept = 0 }
        let leader = group.elected()
        for place in 0..<3 { group.places[place].isSnapshotHeld = true }
        for _ in 0..<10 { group.rotate(leader) }
        group.converge()
        let applied = try #require(group.replica(leader)?.appliedIndex)
        for place in 0..<3 {
            group.places[place].node?.compact()
            group.pump(place)
            #expect(group.places[place].storage?.isWritingSnapshot == true)
        }
        for _ in 0..<10 { group.rotate(group.followers[0]) }
        for place in 0..<3 { #expect(snapshotIndex(group, place) == .zero) }
        for place in 0..<3 { group.places[place].isSnapshotHeld = false }
        group.wait { (0..<3).allSatisfy { snapshotIndex(group, $0) == applied } }
        group.converge()
        // What came after the copy is in the log, and not in the file.
        for place in 0..<3 { group.crash(place) }
        for place in 0..<3 { try group.start(place) }
        _ = group.elected()
        group.wait { group.rotations(0) == 20 }
        group.converge()
    }

    @Test func aReplicaThatEndsWhileItWritesStartsFromTheSnapshotBefore() throws {
        let group = try TestGroup<Ledger>(1)
        _ = group.elected()
        for _ in 0..<5 { group.rotate(0) }
        group.places[0].isSnapshotHeld = true
        group.places[0].node?.compact()
        group.pump(0)
        #expect(group.places[0].storage?.isWritingSnapshot == true)
        group.rotate(0)
        group.crash(0, .losesNothing)
        group.places[0].isSnapshotHeld = false
        try group.start(0)
        _ = group.elected()
        #expect(group.rotations(0) == 6)
        #expect(snapshotIndex(group, 0) == .zero)
        #expect(try group.places[0].disk.list("/data/snapshots").count == 1)
        group.places[0].node?.compact()
        group.wait { snapshotIndex(group, 0) > .zero }
    }

    @Test func aLeadersSnapshotComesBetweenAndNobodyIsAlarmed() throws {
        let group = try TestGroup<Ledger>(3) { $0.entriesKept = 0 }
        let leader = group.elected()
        let place = group.followers[0]
        for _ in 0..<5 { group.rotate(leader) }
        group.converge()
        group.places[place].isSnapshotHeld = true
        group.places[place].node?.compact()
        group.pump(place)
        group.isolate(place)
        for _ in 0..<10 { group.rotate(leader) }
        group.places[leader].node?.compact()
        group.wait { snapshotIndex(group, leader) > .zero }
        #expect(group.places[place].storage?.isWritingSnapshot == true)
        group.cut = []
        group.wait { !group.places[place].restored.isEmpty }
        #expect(group.places[place].storage?.isWritingSnapshot == false)
        group.places[place].isSnapshotHeld = false
        group.converge()
        #expect(group.rotations(place) == 15)
        #expect(group.places[place].alarms == [])
        // Its own are made again.
        group.rotate(leader)
        group.converge()
        let before = snapshotIndex(group, place)
        group.places[place].node?.compact()
        group.wait { snapshotIndex(group, place) > before }
    }
}
