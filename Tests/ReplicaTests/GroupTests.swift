import Ledger
import Raft
import Simulator
import Testing

@testable import Replica

@Suite("A group of replicas") struct GroupTests {
    @Test func threeNodesFoundAClusterAndApplyACommandAskedAtAnyOfThem() throws {
        let group = try TestGroup<Ledger>(3)
        _ = group.elected()
        for place in 0..<3 { #expect(group.rotate(place) == UInt32(place + 2)) }
        group.converge()
        #expect((0..<3).allSatisfy { group.rotations($0) == 3 })
    }

    @Test func aLoneNodeFoundsAClusterAndDecidesAlone() throws {
        let group = try TestGroup<Ledger>(1)
        #expect(group.elected() == 0)
        #expect(group.rotate(0) == 2)
    }

    @Test func aLoneNodeAcknowledgesOnlyWhatIsOnItsDisk() throws {
        let group = try TestGroup<Ledger>(1)
        _ = group.elected()
        group.rotate(0)
        group.places[0].isDiskHeld = true
        let request = group.submit(0, [TestGroup<Ledger>.rotate])
        group.run(500)
        #expect(group.answers[request] == nil)
        group.releaseDisk(0)
        #expect(group.epoch(request) == 3)
        group.crash(0)
        try group.start(0)
        _ = group.elected()
        group.wait { group.rotations(0) == 2 }
    }

    @Test func aTurnAppliesABoundedPartOfWhatThereIsAndTheNextOneComesAtOnce() throws {
        let group = try TestGroup<Ledger>(1) { settings in
            settings.batchCommandsMax = 1
            settings.batchesInFlightMax = 64
            settings.turnBytesMax = 1
        }
        _ = group.elected()
        group.rotate(0)
        group.places[0].isDiskHeld = true
        let requests = (0..<40).map { _ in group.submit(0, [TestGroup<Ledger>.rotate]) }
        let requested = group.places[0].requests
        group.places[0].requests = []
        for completion in group.places[0].storage?.execute(requested) ?? [] {
            group.places[0].node?.completed(completion)
        }
        let node = try #require(group.places[0].node)
        var turns = 0
        repeat {
            let actions = node.takeActions()
            let applied = actions.count { if case .applied = $0 { true } else { false } }
            #expect(applied <= 1)
            turns += applied
            for case .answer(let request, .success(.applied)) in actions { #expect(requests.contains(request)) }
            if applied > 0, turns < 40 { #expect(node.nextWake <= node.now, "there is more to do") }
            if applied == 0 { break }
        } while turns < 100
        #expect(turns == 40)
        #expect(node.nextWake > node.now)
    }

    @Test func answersComeInTheOrderOfTheRequests() throws {
        let group = try TestGroup<Ledger>(3)
        _ = group.elected()
        let place = group.followers[0]
        var lost = 0
        group.carries = { from, _, message in
            guard from == place, case .peer(let peer) = message, case .forward = peer.payload, lost < 3 else {
                return true
            }
            lost += 1
            return false
        }
        var requests: [RequestID] = []
        for _ in 0..<20 {
            requests.append(group.submit(place, [TestGroup<Ledger>.rotate, TestGroup<Ledger>.rotate]))
            group.step()
        }
        group.wait { requests.allSatisfy { group.answers[$0] != nil } }
        #expect(lost == 3)
        #expect(group.answerOrder == requests)
        group.converge()
        #expect(group.rotations(place) == 40)
    }

    @Test func aCommandThroughTwoLeadersIsAppliedOnce() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        let place = group.followers[0]
        group.rotate(place)
        // The leader takes the batch and sends it to nobody.
        group.carries = { from, _, message in
            guard from == leader, case .peer(let peer) = message, case .raft(let raft) = peer.payload,
                case .appendRequest(let request) = raft.body
            else { return true }
            return request.entries.isEmpty
        }
        let last = group.replica(leader)?.raft.lastPosition.index
        let request = group.submit(place, [TestGroup<Ledger>.rotate])
        group.wait { group.replica(leader)?.raft.lastPosition.index != last }
        // Now it reaches one follower, which wins the next election with it in its log; and its owner sends it again.
        group.carries = { from, to, _ in !(from == leader && to == place) }
        group.run(40)
        group.isolate(leader)
        group.wait { group.epoch(request) != nil }
        #expect(group.epoch(request) == 3)
        group.cut = []
        group.carries = { _, _, _ in true }
        group.converge()
        #expect((0..<3).allSatisfy { group.rotations($0) == 2 })
    }

    @Test func aReadRightAfterAnElectionSeesAllThatWasAcknowledged() throws {
        let group = try TestGroup<Ledger>(3)
        for round in 1...8 {
            let leader = group.elected()
            #expect(group.rotate(leader) == UInt32(round + 1))
            group.crash(leader)
            group.wait { group.leader.map { $0 != leader } ?? false }
            let next = group.leader ?? 0
            let request = group.read(next)
            group.wait { group.answers[request] != nil }
            guard case .success(.readable(let index))? = group.answers[request] else {
                Issue.record("the read failed: \(String(describing: group.answers[request]))")
                return
            }
            #expect(index <= (group.replica(next)?.appliedIndex ?? .zero))
            #expect(group.rotations(next) == UInt32(round))
            try group.start(leader)
            group.converge()
        }
    }

    @Test func withoutAMajorityARequestFailsInTime() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        group.rotate(leader)
        for place in group.followers { group.crash(place) }
        let submitted = group.submit(leader, [TestGroup<Ledger>.rotate])
        let read = group.read(leader)
        group.run(2_050)
        #expect(group.failure(submitted) == .noQuorum)
        #expect(group.failure(read) == .noQuorum)
    }

    @Test func stateAndAppliedIndexAreNeverApartAfterACrash() throws {
        for seed in 1...4 {
            let group = try TestGroup<Ledger>(3, seed: UInt64(seed)) {
                $0.snapshotLogBytes = 600
                $0.entriesKept = 3
            }
            let place = group.elected()
            var random = Xoshiro256(seed: UInt64(seed))
            for _ in 0..<30 { group.rotate(place) }
            group.places[place].disk.faults.callsToPowerCut = random.inRange(0...40)
            for _ in 0..<20 {
                _ = group.submit(place, [TestGroup<Ledger>.rotate])
                group.step()
            }
            group.crash(place, PowerCut.allCases[random.inRange(0...2)])
            try group.start(place)
            #expect(group.places[place].alarms == [], "seed \(seed)")
            _ = group.elected()
            group.converge()
            #expect(group.rotations(place) ?? 0 >= 30)
        }
    }
}
