import Ledger
import Raft
import Simulator
import Testing

@testable import Replica

@Suite("A replica whose state differs") struct DivergenceTests {
    private func group() throws -> TestGroup<Ledger> {
        try TestGroup<Ledger>(3) { $0.checkpointEntries = 8 }
    }

    /// What a fault of memory could do: the state of another cluster, with nothing applied.
    private func spoil(_ group: TestGroup<Ledger>, _ place: Int) {
        group.places[place].node?.replica?.machine = Ledger(
            genesis: Genesis(clusterID: .init(high: 6, low: 6), secret: Array(repeating: 6, count: 32))
        )
    }

    @Test func saysSoAnswersNothingAndFetchesTheMajoritysState() throws {
        let group = try group()
        let leader = group.elected()
        let place = group.followers[0]
        for _ in 0..<10 { group.rotate(leader) }
        spoil(group, place)
        group.wait {
            if group.replica(place)?.status.hasDiverged != true { _ = group.submit(leader, [TestGroup<Ledger>.rotate]) }
            return group.replica(place)?.status.hasDiverged == true
        }
        let read = group.read(place)
        #expect(group.failure(read) == .diverged)
        group.wait { group.replica(place)?.status.hasDiverged == false }
        let alarms = group.places[place].alarms
        #expect(alarms.count == 2)
        group.converge()
        #expect(group.rotate(place) != nil)
        group.converge()
        // The state on disk is right too.
        group.wait { (group.replica(place)?.raft.snapshot.position.index ?? .zero) > .zero }
        group.crash(place)
        try group.start(place)
        group.converge()
    }

    @Test func doesNotVoteMeanwhileNorLead() throws {
        let group = try group()
        let leader = group.elected()
        for _ in 0..<10 { group.rotate(leader) }
        spoil(group, leader)
        // It may not fetch a state.
        group.carries = { from, to, message in
            guard case .peer(let peer) = message else { return true }
            switch peer.payload {
            case .stateRequest, .statePart: return false
            default: return true
            }
        }
        let other = group.followers[0]
        group.wait {
            if group.replica(leader)?.status.hasDiverged != true { _ = group.submit(other, [TestGroup<Ledger>.rotate]) }
            return group.replica(leader)?.status.hasDiverged == true
        }
        group.wait { group.leader.map { $0 != leader } ?? false }
        // Alone with one of the others it gives no majority.
        let rest = (0..<3).filter { $0 != leader }
        group.crash(rest[0])
        group.run(2_000)
        #expect(group.leader == nil)
        group.carries = { _, _, _ in true }
        try group.start(rest[0])
        _ = group.elected()
        group.wait { group.replica(leader)?.status.hasDiverged == false }
        group.converge()
    }

    @Test func withoutAMajorityAnAlarmSaysSo() throws {
        let group = try group()
        let leader = group.elected()
        for _ in 0..<10 { group.rotate(leader) }
        spoil(group, group.followers[0])
        group.places[group.followers[1]].node?.replica?.machine = Ledger(
            genesis: Genesis(clusterID: .init(high: 7, low: 7), secret: Array(repeating: 7, count: 32))
        )
        group.wait {
            _ = group.submit(leader, [TestGroup<Ledger>.rotate])
            return group.places[leader].alarms.contains {
                if case .replica(.noAgreement) = $0 { true } else { false }
            }
        }
    }
}
