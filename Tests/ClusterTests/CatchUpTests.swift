import Ledger
import NIOCore
import Testing

@testable import Cluster

/// Waiting for what others know already: bounded, whoever asks for it.
@Suite(.timeLimit(.minutes(2))) struct CatchUpTests {
    @Test func manyAtOnceCostTwoReads() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            let asked = try await a.loop.flatSubmit { [driver = a.driver] in
                let driver = driver.value
                let promise = driver.loop.makePromise(of: UInt64.self)
                let before = driver.nextRequest
                var answered = 0
                for _ in 0..<1_000 {
                    driver.catchUp { result in
                        if case .failure(let failure) = result { Issue.record("\(failure)") }
                        answered += 1
                        if answered == 1_000 { promise.succeed(driver.nextRequest - before) }
                    }
                }
                return promise.futureResult
            }.get()
            // What came when the first was under way already must not be answered by it.
            #expect(asked == 2)
        }
    }

    @Test func oneLoopMayHaveSoManyWait() async throws {
        try await Site.with(["a"]) { site in
            let a = try await site.startAlone("a")
            try await a.serving()
            let loop = site.group.next()
            let counts = try await loop.flatSubmit {
                let client = a.makeClient(on: loop)
                let promise = loop.makePromise(of: (refused: Int, caughtUp: Int).self)
                var (refused, caughtUp) = (0, 0)
                for _ in 0..<ClusterLedgerClient.catchUpsMax + 7 {
                    client.catchUp { result in
                        switch result {
                        case .success: caughtUp += 1
                        case .failure(let failure):
                            #expect(failure == .overloaded)
                            refused += 1
                        }
                        if refused + caughtUp == ClusterLedgerClient.catchUpsMax + 7 {
                            promise.succeed((refused, caughtUp))
                        }
                    }
                }
                return promise.futureResult
            }.get()
            #expect(counts.refused == 7 && counts.caughtUp == ClusterLedgerClient.catchUpsMax)
        }
    }

    @Test func withoutAMajorityNobodyIsToldThatItHas() async throws {
        let trio = try await Trio()
        do {
            await trio.stop("b")
            await trio.stop("c")
            let a = try #require(trio.nodes["a"])
            let loop = trio.group.next()
            let failure = try await loop.flatSubmit {
                let client = a.makeClient(on: loop)
                let promise = loop.makePromise(of: LedgerUnavailable?.self)
                client.catchUp { result in
                    if case .failure(let failure) = result { promise.succeed(failure) } else { promise.succeed(nil) }
                }
                return promise.futureResult
            }.get()
            #expect(failure == .noQuorum)
        } catch {
            try await trio.stopAll()
            throw error
        }
        try await trio.stopAll()
    }
}
