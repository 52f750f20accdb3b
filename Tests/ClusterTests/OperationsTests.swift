import Cluster
import Ledger
import Replica
import Testing

/// What an operator does, at any node.
@Suite(.timeLimit(.minutes(3)), .serialized) struct OperationsTests {
    /// A node that was alone, and three more that wait.
    private func grown(_ site: Site) async throws {
        let alone = try await site.startAlone("a")
        try await alone.serving()
        try await site.write("a", times: 3)
        await site.stop("a")
        let first = try await site.start("a", seeds: ["a", "b", "c"])
        try await first.serving()
        for name in ["b", "c"] { try await site.start(name, seeds: ["a", "b", "c"]) }
        for name in ["b", "c"] {
            try await site.until { first.view.waiting.contains { $0.name == name } }
            let outcome = try await first.add(name: name, address: nil)
            #expect(outcome.state == .voter, "\(outcome)")
        }
    }

    @Test func oneNodeGrowsToThreeWithoutLosingItsState() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await grown(site)
            for name in ["a", "b", "c"] {
                let node = try site.node(name)
                try await node.serving()
                let status = try await node.status(isStale: false)
                #expect(status.members.map(\.name) == ["a", "b", "c"])
                #expect(status.members.allSatisfy { $0.isVoter && $0.isReachable == true && $0.matchIndex != nil })
                #expect(status.members.map(\.address) == ["a", "b", "c"].map { site.addresses[$0] ?? "" })
                #expect(status.waiting.isEmpty && status.alarms.isEmpty)
                #expect(node.view.facts?.epochs.count == 4, "the founder's, and three that were begun")
            }
        }
    }

    @Test func theFounderThatHasLostItsDiskFoundsNoSecondCluster() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await grown(site)
            let former = try site.node("b").view.cluster
            await site.stop("a")
            site.wipe("a")
            // Nobody else is in its list: it must be told.
            let a = try await site.start("a", seeds: ["a"], lonePause: 60_000_000_000)
            try await site.until { a.view.membership == .waiting }
            #expect(a.view.cluster == former && former != nil)
        }
    }

    @Test func anyNodeDoesItAndTwiceIsOnce() async throws {
        try await Site.with(["a", "b", "c", "d"]) { site in
            try await grown(site)
            let d = try await site.start("d", seeds: ["a", "d"])
            let leader = try await site.leader(seenBy: "b")
            let follower = try #require(["a", "b", "c"].first { $0 != leader })
            let node = try site.node(follower)
            // Heard by one of its seeds, known to all.
            try await site.until { node.view.waiting.contains { $0.name == "d" } }
            try await site.until { d.view.membership == .waiting }
            #expect(try await node.add(name: "d", address: nil).state == .voter)
            #expect(try await node.add(name: "d", address: nil).state == .voter, "again: nothing to do")
            #expect(try await d.transfer(to: "d").name == "d")
            #expect(try await node.transfer(to: "d").state == .leader)
            // The leader itself leaves, at the word of another.
            #expect(try await node.remove(name: "d").state == .removed)
            try await site.until { d.view.alarms.contains { $0.contains("removed") } }
            await #expect(throws: OperationError.self) { _ = try await d.remove(name: "a") }
            let after = try await node.status(isStale: false)
            #expect(after.members.map(\.name) == ["a", "b", "c"])
            await #expect(throws: OperationError.self) { _ = try await node.remove(name: "d") }
        }
    }

    @Test func aNodeThatIsAskedToLeaveSaysThatItHas() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await grown(site)
            // The others end their connections before the leader can answer: of three the one that leads, and of two one that
            // does not.
            let first = try await site.leader(seenBy: "a")
            #expect(try await site.node(first).remove(name: first).state == .removed)
            let others = ["a", "b", "c"].filter { $0 != first }
            let second = try await site.leader(seenBy: others[0])
            let follower = try #require(others.first { $0 != second })
            #expect(try await site.node(follower).remove(name: follower).state == .removed)
            #expect(try await site.node(second).status(isStale: false).members.map(\.name) == [second])
        }
    }

    @Test func aWipedNodeTakesItsPlaceUnderAnotherReplica() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await grown(site)
            let before = try await site.node("a").status(isStale: false).members.first { $0.name == "c" }?.replica
            await site.stop("c")
            site.wipe("c")
            let c = try await site.start("c", seeds: ["a", "b", "c"])
            let b = try site.node("b")
            try await site.until { b.view.waiting.contains { $0.name == "c" } }
            try await site.until { c.view.membership == .waiting }
            // There is a connection with a node of this name, and it is not the member.
            let (former, new) = (try #require(before), try #require(c.view.status?.id))
            try await site.until { b.view.connected.contains(new) && !b.view.connected.contains(former) }
            #expect(b.view.membersConnected == 1)
            let follower = try site.node(try await site.leader(seenBy: "b") == "a" ? "b" : "a")
            try await site.until { follower.view.connected.contains(new) && !follower.view.connected.contains(former) }
            try await site.until {
                try await follower.status(isStale: true).members.map(\.isReachable) == [true, true, false]
            }
            await #expect(throws: OperationError.self, "it is a member: to be replaced, not added") {
                _ = try await b.add(name: "c", address: nil)
            }
            let outcome = try await b.replace(name: "c", address: nil)
            #expect(outcome.state == .voter)
            #expect(outcome.replica != before)
            try await c.serving()
            #expect(try await c.status(isStale: false).members.count == 3)
            for name in ["a", "b", "c"] {
                let node = try site.node(name)
                try await site.until { node.view.membersConnected == 2 }
            }
        }
    }

    @Test func aMemberThatRunsIsNotReplaced() async throws {
        try await Site.with(["a", "b", "c", "d"]) { site in
            try await grown(site)
            let a = try site.node("a")
            if try await site.leader(seenBy: "a") == "c" { _ = try await a.transfer(to: "a") }
            let before = try await a.status(isStale: false).members
            // Another process has its name, at another place.
            let second = try await site.start("c", seeds: ["a", "b", "c"], at: "d")
            for name in ["a", "b"] {
                let node = try site.node(name)
                try await site.until { node.view.waiting.contains { $0.name == "c" } }
                await #expect {
                    _ = try await node.replace(name: "c", address: nil)
                } throws: { error in
                    guard case .conflict(let text)? = error as? OperationError else { return false }
                    return text.contains("runs") && text.contains("tollgate cluster remove c")
                }
            }
            #expect(try await a.status(isStale: false).members.map(\.replica) == before.map(\.replica))
            await site.stop("c")
            let outcome = try await a.replace(name: "c", address: nil)
            #expect(outcome.state == .voter && outcome.replica == second.view.status?.id)
        }
    }

    @Test func whoGrowsIsReadyOnceTheOthersHaveComeOrHadTheTimeTo() async throws {
        let hour: UInt64 = 3_600_000_000_000
        try await Site.with(["a", "b", "c"]) { site in
            for name in ["a", "b"] {
                try await site.startAlone(name).serving()
                await site.stop(name)
            }
            let listening = try await site.start("a", seeds: ["a", "b", "c"], listeningPause: hour)
            _ = try await listening.firstFacts()
            #expect(listening.view.isListening && !listening.view.hasQuorum)
            await site.stop("a")
            let a = try await site.start("a", seeds: ["a", "b", "c"], listeningPause: 0)
            try await a.serving()
            #expect(a.view.hasQuorum)
            // A folder with something else in it harms nobody.
            let b = try await site.start("b", seeds: ["a", "b", "c"], listeningPause: 0)
            try await b.serving()
            try await site.start("c", seeds: ["a", "c"])
            try await site.until { a.view.waiting.contains { $0.name == "c" } }
            #expect(a.view.hasQuorum && a.view.alarms.isEmpty && b.view.hasQuorum && b.view.alarms.isEmpty)
            await site.stop("b")
            site.wipe("b")
            await site.stop("a")
            // All are there, and wait: it need not listen any longer.
            let again = try await site.start("a", seeds: ["a", "b", "c"], listeningPause: hour)
            try await site.start("b", seeds: ["a", "b", "c"])
            try await site.until { again.view.hasQuorum }
        }
    }

    @Test func whatWouldLeaveNoMajorityIsRefused() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await grown(site)
            await site.stop("c")
            let leader = try await site.leader(seenBy: "a")
            let other = leader == "a" ? "b" : "a"
            let node = try site.node(leader)
            // Until the leader notices.
            try await site.until {
                try await node.status(isStale: false).members.first { $0.name == "c" }?.isReachable == false
            }
            await #expect(throws: OperationError.self) { _ = try await node.remove(name: other) }
            #expect(try await node.remove(name: "c").state == .removed, "who is gone may go")
            #expect(try await node.status(isStale: false).members.count == 2)
        }
    }

    @Test func withoutAMajorityNothingIsSaidForCertain() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await grown(site)
            await site.stop("b")
            await site.stop("c")
            let a = try site.node("a")
            await #expect(throws: OperationError.noQuorum) { _ = try await a.status(isStale: false) }
            await #expect(throws: OperationError.noQuorum) { _ = try await a.remove(name: "b") }
            #expect(try await a.status(isStale: true).members.count == 3)
            try await site.until { !a.view.hasQuorum }
        }
    }

    @Test func aLeaderThatStopsHandsOver() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await grown(site)
            let leader = try await site.leader(seenBy: "a")
            let term = try #require(try site.node(leader).view.status?.term.rawValue)
            let stopping = try site.node(leader)
            await stopping.handOver()
            #expect(stopping.view.status?.role != .leader)
            let other = try #require(["a", "b", "c"].first { $0 != leader })
            try await site.node(other).serving()
            #expect(try site.node(other).view.status?.term.rawValue == term + 1, "without an election that fails")
        }
    }

    @Test func aSnapshotIsMadeWhenItIsAskedFor() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            try await site.write("a", times: 20)
            let index = try await a.compact()
            #expect(index > 20)
            #expect(a.view.status?.snapshotIndex.rawValue == index)
            #expect(try await a.compact() == index, "nothing was applied since")
        }
    }
}
