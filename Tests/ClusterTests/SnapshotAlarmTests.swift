import Testing

@testable import Cluster
@testable import Replica

/// A snapshot for which there is no room, as operators see it.
@Suite struct SnapshotAlarmTests {
    @Test func staysAnAlarmUntilOneIsKept() {
        var alarms = AlarmBook()
        for _ in 0..<2 {
            let (text, isOver) = alarms.take(.replica(.snapshotFailed("no space is left (write); make room.")))
            #expect(text.contains("make room") && !isOver)
            #expect(alarms.texts == [text])
        }
        let (_, isOver) = alarms.take(.replica(.snapshotKept))
        #expect(isOver)
        #expect(alarms.texts == [])
    }

    @Test func whoAsksForOneIsToldWhyThereIsNone() throws {
        let (shared, _) = try SharedNodeTests.node()
        let before = try #require(shared.withNode { $0.withReplica { $0.status } })
        #expect(Cluster.problem(before, before: before) == nil)
        var now = before
        now.snapshotFailure = "no space is left"
        #expect(Cluster.problem(now, before: before) == nil, "that one was made before")
        now.snapshotFailures += 1
        #expect(Cluster.problem(now, before: before)?.contains("no space is left") == true)
        now.isDiskFull = true
        #expect(Cluster.problem(now, before: before)?.contains("disk is full") == true)
    }
}
