import Ledger
import Raft
import Testing
import Wire

@testable import Replica

/// What is remembered of snapshots that could not be kept.
@Suite struct SnapshotProgressTests {
    private static let pause: UInt64 = 10

    private func refuse(
        _ progress: inout SnapshotProgress<Ledger>,
        at now: UInt64,
        appliedIndex: UInt64
    ) -> Bool {
        progress.isRefusalNews(
            BootTime(nanoseconds: now),
            "theirs",
            appliedIndex: LogIndex(appliedIndex),
            pause: Self.pause
        )
    }

    /// One is kept; or so much is applied.
    private func end(_ progress: inout SnapshotProgress<Ledger>, appliedIndex: UInt64? = nil) -> Bool {
        appliedIndex.map { progress.endFailure(appliedIndex: LogIndex($0)) } ?? progress.endFailure()
    }

    @Test func aLeadersThatIsNotNeededAnyMoreDoesNotEndTheFailureOfAnOwnOne() {
        var progress = SnapshotProgress<Ledger>(now: .zero)
        progress.begin()
        progress.failed(.zero, "own")
        #expect(refuse(&progress, at: 1, appliedIndex: 5))
        #expect(progress.failure == "theirs")
        #expect(!end(&progress, appliedIndex: 5))
        #expect(!end(&progress, appliedIndex: 6))
        #expect(progress.failure == "own" && progress.isWanted)
        #expect(end(&progress))
        #expect(progress.failure == nil)
    }

    @Test func anOwnFailureDoesNotHideThatALeadersIsStillNeeded() {
        var progress = SnapshotProgress<Ledger>(now: .zero)
        #expect(refuse(&progress, at: 1, appliedIndex: 5))
        progress.begin()
        progress.failed(.zero, "own")
        #expect(!end(&progress, appliedIndex: 6))
        #expect(progress.failure == "own")
    }

    @Test func aRefusalIsToldOnceAPauseAndAnewAfterItsEnd() {
        var progress = SnapshotProgress<Ledger>(now: .zero)
        #expect(refuse(&progress, at: 1, appliedIndex: 5))
        #expect(!refuse(&progress, at: 2, appliedIndex: 5))
        #expect(refuse(&progress, at: 1 + Self.pause, appliedIndex: 5))
        #expect(end(&progress, appliedIndex: 6), "it is told that this is over")
        #expect(refuse(&progress, at: 2 + Self.pause, appliedIndex: 6), "and so that it is not")
        #expect(end(&progress))
        #expect(refuse(&progress, at: 3 + Self.pause, appliedIndex: 6))
    }
}
