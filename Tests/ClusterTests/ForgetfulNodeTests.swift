import Replica
import Testing

@testable import Cluster

/// A member whose data folder was put back to an earlier state.
@Suite(.timeLimit(.minutes(3)), .serialized) struct ForgetfulNodeTests {
    /// Three nodes that hold no election while the test runs.
    private func start(_ site: Site, _ name: String) async throws {
        try await site.start(name, seeds: ["a", "b", "c"]) {
            $0.replica.raft.electionTicksMin = 500
            $0.replica.raft.electionTicksMax = 600
        }
    }

    /// Puts the folder of a follower back, and waits until it is found out.
    private func putBack(_ site: Site) async throws -> (name: String, leader: String) {
        for name in ["a", "b", "c"] { try await start(site, name) }
        for name in ["a", "b", "c"] { try await site.node(name).serving() }
        let leader = try await site.leader(seenBy: "a")
        let name = try #require(["a", "b", "c"].first { $0 != leader })
        let head = try site.node(leader)
        try await site.write(leader, times: 1)
        await site.stop(name)
        try TestFolder.copy(site.directory(name), to: site.directory("copy"))
        try await start(site, name)
        try await site.write(leader, times: 3)
        let decided = try #require(head.view.status?.commitIndex)
        try await site.until {
            head.view.status?.progress.allSatisfy { $0.progress.match >= decided } == true
        }
        await site.stop(name)
        site.wipe(name)
        try TestFolder.copy(site.directory("copy"), to: site.directory(name))
        try await start(site, name)
        let forgetful = try site.node(name)
        try await site.until { forgetful.view.isForgetful }
        return (name, leader)
    }

    @Test func knowsItAfterARestartWithoutTheLeaderThatFoundItOut() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            let (name, leader) = try await putBack(site)
            let lost = try site.node(name).view.status?.forgottenThrough
            #expect(lost != nil)
            // Nobody is left to whom leadership could be handed.
            let others = ["a", "b", "c"].filter { $0 != name }
            for other in [name] + others.filter({ $0 != leader }) + [leader] { await site.stop(other) }
            try await start(site, name)
            let again = try site.node(name)
            try await site.until { again.view.isForgetful }
            #expect(again.view.status?.forgottenThrough == lost)
            try await site.until { again.view.alarms.contains { $0.contains("had told the leader") } }
            // One that has what was lost comes to lead, and gives it back.
            for other in others { try await start(site, other) }
            try await site.until { again.view.hasQuorum && !again.view.isForgetful }
            #expect(again.view.status?.role != .leader)
            try await site.write(name, times: 1)
        }
    }

    @Test func saysSoAnswersNothingAndIsReplaced() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            let (name, leader) = try await putBack(site)
            let head = try site.node(leader)
            let forgetful = try site.node(name)
            let id = head.view.status?.configuration.members.first { $0.name == name }?.id
            try await site.until { forgetful.view.alarms.contains { $0.contains("had told the leader") } }
            #expect(forgetful.view.status?.id == id && !forgetful.view.hasQuorum && forgetful.view.decidesNothing)
            await #expect(throws: OperationError.noQuorum) { _ = try await forgetful.status(isStale: false) }
            await #expect(throws: (any Error).self) { try await site.write(name, times: 1) }

            // The others go on, and who leads says whose disk it is.
            try await site.write(leader, times: 1)
            try await site.until { head.view.alarms.contains { $0.contains("tollgate cluster replace \(name)") } }
            #expect(head.view.hasQuorum && !head.view.decidesNothing)

            await site.stop(name)
            site.wipe(name)
            try await start(site, name)
            try await site.until { head.view.waiting.contains { $0.name == name } }
            #expect(try await head.replace(name: name, address: nil).state == .voter)
            let new = try site.node(name)
            try await site.until { new.view.hasQuorum }
            #expect(new.view.alarms.isEmpty)
            try await site.until { head.view.alarms.isEmpty }
        }
    }
}
