import Ledger
import Paxos
import Raft
import Testing
import Wire

@testable import Replica

/// Lists of seeds that differ, and clusters that exist.
struct FoundingListTests: FoundingWords {
    /// The first half of scylla#9593.
    @Test func `different lists found nothing, and both sides say what differs`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        try group.start("b", of: ["a", "b", "d"], replica: 2)
        try group.start("c", of: all, replica: 3)
        group.run(for: 1_900)
        for name in all { #expect(group.outcome(name) == nil) }
        let (c, d) = (FoundingGroup.seed("c"), FoundingGroup.seed("d"))
        #expect(group.raised("a").contains(.seedsDiffer(node: "b", onlyHere: [c], onlyThere: [d])))
        #expect(group.raised("b").contains(.seedsDiffer(node: "a", onlyHere: [d], onlyThere: [c])))
        // Put right: the same disks, the same list.
        try group.start("b", of: all, replica: 2)
        group.run(for: 3_000)
        #expect(group.founded("b") != nil)
        for name in all { #expect(group.founded(name) == group.founded("b")) }
    }

    /// Two that agree have both heard of a third's, and would send the operator from one to the other and back.
    @Test func `what a node knows itself comes before what others have heard`() throws {
        var group = FoundingGroup()
        let agreed = ["a", "b", "d"]
        for (name, number) in [("a", 1), ("b", 2)] as [(String, UInt64)] {
            try group.start(name, of: agreed, replica: number)
        }
        try group.start("c", of: all, replica: 3)
        group.run(for: 2_500)
        let (c, d) = (FoundingGroup.seed("c"), FoundingGroup.seed("d"))
        for (name, other) in [("a", "b"), ("b", "a")] {
            #expect(
                group.alarms(name) == [
                    .seedsDiffer(node: "c", onlyHere: [d], onlyThere: [c]), .silent(["d"]), .disputed([other]),
                ]
            )
        }
    }

