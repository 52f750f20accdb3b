import Ledger
import Raft
import Simulator
import Testing
import Wire

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

    @Test func appliesTheLogToTheFetchedStateInManyTurns() throws {
        let group = try TestGroup<Ledger>(3) {
            $0.checkpointEntries = 8
            $0.turnBytesMax = 1
        }
        let leader = group.elected()
        let place = group.followers[0]
        for _ in 0..<10 { group.rotate(leader) }
        spoil(group, place)
        group.wait {
            if group.replica(place)?.status.hasDiverged != true { group.rotate(leader) }
            return group.replica(place)?.status.hasDiverged == true
        }
        // An entry a turn: others are heard between two of them.
        var turns = 0
        group.wait {
            if group.replica(place)?.divergence?.hasState == true { turns += 1 }
            return group.replica(place)?.status.hasDiverged == false
        }
        #expect(turns >= 10)
        group.converge()
    }

    @Test func asksAnotherWhereAStateCannotBeRead() throws {
        let (first, second) = (ReplicaID(high: 1, low: 1), ReplicaID(high: 2, low: 2))
        var pursuit = Divergence<Ledger>(
            index: LogIndex(8),
            digest: SlicedSnapshot.machine.digest,
            sources: [first, second],
            now: .zero
        )
        let payload = SlicedSnapshot.payload
        let position = SlicedSnapshot.position(3)
        func part(_ begin: Int, _ end: Int, _ data: [UInt8]? = nil) -> PeerMessage.StatePart {
            PeerMessage.StatePart(
                position: position,
                bytes: UInt64(payload.count),
                offset: UInt64(begin),
                data: data ?? Array(payload[begin..<end])
            )
        }
        func asked() -> ReplicaID? { pursuit.sourceToAsk(.zero, retryAfter: 1_000_000_000) }
        func arrives(_ part: PeerMessage.StatePart, from source: ReplicaID) -> Divergence<Ledger>.Arrival {
            pursuit.received(part, from: source, now: .zero)
        }
        #expect(asked() == first)
        #expect(arrives(part(0, 0, [0xFF, 0, 0, 0, 0, 0]), from: first) == .damage)
        #expect(asked() == second)
        // Read as it comes, in pieces of any size, each once.
        #expect(arrives(part(0, 3), from: first) == .nothing)
        #expect(arrives(part(0, 3), from: second) == .part)
        #expect(arrives(part(0, 3), from: second) == .nothing)
        #expect(arrives(part(3, payload.count - 1), from: second) == .part)
        #expect(!pursuit.hasState)
        #expect(arrives(part(payload.count - 1, payload.count), from: second) == .state)
        let state = pursuit.takeState()
        #expect(state?.machine.digest == SlicedSnapshot.machine.digest)
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

    @Test func aReplicaThatHasHealedDoesNotComeBackWithTheWrongState() throws {
        let group = try TestGroup<Ledger>(3) {
            $0.checkpointEntries = 8
            $0.snapshotLogBytes = 1
        }
        let leader = group.elected()
        let place = group.followers[0]
        for _ in 0..<10 { group.rotate(leader) }
        spoil(group, place)
        // Nothing is applied after the checkpoint that would call for another snapshot.
        group.wait {
            if group.replica(place)?.status.hasDiverged != true,
                (group.replica(leader)?.raft.lastPosition.index.rawValue ?? 0) % 8 != 0
            {
                group.rotate(leader)
            }
            return group.replica(place)?.status.hasDiverged == true
        }
        group.wait { group.replica(place)?.status.hasDiverged == false }
        group.run(1_000)
        group.crash(place)
        try group.start(place)
        group.wait {
            group.replica(place)?.appliedIndex != .zero
                && group.replica(place)?.appliedIndex == group.replica(leader)?.appliedIndex
        }
        #expect(group.replica(place)?.machine?.digest == group.replica(leader)?.machine?.digest)
    }

    @Test func twoThatDifferDecideNothingUntilTheThirdIsHeard() throws {
        let group = try group()
        let leader = group.elected()
        let (place, down) = (group.followers[0], group.followers[1])
        for _ in 0..<10 { group.rotate(leader) }
        group.crash(down)
        spoil(group, place)
        let isDisputed = { (place: Int) in
            group.places[place].alarms.contains { if case .replica(.noAgreement(true, _)) = $0 { true } else { false } }
        }
        group.wait(20_000) {
            if !isDisputed(leader) { _ = group.submit(leader, [TestGroup<Ledger>.rotate]) }
            return isDisputed(leader) && isDisputed(place)
        }
        let request = group.submit(leader, [TestGroup<Ledger>.rotate])
        let read = group.read(leader)
        group.run(10)
        #expect(group.failure(request) == .diverged)
        #expect(group.failure(read) == .diverged)
        try group.start(down)
        group.wait(20_000) {
            group.places[leader].alarms.contains {
                if case .replica(.noAgreement(false, _)) = $0 { true } else { false }
            }
        }
        group.wait(20_000) {
            group.replica(place)?.status.hasDiverged == false && group.replica(place)?.isStateDoubtful == false
        }
        group.rotate(group.elected())
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
                if case .replica(.noAgreement(true, _)) = $0 { true } else { false }
            }
        }
    }
}
