import NIOCore
import Raft
import Replica
import Testing

@testable import Cluster

/// What an operator's requests come to where others do not answer, or this node is no member any more.
@Suite(.timeLimit(.minutes(3)), .serialized) struct AskingTests {
    private static let names = ["a", "b", "c"]

    private func start(_ site: Site, _ configure: (inout ClusterSettings) -> Void = { _ in }) async throws {
        for name in Self.names { try await site.start(name, seeds: Self.names, configure: configure) }
        for name in Self.names { try await site.node(name).serving() }
    }

    /// The change waits for its majority for longer than an operator does.
    @Test func aLeaderWaitsForItselfNoLongerThanOthersDo() async throws {
        try await Site.with(Self.names) { site in
            try await start(site) {
                // Nobody is missed while the test runs.
                $0.replica.raft.electionTicksMin = 600
                $0.replica.raft.electionTicksMax = 650
            }
            let leader = try await site.leader(seenBy: "a")
            let head = try site.node(leader)
            for name in Self.names where name != leader { await site.stop(name) }
            let status = try #require(head.view.status)
            let other = try #require(status.configuration.members.first { $0.name != leader })
            let request = OperationRequest.change(
                ConfigurationChange([.remove(other.id)]),
                from: status.configuration,
                term: status.term
            )
            let answer = try await head.loop.flatSubmit { [driver = head.driver] in
                driver.value.askLeader(request)
            }.get()
            #expect(answer == nil, "it goes on, and who asks looks again")
        }
    }

    @Test func whoHasLeftSaysSoWhenAskedAgain() async throws {
        try await Site.with(Self.names) { site in
            try await start(site)
            let leader = try await site.leader(seenBy: "a")
            let name = try #require(Self.names.first { $0 != leader })
            let removed = try #require(try site.node(name).view.status?.id)
            await site.stop(name)
            let head = try site.node(leader)
            #expect(try await head.remove(name: name).state == .removed)
            // Its own log does not know.
            let back = try await site.start(name, seeds: Self.names)
            #expect(back.view.status?.configuration.contains(removed) == true)
            try await site.until { back.view.membership == .removed }
            for _ in 0..<2 {
                let outcome = try await back.remove(name: name)
                #expect(outcome == OperationOutcome(name: name, replica: removed, state: .removed, detail: nil))
            }
            await expectRemoved { _ = try await back.remove(name: leader) }
        }
    }

    /// There is a member of this name: to say that it has left would be wrong.
    @Test func anOldDiskDoesNotSayThatItsNodeHasLeft() async throws {
        try await Site.with(Self.names) { site in
            try await start(site)
            let leader = try await site.leader(seenBy: "a")
            let head = try site.node(leader)
            let name = try #require(Self.names.first { $0 != leader })
            await site.stop(name)
            try TestFolder.copy(site.directory(name), to: site.directory("copy"))
            site.wipe(name)
            try await site.start(name, seeds: Self.names)
            try await site.until { head.view.waiting.contains { $0.name == name } }
            #expect(try await head.replace(name: name, address: nil).state == .voter)
            await site.stop(name)
            site.wipe(name)
            try TestFolder.copy(site.directory("copy"), to: site.directory(name))
            let old = try await site.start(name, seeds: Self.names)
            try await site.until { old.view.membership == .removed }
            await expectRemoved { _ = try await old.remove(name: name) }
        }
    }

    private func expectRemoved(_ body: () async throws -> Void) async {
        await #expect {
            try await body()
        } throws: { error in
            guard case OperationError.notMember(let text) = error else { return false }
            return text.hasPrefix("This node is no member of the cluster any more: ask one that is.")
        }
    }
}
