import Ledger
import Paxos
import Raft
import Testing
import Wire

@testable import Replica

/// Seeds that come back empty, or not at all.
struct FoundingLossTests: FoundingWords {
    @Test func `a seed that comes back empty before anything was accepted takes part as another replica`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        try group.start("c", of: all, replica: 3)
        group.run(for: 500)
        group.wipe("c")
        try group.start("c", of: all, replica: 33)
        try group.start("b", of: all, replica: 2)
        group.run(for: 3_000)
        #expect(group.founded("a")?.members.map(\.id) == [replica(1), replica(2), replica(33)])
        #expect(group.founded("c") == group.founded("a"))
    }

    /// One process may propose two values: the id that a founded cluster goes by is of one of them only.
    @Test func `an old disk that comes back with an earlier value of the same proposer founds nothing`() throws {
        var group = FoundingGroup()
        group.loses = { message, to in
            switch message.body {
            case .vote(.promise(let ballot, _)): message.sender == "c" && to == "a" && ballot.replica.low == 1
            case .vote(.prepare): message.sender == "b" && to == "c"
            default: false
            }
        }
        try group.start("b", of: all, replica: 2)
        try group.start("c", of: all, replica: 3)
        try group.start("a", of: all, replica: 1)
        for _ in 0..<100 where group.nodes["a"]?.record?.acceptor.promised?.replica.low != 2 { group.run(for: 50) }
        // The promise of c comes now: a has c accept its value, and nobody else, for the others have promised b.
        let first = try #require(group.nodes["a"]?.founding.proposer?.machine.ballot)
        group.loses = { message, to in
            switch message.body {
            case .vote(.prepare(let ballot)): to == "c" && ballot != first
            default: false
            }
        }
        for _ in 0..<100 where group.nodes["c"]?.record?.acceptor.accepted == nil { group.run(for: 50) }
        let disk = try #require(group.nodes["c"]?.record)
        #expect(disk.acceptor.accepted != nil)
        #expect(group.nodes["a"]?.record?.acceptor.accepted == nil)
        #expect(group.nodes["b"]?.record?.acceptor.accepted == nil)
        // The disk of c is not mounted: c comes back empty, and the cluster is founded.
        group.loses = { message, to in
            if case .vote(.prepare) = message.body { message.sender == "b" } else { false }
        }
        group.wipe("c")
        try group.start("c", of: all, replica: 33)
        group.run(for: 6_000)
        #expect(group.founded("a")?.members.map(\.id) == [replica(1), replica(2), replica(33)])
        // Now it is mounted again.
        group.wipe("c")
        group.nodes["c"] = try FoundingGroup.Node(
            founding: FoundingGroup.founding("c", of: all, replica: 99, record: disk, now: group.now),
            record: disk
        )
        group.run(for: 3_000)
        #expect(group.founded("c") == nil, "it is no member of that cluster")
    }

    /// The second half of scylla#9593: no second cluster, and no silence either.
    @Test func `a seed that comes back empty after a vote stops the founding, and everybody says so`() throws {
        var group = FoundingGroup()
        // a accepts; what it sends of that, and what else is to be accepted, is lost.
        group.loses = { message, to in
            switch message.body {
            case .vote(.accepted): true
            case .vote(.accept): to != "a"
            case .hello, .vote, .decided: false
            }
        }
        try group.start("b", of: all, replica: 2)
        try group.start("c", of: all, replica: 3)
        try group.start("a", of: all, replica: 1)
        group.run(for: 300)
        let accepted = try #require(group.nodes["a"]?.record?.acceptor.accepted)
        group.loses = { _, _ in false }
        let disk = group.nodes["c"]?.record
        group.wipe("c")
        try group.start("c", of: all, replica: 33)
        group.run(for: 6_000)
        for name in all {
            #expect(group.outcome(name) == nil)
            #expect(group.alarms(name) == [.seedLost(node: "c", voted: replica(3), present: replica(33))])
        }
        // The disk was only not mounted: what was begun is finished.
        group.wipe("c")
        group.nodes["c"] = try FoundingGroup.Node(
            founding: FoundingGroup.founding("c", of: all, replica: 99, record: disk, now: group.now),
            record: disk
        )
        group.run(for: 3_000)
        for name in all { #expect(group.founded(name)?.encode() == accepted.value) }
    }

    @Test func `a seed that has accepted nothing is told that the founding cannot be finished`() throws {
        var group = FoundingGroup()
        try group.start("b", of: all, replica: 2)
        let hello = FoundingMessage.Hello(
            seeds: FoundingGroup.seeds(all).seeds,
            ledgerVersion: 1,
            asks: false,
            isStuck: true
        )
        func say(_ hello: FoundingMessage.Hello) -> FoundingMessage {
            FoundingMessage(
                from: replica(1),
                sender: "a",
                to: nil,
                instance: FoundingInstance(FoundingGroup.seeds(all)),
                body: .hello(hello)
            )
        }
        group.deliver(say(hello), to: "b")
        #expect(group.alarms("b") == [.stuck(["a"])])
        var better = hello
        better.isStuck = false
        group.deliver(say(better), to: "b")
        #expect(group.alarms("b").isEmpty)
    }

    @Test func `a seed that comes back empty after the decision waits to be admitted`() throws {
        var group = FoundingGroup()
        for (name, number) in [("a", 1), ("b", 2), ("c", 3)] as [(String, UInt64)] {
            try group.start(name, of: all, replica: number)
        }
        group.run(for: 1_000)
        let value = try #require(group.founded("c"))
        group.wipe("c")
        try group.start("c", of: all, replica: 33)
        group.run(for: 1_000)
        #expect(group.outcome("c") == .joining(value.cluster, members: value.members))
        #expect(group.founded("a") == value)
    }

    @Test func `copies of one disk found nothing`() throws {
        var group = FoundingGroup()
        try group.start("a", of: ["a", "b"], replica: 1)
        try group.start("b", of: ["a", "b"], replica: 1)
        group.run(for: 1_000)
        #expect(group.outcome("a") == nil)
        #expect(group.alarms("a") == [.sameReplica(["a", "b"])])
        #expect(group.alarms("b") == [.sameReplica(["b", "a"])])
    }

    @Test func `silent seeds are named after a while, once, and again when they fall silent again`() throws {
        var group = FoundingGroup()
        try group.start("a", of: all, replica: 1)
        try group.start("b", of: all, replica: 2)
        group.run(for: 1_900)
        #expect(group.raised("a").isEmpty)
        group.run(for: 4_000)
        #expect(group.raised("a") == [.silent(["c"])])
        group.wipe("b")
        group.run(for: 4_000)
        #expect(group.raised("a") == [.silent(["c"]), .silent(["b", "c"])])
    }
}