    @Test func `another address is another list`() throws {
        var group = FoundingGroup()
        try group.start("a", of: ["a", "b"], replica: 1)
        let moved = FoundingSeed(name: "a", address: "elsewhere:1")
        let seeds = try FoundingSeeds([moved, FoundingGroup.seed("b")])
        let message = FoundingMessage(
            from: replica(2),
            sender: "b",
            to: nil,
            instance: FoundingInstance(seeds),
            body: .hello(.init(seeds: seeds.seeds, ledgerVersion: 1, asks: true))
        )
        group.deliver(message, to: "a")
        #expect(
            group.alarms("a") == [
                .seedsDiffer(node: "b", onlyHere: [FoundingGroup.seed("a")], onlyThere: [moved])
            ]
        )
    }

    @Test func `no vote is given while another list is heard of, and those who ask are told`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        try group.start("d", of: ["a", "d"], replica: 4)
        group.run(for: 300)
        let prepare = PaxosMessage.prepare(Ballot(round: 5, replica: replica(2)))
        group.deliver(vote(prepare, from: 2, "b", to: 1, of: all), to: "a")
        #expect(group.nodes["a"]?.record?.acceptor == AcceptorState())
        try group.start("b", of: all, replica: 2)
        #expect(group.alarms("b").isEmpty)
        group.run(for: 200)
        #expect(group.alarms("b") == [.disputed(["a"])])
        // The other one is gone, and forgotten after a while.
        group.wipe("d")
        group.run(for: 1_000)
        #expect(group.alarms("a").isEmpty)
        group.deliver(vote(prepare, from: 2, "b", to: 1, of: all), to: "a")
        #expect(group.nodes["a"]?.record?.acceptor != AcceptorState())
    }

    /// The fault of scylla#5251: acceptors never change during a decision.
    @Test func `a list may change until the first vote, and not after it`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        try group.start("a", of: ["a", "b"], replica: 1)
        #expect(group.nodes["a"]?.record?.instance == FoundingInstance(FoundingGroup.seeds(["a", "b"])))
        let prepare = PaxosMessage.prepare(Ballot(round: 5, replica: replica(2)))
        group.deliver(vote(prepare, from: 2, "b", to: 1, of: ["a", "b"]), to: "a")
        #expect(throws: FoundingRefusal.seedsChanged) { try group.start("a", of: all, replica: 1) }
        #expect(throws: FoundingRefusal.notASeed(name: "a")) { try group.start("a", of: ["b"], replica: 1) }
    }

    @Test func `a seed that comes too late is told of the cluster and waits, also after a restart`() throws {
        var group = FoundingGroup()
        try group.start("a", of: ["a"], replica: 1)
        let cluster = try #require(group.founded("a")).cluster
        try group.start("b", of: ["a", "b"], replica: 2)
        group.run(for: 500)
        let members = try #require(group.founded("a")).members
        #expect(group.outcome("b") == .joining(cluster, members: members))
        #expect(group.raised("b").last == .waitsToBeAdmitted(cluster))
        group.nodes["b"]?.record?.stage = .waiting(cluster, members: members)
        group.wipe("a")
        try group.start("b", of: ["b"], replica: 2)
        #expect(group.outcome("b") == .joining(cluster, members: members))
    }

    @Test func `a seed that accepted the value founds with it when it hears of the cluster`() throws {
        var group = FoundingGroup()
        // b never hears that all have accepted.
        group.loses = { message, to in
            if case .vote(.accepted) = message.body { to == "b" } else { false }
        }
        for (name, number) in [("a", 1), ("b", 2), ("c", 3)] as [(String, UInt64)] {
            try group.start(name, of: all, replica: number)
        }
        group.run(for: 2_000)
        #expect(group.founded("b") != nil)
        #expect(group.founded("b") == group.founded("a"))
    }

    @Test func `a seed that accepted another value waits for the cluster that it hears of`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        let value = value([("a", 1), ("b", 2), ("c", 3)], cluster: 50)
        group.deliver(vote(accept(value), from: 2, "b", to: 1, of: all), to: "a")
        let other = ClusterID(high: 9, low: 51)
        group.deliver(
            FoundingMessage(
                from: replica(3),
                sender: "c",
                to: replica(1),
                instance: FoundingInstance(FoundingGroup.seeds(all)),
                body: .decided(other, members: [])
            ),
            to: "a"
        )
        #expect(group.outcome("a") == .joining(other, members: []))
    }

    @Test func `an initialised node answers only that a cluster exists`() throws {
        let cluster = ClusterID(high: 1, low: 2)
        let members = [
            Member(id: replica(2), name: "x", address: "x:1"), Member(id: replica(1), name: "y", address: "y:1"),
        ]
        let ballot = Ballot(round: 1, replica: replica(3))
        let proposal = Proposal(ballot: ballot, value: [])
        let answered: [PaxosMessage] = [.prepare(ballot), .accept(proposal)]
        let silent: [PaxosMessage] = [
            .promise(ballot, accepted: nil), .accepted(proposal), .refused(ballot, promised: ballot),
        ]
        for message in answered {
            let answer = try #require(
                vote(message, from: 3, "c", to: 1, of: all)
                    .answered(by: replica(1), name: "y", cluster: cluster, members: members)
            )
            #expect(answer.body == .decided(cluster, members: members.reversed()))
            #expect(answer.to == replica(3))
            #expect(try FoundingMessage(decoding: answer.encode()) == answer)
        }
        for message in silent {
            let answer = vote(message, from: 3, "c", to: 1, of: all)
                .answered(by: replica(1), name: "y", cluster: cluster, members: members)
            #expect(answer == nil)
        }
    }

    @Test func `a cluster that is heard of by other ways ends the founding`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        let cluster = ClusterID(high: 1, low: 2)
        group.nodes["a"]?.founding.clusterHeard(cluster, members: [])
        group.run(for: 1)
        #expect(group.outcome("a") == .joining(cluster, members: []))
        let prepare = PaxosMessage.prepare(Ballot(round: 5, replica: replica(2)))
        group.deliver(vote(prepare, from: 2, "b", to: 1, of: all), to: "a")
        #expect(group.nodes["a"]?.record?.acceptor == AcceptorState())
        #expect(group.sent("a").last?.body == .decided(cluster, members: []))
    }

    /// Whoever connects says so once, and the disk may be slower than that.
    @Test func `a cluster that is heard of before the record is on the disk ends the founding then`() throws {
        var founding = try FoundingGroup.founding("a", of: all, replica: 1)
        let cluster = ClusterID(high: 1, low: 2)
        founding.clusterHeard(cluster, members: [])
        founding.clusterHeard(ClusterID(high: 1, low: 3), members: [])
        #expect(founding.outcome == nil)
        founding.persisted(1)
        #expect(founding.outcome == .joining(cluster, members: []))
        let stages = founding.takeActions().compactMap { action in
            if case .persist(_, let record) = action { record.stage } else { nil }
        }
        #expect(stages == [.voting, .waiting(cluster, members: [])])
    }
}
