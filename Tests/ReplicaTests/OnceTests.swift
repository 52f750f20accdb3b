import Ledger
import Raft
import Simulator
import Testing
import Wire

@testable import Replica

@Suite("A command is applied once") struct OnceTests {
    /// The opening of a session by another boot of a replica.
    private func opening(_ owner: ReplicaID) -> [UInt8] {
        Ledger.encode([.openSession(owner: owner)], session: SessionID(rawValue: 0), sequence: 4_242, floor: 0)
    }

    @Test func thoughTheBatchIsSentAgainAndAgain() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        let place = group.followers[0]
        group.rotate(place)
        // What the leader appends reaches nobody for a while: the owner sees no result, and sends it again.
        let last = group.replica(leader)?.raft.lastPosition.index.rawValue ?? 0
        group.carries = { from, _, message in
            guard from == leader, case .peer(let peer) = message, case .raft(let raft) = peer.payload,
                case .appendRequest(let request) = raft.body
            else { return true }
            return request.entries.isEmpty
        }
        let request = group.submit(place, [TestGroup<Ledger>.rotate])
        group.run(900)
        #expect(group.replica(leader)?.raft.lastPosition.index.rawValue ?? 0 >= last + 3, "it stands in the log often")
        group.carries = { _, _, _ in true }
        group.wait { group.answers[request] != nil }
        #expect(group.epoch(request) == 3)
        group.converge()
        #expect((0..<3).allSatisfy { group.rotations($0) == 2 })
    }

    @Test func thoughItsOwnerSkippedItByASnapshot() throws {
        let group = try TestGroup<Ledger>(3) { $0.entriesKept = 0 }
        let leader = group.elected()
        let place = group.followers[0]
        let other = group.followers[1]
        group.rotate(place)
        group.wait { group.replica(place)?.raft.lastPosition == group.replica(leader)?.raft.lastPosition }
        // The batch gets to the leader, and nothing comes back.
        group.cut = [[leader, place], [other, place]]
        let request = group.submit(place, [TestGroup<Ledger>.rotate])
        group.wait { group.rotations(leader) == 2 && group.rotations(other) == 2 }
        #expect(group.answers[request] == nil)
        group.places[leader].node?.compact()
        group.wait { (group.replica(leader)?.raft.snapshot.position.index ?? .zero) > .zero }
        group.cut = []
        group.wait { group.answers[request] != nil }
        #expect(!group.places[place].restored.isEmpty, "it came by a snapshot")
        #expect(group.epoch(request) == 3)
        group.converge()
        #expect((0..<3).allSatisfy { group.rotations($0) == 2 })
    }

    @Test func thoughTheSessionWasClosedByAnEarlierBootsOpening() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        let place = group.followers[0]
        group.rotate(place)
        let session = group.replica(place)?.machine?.session(of: group.replica(place)?.id ?? .init(high: 0, low: 0))
        let id = try #require(group.replica(place)?.id)
        // An opening of another boot of the same replica comes late.
        group.deliverLate(opening(id), to: leader, of: id)
        var requests: [RequestID] = []
        for _ in 0..<10 {
            requests.append(group.submit(place, [TestGroup<Ledger>.rotate]))
            group.step()
        }
        group.wait { requests.allSatisfy { group.answers[$0] != nil } }
        #expect(requests.compactMap { group.epoch($0) } == (3..<13).map { UInt32($0) })
        #expect(group.replica(place)?.machine?.session(of: id) != session)
        group.converge()
        #expect(group.rotations(place) == 11)
    }

    @Test func andOfAnotherBootsCommandsNothingIsTakenForItsOwn() throws {
        for seed in 1...6 {
            let group = try TestGroup<Ledger>(3, seed: UInt64(seed))
            _ = group.elected()
            let place = group.followers[0]
            group.rotate(place)
            // Batches of this boot are on their way while its process ends.
            for _ in 0..<5 { _ = group.submit(place, [TestGroup<Ledger>.rotate]) }
            group.run(seed % 3)
            group.crash(place)
            try group.start(place)
            group.wait { group.replica(place) != nil }
            let epochs = (0..<5).map { _ in group.rotate(place) }
            #expect(Set(epochs).count == 5, "each is answered by its own result")
            group.converge()
            let total = try #require(group.rotations(place))
            #expect(epochs.last == total + 1)
            #expect((6...11).contains(total))
        }
    }

    @Test func andFailsAsUnknownWhereTheSessionWasClosedUnseen() throws {
        let group = try TestGroup<Ledger>(3) { $0.entriesKept = 0 }
        let leader = group.elected()
        let place = group.followers[0]
        group.rotate(place)
        let id = try #require(group.replica(place)?.id)
        group.cut = [[leader, place], [group.followers[1], place]]
        let request = group.submit(place, [TestGroup<Ledger>.rotate])
        group.wait { group.rotations(leader) == 2 }
        group.isolate(place)
        let session = group.replica(leader)?.machine?.session(of: id)
        group.deliverLate(opening(id), to: leader, of: id)
        group.wait { group.replica(leader)?.machine?.session(of: id) != session }
        group.places[leader].node?.compact()
        group.wait { (group.replica(leader)?.raft.snapshot.position.index ?? .zero) > .zero }
        group.cut = []
        group.wait { group.answers[request] != nil }
        #expect(group.failure(request) == .unknown)
        #expect(group.rotate(place) == 4)
    }

    @Test func aCommandThatIsTooLateMayBeAppliedYetButIsAnsweredOnce() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        let place = group.followers[0]
        group.rotate(place)
        let request = group.submit(place, [TestGroup<Ledger>.rotate])
        group.run(2)
        group.isolate(leader)
        group.isolate(place)
        group.run(2_100)
        #expect(group.failure(request) == .noQuorum)
        group.cut = []
        _ = group.elected()
        #expect(group.rotate(place) != nil)
        group.converge()
        #expect((2...3).contains(group.rotations(place) ?? 0))
    }

    @Test func moreThanAWindowOfCommandsGoesThroughInOrder() throws {
        let group = try TestGroup<Ledger>(3) {
            $0.batchCommandsMax = 16
            $0.sessionWindow = 40
        }
        _ = group.elected()
        let place = group.followers[0]
        let request = group.submit(place, Array(repeating: TestGroup<Ledger>.rotate, count: 500))
        let next = group.submit(place, [TestGroup<Ledger>.rotate])
        group.wait { group.answers[next] != nil }
        let epochs = group.outputs(request)?.compactMap { output -> UInt32? in
            guard case .rotated(let epoch) = output else { return nil }
            return epoch
        }
        #expect(epochs == (2..<502).map { UInt32($0) })
        #expect(group.epoch(next) == 502)
    }

    @Test func beyondItsBoundsAReplicaTakesNothing() throws {
        let group = try TestGroup<Ledger>(3) { $0.waitingCommandsMax = 10 }
        _ = group.elected()
        let place = group.followers[0]
        group.rotate(place)
        group.isolate(place)
        let first = group.submit(place, Array(repeating: TestGroup<Ledger>.rotate, count: 8))
        let second = group.submit(place, Array(repeating: TestGroup<Ledger>.rotate, count: 3))
        let third = group.submit(place, Array(repeating: TestGroup<Ledger>.rotate, count: 2))
        group.cut = []
        group.wait { [first, second, third].allSatisfy { group.answers[$0] != nil } }
        #expect(group.failure(second) == .overloaded)
        #expect(group.answerOrder.suffix(3) == [first, second, third])
        group.converge()
        #expect(group.rotations(place) == 11)
    }
}
