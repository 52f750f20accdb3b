import Raft
import RaftTransport
import Replica
import Testing
import Wire

@testable import Cluster

/// Where a node looks for the others.
struct PeerBookTests {
    private func id(_ number: UInt64) -> ReplicaID { ReplicaID(high: 1, low: number) }

    private func met(_ name: String, _ number: UInt64, at address: String, knows membership: UInt64? = 9)
        -> PeerIdentity
    {
        PeerIdentity(
            name: name,
            replica: id(number),
            cluster: ClusterID(high: 1, low: 1),
            membership: membership,
            address: address,
            lane: .messages
        )
    }

    private func configuration(bAt address: String = "b:1") -> Configuration {
        Configuration(
            members: [
                Member(id: id(1), name: "a", address: "a:1"), Member(id: id(2), name: "b", address: address),
            ],
            voters: [id(1), id(2)]
        )
    }

    private func book() throws -> PeerBook {
        let seeds = try FoundingSeeds([
            FoundingSeed(name: "a", address: "a:1"), FoundingSeed(name: "b", address: "b:1"),
        ])
        return PeerBook(own: "a", seeds: seeds)
    }

    @Test func `a member that nobody here has heard of is answered where it says that it is`() throws {
        var book = try book()
        _ = book.keep(configuration())
        #expect(book.address(of: .replica(id(4))) == nil)
        let isOther = book.met(met("d", 4, at: "d:1"))
        #expect(!isOther)
        #expect(book.address(of: .replica(id(4))) == PeerAddress(name: "d", address: "d:1"))
        #expect(book.peers == [PeerAddress(name: "b", address: "b:1")])
    }

    @Test func `where all have moved, the configuration says where they are`() throws {
        let seeds = try FoundingSeeds([
            FoundingSeed(name: "a", address: "new-a:1"), FoundingSeed(name: "b", address: "new-b:1"),
        ])
        var book = PeerBook(own: "a", seeds: seeds)
        _ = book.keep(configuration())
        #expect(book.peers == [PeerAddress(name: "b", address: "new-b:1")])
        // Its own word counts more.
        let isOther = book.met(met("b", 2, at: "elsewhere:1"))
        #expect(isOther)
        #expect(book.peers == [PeerAddress(name: "b", address: "elsewhere:1")])
    }

    @Test func `a member that has moved is found where it says, until the members say otherwise`() throws {
        var book = try book()
        _ = book.keep(configuration())
        let isOther = book.met(met("b", 2, at: "elsewhere:1"))
        #expect(isOther)
        #expect(book.peers == [PeerAddress(name: "b", address: "elsewhere:1")])
        #expect(book.address(of: .replica(id(2))) == PeerAddress(name: "b", address: "elsewhere:1"))
        let isKept = book.keep(configuration(bAt: "decided:1"))
        #expect(isKept)
        #expect(book.peers == [PeerAddress(name: "b", address: "decided:1")])
    }

    @Test func `who waits, or says no address, or has another name, moves nobody`() throws {
        var book = try book()
        _ = book.keep(configuration())
        for peer in [
            met("b", 2, at: "x:1", knows: nil), met("b", 2, at: ""), met("c", 2, at: "x:1"), met("b", 9, at: "x:1"),
        ] {
            let isOther = book.met(peer)
            #expect(!isOther)
        }
        #expect(book.address(of: .replica(id(2))) == PeerAddress(name: "b", address: "b:1"))
    }

    @Test func `what is kept is bounded, and the newest stays`() throws {
        var book = try book()
        for number in 10..<1_000 as Range<UInt64> { _ = book.met(met("n\(number)", number, at: "n:1")) }
        #expect(book.address(of: .replica(id(10))) == nil)
        #expect(book.address(of: .replica(id(999)))?.name == "n999")
    }
}
