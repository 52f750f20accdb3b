import Paxos
import TestSupport
import Testing

/// One value or none, never two: whatever is lost, repeated, late, or crashes.
struct PaxosSimulationTests {
    private func check(_ settings: PaxosSimulation.Settings, seeds: UInt64, from first: UInt64) throws {
        for seed in (0..<seeds).map({ first &+ $0 }) {
            var simulation = PaxosSimulation(settings, seed: seed)
            // Faults end after 2 s of virtual time; a duel ends soon, for the window doubles up to 2 s.
            try simulation.run(until: 60_000)
            try #require(simulation.chosen.count < 2, "two values were chosen: seed \(seed)")
            try #require(simulation.learned == settings.nodes, "not everyone knows the value: seed \(seed)")
            try #require(simulation.chosen.count == 1)
        }
    }

    @Test(arguments: [Quorum.majority, .all], [3, 5])
    func `duelling proposers choose one value through loss, repetition, reordering and crashes`(
        quorum: Quorum,
        nodes: Int
    ) throws {
        try check(.init(nodes: nodes, quorum: quorum), seeds: 1_000, from: seed())
    }

    @Test(arguments: [Quorum.majority, .all])
    func `hard weather changes nothing`(quorum: Quorum) throws {
        try check(
            .init(quorum: quorum, loss: 400, repeats: 400, crashes: 100, faultsUntil: 10_000),
            seeds: 400,
            from: seed()
        )
    }

    @Test(arguments: [Quorum.majority, .all])
    func `a crash at each point of a run changes nothing`(quorum: Quorum) throws {
        let seed = seed()
        var smooth = PaxosSimulation(.init(quorum: quorum, loss: 0, repeats: 0, crashes: 0), seed: seed)
        try smooth.run(until: 60_000)
        try #require(smooth.learned == 3)
        for node in 0..<3 {
            for step in 1...smooth.steps {
                let settings = PaxosSimulation.Settings(
                    quorum: quorum,
                    loss: 0,
                    repeats: 0,
                    crashAt: (node, step)
                )
                try check(settings, seeds: 1, from: seed)
            }
        }
    }

    /// The fault of scylla#6149, and why a cluster is founded with all its seeds: the acceptor that forgets can be the
    /// one that two majorities have in common.
    @Test func `a majority with an acceptor that forgets can choose two values`() throws {
        let first = seed()
        let broken = try (0..<4_000 as Range<UInt64>).first { offset in
            var simulation = PaxosSimulation(
                .init(loss: 300, crashes: 60, faultsUntil: 4_000, forgetful: [0]),
                seed: first &+ offset
            )
            try simulation.run(until: 30_000)
            return simulation.chosen.count > 1
        }
        #expect(broken != nil, "4,000 seeds did not show what must be possible")
    }

    @Test func `with all acceptors, one that forgets cannot lead to two values`() throws {
        try check(
            .init(quorum: .all, loss: 300, crashes: 60, faultsUntil: 4_000, forgetful: [0]),
            seeds: 600,
            from: seed()
        )
    }

    /// Step by step: what the seeds above find.
    @Test func `how two values come about when an acceptor of a majority forgets`() {
        var acceptors = [Acceptor(), Acceptor(), Acceptor()]
        var learner = Learner(acceptors: [replica(1), replica(2), replica(3)])
        _ = acceptors[0].acceptReceived(proposal(1, 1, 7))
        _ = acceptors[1].acceptReceived(proposal(1, 1, 7))
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(1)) == nil)
        #expect(learner.acceptedReceived(proposal(1, 1, 7), from: replica(2)) == [7])

        acceptors[1] = Acceptor()
        // A majority that has not heard of the value, though one of its members had accepted it.
        for number in 1...2 {
            guard
                case .persist(_, thenSend: .promise(_, accepted: nil)) = acceptors[number].prepareReceived(ballot(2, 3))
            else {
                Issue.record("the value was remembered")
                return
            }
        }
        var other = Learner(acceptors: [replica(1), replica(2), replica(3)])
        for number: UInt64 in 2...3 {
            guard case .persist = acceptors[Int(number) - 1].acceptReceived(proposal(2, 3, 8)) else {
                Issue.record("the second value was refused")
                return
            }
            _ = other.acceptedReceived(proposal(2, 3, 8), from: replica(number))
        }
        #expect(other.chosen == [8])
        #expect(learner.chosen == [7])
    }

    /// Why a round is durable before its ballot is sent.
    @Test func `a proposer that forgets its round can bring about two values`() throws {
        let first = seed()
        let broken = try (0..<20_000 as Range<UInt64>).first { offset in
            var simulation = PaxosSimulation(
                .init(loss: 300, repeats: 500, crashes: 60, faultsUntil: 4_000, forgetsRounds: true),
                seed: first &+ offset
            )
            try simulation.run(until: 30_000)
            return simulation.chosen.count > 1
        }
        #expect(broken != nil, "20,000 seeds did not show what must be possible")
    }
}
