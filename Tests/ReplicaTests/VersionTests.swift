import Ledger
import Raft
import Simulator
import Testing

@testable import Replica

@Suite("Releases of two versions side by side") struct VersionTests {
    private func group(_ settings: (inout ReplicaSettings) -> Void = { _ in }) throws -> TestGroup<LaterLedger> {
        try TestGroup<LaterLedger>(
            3,
            genesis: { LaterLedger(ledger: Ledger(genesis: $0.genesis)) },
            settings: settings
        )
    }

    private func version(_ group: TestGroup<LaterLedger>, _ place: Int) -> UInt32? {
        group.replica(place)?.machine?.version
    }

    @Test func aNewCommandIsUsedOnceAllMembersKnowIt() throws {
        let group = try group { $0.supportedVersionMax = Ledger.supportedVersion }
        _ = group.elected()
        let early = group.submit(0, [.mark(7)])
        group.wait { group.answers[early] != nil }
        #expect(group.failure(early) == .notSupported)
        // One after the other begins anew with the later release.
        for place in 0..<3 {
            group.run(500)
            #expect((0..<3).allSatisfy { version(group, $0) == Ledger.supportedVersion })
            group.crash(place)
            group.places[place].settings.supportedVersionMax = .max
            try group.start(place)
            _ = group.elected()
        }
        group.wait { (0..<3).allSatisfy { version(group, $0) == LaterLedger.supportedVersion } }
        let late = group.submit(1, [.mark(7), .known(.rotate(secret: Array(repeating: 1, count: 32)))])
        group.wait { group.answers[late] != nil }
        #expect(group.outputs(late)?.count == 2)
        group.converge()
    }

    @Test func aReplicaThatMeetsACommandItDoesNotKnowStopsAndSaysWhy() throws {
        // Founded in the earlier version, so that snapshot 0 can be read by the earlier release.
        let group = try group { $0.supportedVersionMax = Ledger.supportedVersion }
        _ = group.elected()
        for place in 0..<3 {
            group.crash(place)
            group.places[place].settings.supportedVersionMax = .max
            try group.start(place)
        }
        _ = group.elected()
        group.wait { (0..<3).allSatisfy { version(group, $0) == LaterLedger.supportedVersion } }
        let place = group.followers[0]
        group.crash(place)
        group.places[place].settings.supportedVersionMax = Ledger.supportedVersion
        let request = group.submit(group.elected(), [.mark(7)])
        group.wait { group.answers[request] != nil }
        try group.start(place)
        group.wait { group.places[place].stop != nil }
        guard case .undecodableEntry? = group.places[place].stop else {
            Issue.record("another reason: \(String(describing: group.places[place].stop))")
            return
        }
        #expect(group.places[place].stop?.explanation.contains("release") == true)
        let after = group.submit(group.elected(), [.mark(8)])
        group.wait { group.answers[after] != nil }
        #expect(group.outputs(after) != nil)
    }

    @Test func aReplicaStopsAtASnapshotOfALaterVersion() throws {
        let group = try group { $0.entriesKept = 0 }
        let leader = group.elected()
        group.wait { (0..<3).allSatisfy { version(group, $0) == LaterLedger.supportedVersion } }
        let place = group.followers[0]
        group.crash(place)
        group.places[place].settings.supportedVersionMax = Ledger.supportedVersion
        for _ in 0..<5 {
            let request = group.submit(group.elected(), [.mark(7)])
            group.wait { group.answers[request] != nil }
        }
        group.places[leader].node?.compact()
        group.wait { (group.replica(leader)?.raft.snapshot.position.index ?? .zero) > .zero }
        try group.start(place)
        group.wait { group.places[place].stop != nil }
        #expect(group.places[place].stop != nil)
    }
}
