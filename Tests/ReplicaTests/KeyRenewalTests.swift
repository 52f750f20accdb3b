import Ledger
import Raft
import Simulator
import Testing
import Wire

@testable import Replica

@Suite("Keys that a member has taken along") struct KeyRenewalTests {
    private typealias Group = TestGroup<Ledger>

    /// Has a follower leave, and returns its place.
    private func remove(_ group: Group, by leader: Int) throws -> Int {
        let place = group.followers[0]
        let id = try #require(group.replica(place)?.id)
        let request = group.change(leader, [.remove(id)])
        group.wait { group.answers[request] != nil }
        #expect(group.failure(request) == nil)
        group.crash(place)
        return place
    }

    private func isDue(_ group: Group, _ place: Int) -> Bool { group.replica(place)?.status.keysDueSince != nil }

    @Test func areDueUntilAnEpochBegins() throws {
        let group = try Group(3)
        let leader = group.elected()
        group.rotate(leader)
        #expect(!isDue(group, leader))
        _ = try remove(group, by: leader)
        #expect(group.replica(leader)?.status.renewsKeys == true)
        let other = group.followers[0]
        group.wait { isDue(group, other) }
        #expect(group.replica(other)?.status.renewsKeys == false, "it is the leader's turn")
        group.rotate(leader)
        group.converge()
        #expect(!isDue(group, leader) && !isDue(group, other))
        #expect(group.replica(leader)?.status.renewsKeys == false)
    }

    @Test func areRenewedByWhoeverLeadsNextAndOnce() throws {
        let group = try Group(5)
        let former = group.elected()
        let removed = try remove(group, by: former)
        // It dies between the two entries.
        group.crash(former)
        let leader = group.elected()
        #expect(leader != former && leader != removed)
        #expect(group.replica(leader)?.status.renewsKeys == true)
        group.rotate(leader)
        group.converge()
        try group.start(former)
        group.converge()
        #expect(group.places.indices.allSatisfy { $0 == removed || !isDue(group, $0) })
        // Nobody does it again: not the next leader, and not after a restart of all.
        group.crash(leader)
        #expect(group.replica(group.elected())?.status.renewsKeys == false)
        try group.start(leader)
        for place in group.places.indices { group.crash(place) }
        for place in group.places.indices where place != removed { try group.start(place) }
        #expect(group.replica(group.elected())?.status.renewsKeys == false)
    }

    @Test func areKnownToBeDueAfterARestartSinceNoSnapshotComesBetween() throws {
        let group = try Group(3) { $0.snapshotLogBytes = 1 }
        let leader = group.elected()
        group.rotate(leader)
        let removed = try remove(group, by: leader)
        let rest = group.places.indices.filter { $0 != removed }
        for place in rest { group.places[place].node?.compact() }
        group.run(1_000)
        for place in rest {
            let status = try #require(group.replica(place)?.status)
            #expect(status.snapshotIndex < (try #require(status.keysDueSince)))
            group.crash(place)
        }
        for place in rest { try group.start(place) }
        let next = group.elected()
        #expect(group.replica(next)?.status.renewsKeys == true)
        group.rotate(next)
        // Now one may be made, and it says that nothing is due.
        group.wait { group.replica(next)?.status.snapshotIndex == group.replica(next)?.appliedIndex }
        for place in rest { group.crash(place) }
        for place in rest { try group.start(place) }
        #expect(group.replica(group.elected())?.status.renewsKeys == false)
    }

    @Test func doNotKeepSnapshotsFromBeingMadeForEver() throws {
        let group = try Group(3)
        let leader = group.elected()
        _ = try remove(group, by: leader)
        group.places[leader].node?.compact()
        group.run(1_000)
        #expect(group.replica(leader)?.status.snapshotIndex == .zero)
        // Nobody renews them, as of an earlier release.
        group.wait(10_000) { group.replica(leader)?.status.snapshotIndex != .zero }
        #expect(isDue(group, leader), "and they are due all the same")
    }

    @Test func areNotTakenByWhoStaysOrComes() throws {
        let group = try Group(3)
        let leader = group.elected()
        let place = group.followers[0]
        let id = try #require(group.replica(place)?.id)
        for step in [ConfigurationChange.Step.demote(id), .promote(id)] {
            let request = group.change(leader, [step])
            group.wait { group.answers[request] != nil }
            #expect(group.failure(request) == nil)
        }
        let member = Member(id: ReplicaID(high: 9, low: 9), name: "z", address: "z:1")
        let request = group.change(leader, [.addLearner(member)])
        group.wait { group.answers[request] != nil }
        #expect(group.failure(request) == nil)
        #expect(group.places.indices.allSatisfy { !isDue(group, $0) })
    }
}
