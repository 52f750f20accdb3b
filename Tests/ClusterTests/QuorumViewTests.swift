import Ledger
import NIOCore
import Testing

@testable import Cluster

/// What a node says of its majority: others send requests to it, and stop the next node, by that.
@Suite(.timeLimit(.minutes(2))) struct QuorumViewTests {
    /// Policies that make a long entry.
    private func policies(_ number: Int) -> [PolicyDefinition] {
        (0..<8).map { policy in
            let limits = (0..<LedgerBounds.limits).map { limit in
                LimitDefinition(
                    role: .free,
                    key: "header:x-\(limit)",
                    interval: 1_000_000_000,
                    burst: UInt64(number + 1)
                )
            }
            return PolicyDefinition(name: "policy-\(policy)", maxKeys: 100, limits: limits)
        }
    }

    @Test func `a node that has been away has none before it has caught up`() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            for name in ["a", "b", "c"] {
                try await site.start(name, seeds: ["a", "b", "c"], checkpointEntries: 1 << 20)
            }
            for name in ["a", "b", "c"] { try await site.node(name).serving() }
            await site.stop("c")
            let a = try site.node("a")
            let loop = site.group.next()
            for number in 0..<60 {
                let policies = policies(number)
                let promise = loop.makePromise(of: Void.self)
                loop.execute {
                    let client = a.makeClient(on: loop)
                    let command = Command.setPolicies(expectedRevision: UInt64(number), policies: policies)
                    client.submit([command]) { promise.completeWith($0.map { _ in }.mapError { $0 as any Error }) }
                }
                try await promise.futureResult.get()
            }
            #expect(a.view.hasQuorum)
            let c = try await site.start("c", seeds: ["a", "b", "c"], checkpointEntries: 1 << 20)
            var view = c.view
            try await site.until {
                view = c.view
                return view.hasQuorum
            }
            #expect(view.facts?.revision == 60)
        }
    }

    @Test func `a node that hears no leader any more has none before something is decided again`() async throws {
        let names = ["a", "b", "c"]
        try await Site.with(names) { site in
            for name in names { try await site.start(name, seeds: names) }
            for name in names {
                let node = try site.node(name)
                try await site.until { node.view.hasQuorum }
                #expect(!node.view.isInDoubt)
            }
            await site.stop("b")
            await site.stop("c")
            let a = try site.node("a")
            var view = a.view
            try await site.until {
                view = a.view
                return view.status?.leader == nil
            }
            #expect(view.isInDoubt && !view.hasQuorum && !view.decidesNothing)
            let last = try #require(view.status?.lastIndex.rawValue)
            try await site.start("b", seeds: names)
            try await site.until {
                view = a.view
                return view.hasQuorum
            }
            // The new leader's first entry, which is nobody's, and one that was asked for.
            let committed = try #require(view.status?.commitIndex.rawValue)
            #expect(committed >= last + 2)
        }
    }
}
