import Ledger
import NIOCore
import Replica
import Testing

@testable import Cluster

/// A node that is the only member of its cluster, and whose seeds may yet say that it is so by mistake.
@Suite(.timeLimit(.minutes(3)), .serialized) struct ListeningTests {
    private static let hour: UInt64 = 3_600_000_000_000

    @Test func decidesNothingAndSaysSoInTime() async throws {
        try await Site.with(["a", "b"]) { site in
            try await site.startAlone("a").serving()
            await site.stop("a")
            let a = try await site.start("a", seeds: ["a", "b"], listeningPause: Self.hour)
            _ = try await a.firstFacts()
            let epochs = a.view.facts?.epochs.count
            await #expect(throws: LedgerUnavailable.noQuorum) { try await site.write("a", times: 1) }
            #expect(a.view.isListening)
            #expect(a.view.facts?.epochs.count == epochs)
        }
    }

    @Test func decidesWhatHasWaitedWhenAllHaveCome() async throws {
        try await Site.with(["a", "b"]) { site in
            let (a, answer) = try await Self.holding(site)
            try await site.start("b", seeds: ["a", "b"])
            try await answer.get()
            try await site.until { a.view.hasQuorum }
        }
    }

    @Test func answersWhatWaitsWhenItStops() async throws {
        try await Site.with(["a", "b"]) { site in
            let (_, answer) = try await Self.holding(site)
            await site.stop("a")
            await #expect(throws: LedgerUnavailable.stopped) { try await answer.get() }
        }
    }

    @Test func aNodeThatListensForNobodyDecidesAtOnce() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a", listeningPause: Self.hour)
            _ = try await a.firstFacts()
            try await site.write("a", times: 1)
            try await site.until { a.view.hasQuorum }
        }
    }

    /// It may have admitted others that its file does not name yet, and its folder be from before that.
    @Test func aNodeThatNamesItselfAloneListensAndDoesNotLead() async throws {
        try await Site.with(["a"]) { site in
            try await site.startAlone("a").serving()
            await site.stop("a")
            let a = try await site.start("a", seeds: ["a"], listeningPause: Self.hour)
            _ = try await a.firstFacts()
            let last = a.view.status?.lastIndex
            await #expect(throws: LedgerUnavailable.noQuorum) { try await site.write("a", times: 1) }
            #expect(a.view.isListening)
            #expect(a.view.status?.role == .follower)
            #expect(a.view.status?.lastIndex == last, "what it wrote the log of the others might contradict")
        }
    }

    /// A node whose other seed never came, and that holds what it was asked for.
    private static func holding(_ site: Site) async throws -> (node: Cluster, answer: EventLoopFuture<Void>) {
        try await site.startAlone("a").serving()
        await site.stop("a")
        let node = try await site.start("a", seeds: ["a", "b"], listeningPause: hour) {
            $0.replica.decisionTimeout = hour
        }
        _ = try await node.firstFacts()
        let answer = try site.submit("a")
        try await site.until {
            try await node.loop.submit { [driver = node.driver] in !driver.value.held.isEmpty }.get()
        }
        return (node, answer)
    }
}
