import Ledger
import Paxos
import Raft
import Testing
import Wire

@testable import Replica

struct FoundingDurabilityTests: FoundingWords {
    @Test func `an empty disk says nothing before its replica id is durable`() throws {
        var group = FoundingGroup()
        group.isDiskStuck = true
        try group.start("a", of: all, replica: 1)
        let hello = FoundingMessage.Hello(seeds: FoundingGroup.seeds(all).seeds, ledgerVersion: 1, asks: true)
        let message = FoundingMessage(
            from: replica(2),
            sender: "b",
            to: nil,
            instance: FoundingInstance(FoundingGroup.seeds(all)),
            body: .hello(hello)
        )
        group.deliver(message, to: "a")
        group.run(for: 1_000)
        #expect(group.sent("a").isEmpty)
        guard case .persist(let number, let record) = try #require(group.nodes["a"]?.actions.first) else {
            Issue.record("the replica id is not made durable")
            return
        }
        #expect(record.replica == replica(1))
        group.isDiskStuck = false
        group.nodes["a"]?.founding.persisted(number)
        group.run(for: 100)
        #expect(group.sent("a").map(\.from) == [replica(1), replica(1)])
    }

    @Test func `promise and acceptance leave after the record that holds them`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        let value = value([("a", 1), ("b", 2), ("c", 3)])
        let ballot = Ballot(round: 5, replica: replica(2))
        for message in [PaxosMessage.prepare(ballot), accept(value)] {
            group.isDiskStuck = true
            group.nodes["a"]?.actions = []
            group.deliver(vote(message, from: 2, "b", to: 1, of: all), to: "a")
            guard case .persist(let number, let record) = try #require(group.nodes["a"]?.actions.last) else {
                Issue.record("nothing is made durable")
                return
            }
            #expect(record.acceptor.promised == ballot)
            #expect(group.sent("a").isEmpty)
            group.isDiskStuck = false
            group.nodes["a"]?.founding.persisted(number)
            group.run(for: 1)
            #expect(group.sent("a").contains { if case .vote = $0.body { true } else { false } })
        }
        #expect(group.nodes["a"]?.founding.record.acceptor.accepted?.value == value.encode())
    }

    @Test func `a node that starts again goes on as the same replica, with its votes`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        let value = value([("a", 1), ("b", 2), ("c", 3)])
        group.deliver(vote(accept(value), from: 2, "b", to: 1, of: all), to: "a")
        try group.start("a", of: all, replica: 99)
        #expect(group.nodes["a"]?.founding.replica == replica(1))
        let earlier = PaxosMessage.prepare(Ballot(round: 4, replica: replica(3)))
        group.deliver(vote(earlier, from: 3, "c", to: 1, of: all), to: "a")
        let later = PaxosMessage.prepare(Ballot(round: 6, replica: replica(3)))
        group.deliver(vote(later, from: 3, "c", to: 1, of: all), to: "a")
        let votes = group.sent("a").compactMap { if case .vote(let vote) = $0.body { vote } else { nil } }
        #expect(
            votes == [
                .refused(Ballot(round: 4, replica: replica(3)), promised: Ballot(round: 5, replica: replica(2))),
                .promise(
                    Ballot(round: 6, replica: replica(3)),
                    accepted: Proposal(ballot: Ballot(round: 5, replica: replica(2)), value: value.encode())
                ),
            ]
        )
    }

    @Test func `a node that stops between decision and storage makes the storage at its next start`() throws {
        var group = FoundingGroup()
        try group.start("a", of: ["a"], replica: 1)
        let value = try #require(group.founded("a"))
        group.nodes["a"]?.record?.stage = .decided(value)
        try group.start("a", of: ["a"], replica: 99)
        #expect(group.nodes["a"]?.actions.first == .create(.founded(value)))
        #expect(group.nodes["a"]?.record?.replica == replica(1))
        #expect(group.nodes["a"]?.record?.stage == .member(value.cluster))
    }

    @Test func `a replica whose log is gone comes back as another one, and waits`() throws {
        var group = FoundingGroup()
        try group.start("a", of: ["a"], replica: 1)
        let cluster = try #require(group.founded("a")).cluster
        #expect(group.nodes["a"]?.record?.acceptor == AcceptorState(), "the secret stays in the record")
        try group.start("a", of: ["a"], replica: 99)
        #expect(group.outcome("a") == .joining(cluster, members: []))
        #expect(group.nodes["a"]?.record?.replica == replica(99))
        #expect(group.raised("a") == [.waitsToBeAdmitted(cluster)])
    }
}
