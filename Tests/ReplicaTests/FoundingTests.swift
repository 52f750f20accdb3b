import Ledger
import Paxos
import Raft
import Testing
import Wire

@testable import Replica

struct FoundingTests: FoundingWords {
    @Test func `three seeds found one cluster, whatever the order of their lists`() throws {
        var group = FoundingGroup()
        try group.start("c", of: ["c", "a", "b"], replica: 3)
        try group.start("a", of: all, replica: 1)
        group.run(for: 1_000)
        #expect(group.outcome("a") == nil)
        try group.start("b", of: ["b", "c", "a"], replica: 2)
        group.run(for: 2_000)
        let value = try #require(group.founded("a"))
        #expect(group.founded("b") == value)
        #expect(group.founded("c") == value)
        #expect(value.members.map(\.name) == ["a", "b", "c"])
        #expect(value.members.map(\.id) == [replica(1), replica(2), replica(3)])
        #expect(value.members.map(\.address) == all.map { FoundingGroup.seed($0).address })
        for name in all { #expect(group.nodes[name]?.record?.stage == .member(value.cluster)) }
    }

    @Test func `a cluster of one is founded at once`() throws {
        var group = FoundingGroup()
        try group.start("a", of: ["a"], replica: 1)
        let value = try #require(group.founded("a"))
        #expect(value.members.map(\.id) == [replica(1)])
        #expect(group.nodes["a"]?.actions.contains(.finished(.founded(value))) == true)
        #expect(group.sent("a").isEmpty)
    }

    @Test func `the value makes the first state of ledger and group`() throws {
        let value = value([("b", 2), ("a", 1)], version: 3)
        let genesis = value.genesis
        #expect(genesis.clusterID == value.cluster)
        #expect(genesis.secret == value.secret)
        #expect(genesis.ledgerVersion == 3)
        #expect(genesis.maxRecords == 1_000)
        #expect(Ledger(genesis: genesis).facts.clusterID == value.cluster)
        let configuration = value.configuration
        #expect(configuration.members.map(\.name) == ["a", "b"])
        #expect(configuration.voters == [replica(1), replica(2)])
        #expect(!configuration.isJoint)
        #expect(configuration.learners.isEmpty)
    }

    @Test func `the lowest version of the ledger that a seed knows is founded with`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1, version: 4)
        try group.start("b", of: all, replica: 2, version: 2)
        try group.start("c", of: all, replica: 3, version: 3)
        group.run(for: 2_000)
        #expect(group.founded("a")?.ledgerVersion == 2)
    }

    @Test func `a value that does not list this replica is not accepted, and the operator is told`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        let other = value([("a", 77), ("b", 2), ("c", 3)])
        group.deliver(vote(accept(other), from: 2, "b", to: 1, of: all), to: "a")
        #expect(group.nodes["a"]?.record?.acceptor.accepted == nil)
        #expect(group.alarms("a") == [.seedLost(node: "a", voted: replica(77), present: replica(1))])
    }

    @Test func `a value of other seeds, or of a newer release, or of no sense is not accepted`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        let ballot = Ballot(round: 5, replica: replica(2))
        for message in [
            accept(value([("a", 1), ("b", 2)])),
            accept(value([("a", 1), ("b", 2), ("d", 3)])),
            accept(value([("a", 1), ("b", 2), ("c", 3)], version: 2)),
            .accept(Proposal(ballot: ballot, value: [1, 2, 3])),
        ] {
            group.deliver(vote(message, from: 2, "b", to: 1, of: all), to: "a")
        }
        #expect(group.nodes["a"]?.record?.acceptor.accepted == nil)
    }

    @Test func `votes of another round, of a stranger, and for a former replica are dropped`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        let prepare = PaxosMessage.prepare(Ballot(round: 5, replica: replica(2)))
        group.deliver(vote(prepare, from: 2, "b", to: 1, of: ["a", "b"]), to: "a")
        group.deliver(vote(prepare, from: 2, "x", to: 1, of: all), to: "a")
        group.deliver(vote(prepare, from: 2, "b", to: 77, of: all), to: "a")
        #expect(group.nodes["a"]?.record?.acceptor == AcceptorState())
    }
}
