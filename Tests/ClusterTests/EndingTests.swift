import Ledger
import NIOCore
import Replica
import Testing
import Wire

@testable import Cluster
@testable import Replica

/// What is asked when it cannot be done, or is asked too often.
@Suite(.timeLimit(.minutes(2))) struct EndingTests {
    @Test func whoAsksForASnapshotOfANodeThatHasEndedIsTold() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            try await site.write("a", times: 3)
            await site.stop("a")
            await #expect(throws: OperationError.stopped) { _ = try await a.compact() }
        }
    }

    @Test func whoWaitsForAChangeIsToldWhenTheNodeEnds() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            let waits = try await a.loop.submit { [driver = a.driver] in
                driver.value.changed(within: .hours(1))
            }.get()
            await site.stop("a")
            await #expect(throws: OperationError.stopped) { try await waits.get() }
        }
    }

    @Test func whoAsksANodeWhoseStateIsDoubtfulIsToldSo() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            for name in ["a", "b", "c"] {
                try await site.start(name, seeds: ["a", "b", "c"], checkpointEntries: 8)
            }
            for name in ["a", "b", "c"] { try await site.node(name).serving() }
            // Three states, none of which a majority has: what a fault of memory could do.
            for (number, name) in ["a", "b"].enumerated() {
                try site.node(name).shared.withNode { node in
                    node.replica?.machine = Ledger(
                        genesis: Genesis(
                            clusterID: ClusterID(high: 6, low: UInt64(number)),
                            secret: Array(repeating: UInt8(number), count: LedgerBounds.secretBytes)
                        )
                    )
                }
            }
            let c = try site.node("c")
            let loop = site.group.next()
            // Up to the next entry after which digests are compared.
            try await site.until {
                try await loop.flatSubmit {
                    let promise = loop.makePromise(of: Void.self)
                    c.makeClient(on: loop).submit(Array(repeating: .raiseVersion(to: 1), count: 4)) { _ in
                        promise.succeed()
                    }
                    return promise.futureResult
                }.get()
                return c.shared.withNode { $0.replica?.isStateDoubtful == true }
            }
            await #expect(throws: OperationError.diverged) { _ = try await c.remove(name: "a") }
            await #expect(throws: OperationError.diverged) { _ = try await c.status(isStale: false) }
        }
    }

}
