import Ledger
import Raft
import Testing

@testable import Replica

@Suite("A snapshot for which there is no room") struct SnapshotFailureTests {
    private func hasFailed(_ group: TestGroup<Ledger>, _ place: Int) -> Bool {
        group.places[place].alarms.contains { if case .replica(.snapshotFailed) = $0 { true } else { false } }
    }

    @Test func isAnAlarmUntilOneIsKeptAndIsTriedAtOnceWhereSomebodyAsks() throws {
        let group = try TestGroup<Ledger>(1)
        _ = group.elected()
        group.rotate(0)
        let disk = group.places[0].disk
        disk.faults.capacityBytes = disk.usedBytes
        for failures in 1...2 as ClosedRange<UInt64> {
            group.places[0].node?.compact()
            group.wait(1_000) { group.replica(0)?.status.snapshotFailures == failures }
            #expect(group.replica(0)?.status.snapshotFailure?.contains("no space is left") == true)
        }
        #expect(hasFailed(group, 0))
        #expect(group.replica(0)?.isDiskFull == false, "the log has room")
        #expect(group.rotate(0) != nil)
        disk.faults.capacityBytes = nil
        group.places[0].node?.compact()
        group.wait(1_000) { group.places[0].alarms.last == .replica(.snapshotKept) }
        #expect(group.replica(0)?.status.snapshotFailure == nil)
        #expect(group.replica(0)?.status.snapshotFailures == 2)
        #expect(group.replica(0)?.status.snapshotIndex == group.replica(0)?.appliedIndex)
    }

    @Test func ofALeaderIsAnAlarmUntilItIsInstalled() throws {
        let group = try TestGroup<Ledger>(3) { $0.entriesKept = 1 }
        let leader = group.elected()
        let place = group.followers[0]
        group.rotate(leader)
        group.converge()
        group.crash(place)
        for _ in 0..<10 { group.rotate(leader) }
        group.places[leader].node?.compact()
        group.wait { group.replica(leader)?.status.snapshotIndex == group.replica(leader)?.appliedIndex }
        try group.start(place)
        let disk = group.places[place].disk
        disk.faults.capacityBytes = disk.usedBytes
        group.wait(60_000) { hasFailed(group, place) }
        #expect(group.replica(place)?.status.snapshotFailure != nil)
        disk.faults.capacityBytes = nil
        group.wait(60_000) { group.places[place].alarms.last == .replica(.snapshotKept) }
        #expect(group.replica(place)?.status.snapshotFailure == nil)
        group.converge()
    }
}
