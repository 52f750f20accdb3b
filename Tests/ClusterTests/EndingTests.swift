import Ledger
import NIOConcurrencyHelpers
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

    @Test func aNodeThatIsEndedTwiceAtOnceEndsOnce() async throws {
        try await Site.with(["a"]) { site in
            for _ in 0..<10 {
                let a = try await site.startAlone("a")
                try await a.serving()
                let loop = site.group.next()
                // Something is being written meanwhile.
                loop.execute {
                    let client = a.makeClient(on: loop)
                    for _ in 0..<64 { client.submit([.raiseVersion(to: 1)]) { _ in } }
                }
                let directory = site.directory("a")
                let one = NIOLock()
                await withTaskGroup(of: Void.self) { tasks in
                    for _ in 0..<4 {
                        tasks.addTask {
                            await a.stop()
                            // Whoever is told so finds the folder free.
                            one.withLock {
                                do { try DirectoryLock(directory: directory).release() } catch {
                                    Issue.record("\(error)")
                                }
                            }
                        }
                    }
                }
                site.nodes["a"] = nil
            }
        }
    }

    @Test func aClientThatNobodyHasIsNotToldOfNewFacts() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            // Each makes a client, as a gateway does that does not come to be for want of a majority.
            try await site.write("a", times: 20)
            let count = try await a.loop.submit { [driver = a.driver] in driver.value.listeners.count }.get()
            #expect(count <= 2, "the last one, and one that is on its way")
        }
    }

    @Test func oneBackupIsTakenAtATime() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            var first: Backup? = try await a.backup(isStale: false)
            for isStale in [false, true] {
                let second = await #expect(throws: OperationError.self) { _ = try await a.backup(isStale: isStale) }
                guard case .busy? = second else {
                    Issue.record("\(String(describing: second))")
                    return
                }
            }
            // Whoever has all of it may ask again at once.
            try first?.write { _ in }
            let second = try await a.backup(isStale: true)
            #expect(second.head.index == first?.head.index)
            // The turn of the first is over, and does not end another's.
            first = nil
            await #expect(throws: OperationError.self) { _ = try await a.backup(isStale: true) }
            withExtendedLifetime(second) {}
        }
    }

    @Test func aBackupThatNobodyTakesIsForgotten() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            for _ in 0..<3 { _ = try await a.backup(isStale: true) }
        }
    }
}
