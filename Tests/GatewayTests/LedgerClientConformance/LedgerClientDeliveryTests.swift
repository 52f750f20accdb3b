import Ledger
import NIOConcurrencyHelpers
import NIOCore
import Testing

/// How results come back: on the loop that asked, later, once, in order.
@Suite(.timeLimit(.minutes(2))) struct LedgerClientDeliveryTests {
    @Test(arguments: ledgerFactories)
    func everyCompletionRunsOnceLaterOnTheLoopThatAskedInTheOrderOfTheCalls(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let policy = try await ledger.found([.free(burst: 1_000_000)])
            let calls = 200
            for client in ledger.clients {
                let finished = client.eventLoop.makePromise(of: Void.self)
                client.eventLoop.execute {
                    var order: [Int] = []
                    for call in 0..<calls {
                        var isSubmitting = true
                        // Some calls ask for nothing, some for several things.
                        let commands = [Command](repeating: policy.charge(), count: call % 3)
                        client.value.submit(commands) { result in
                            client.eventLoop.preconditionInEventLoop()
                            #expect(!isSubmitting, "within the call")
                            #expect((try? result.get())?.count == commands.count)
                            order.append(call)
                            guard call == calls - 1 else { return }
                            #expect(order == Array(0..<calls))
                            // Whatever would still come, once too often, comes before this.
                            client.eventLoop.assumeIsolated().execute {
                                #expect(order.count == calls)
                                finished.succeed()
                            }
                        }
                        isSubmitting = false
                    }
                    #expect(order.isEmpty)
                }
                try await finished.futureResult.get()
            }
        }
    }

    @Test(arguments: ledgerFactories)
    func whatACompletionSubmitsIsAnsweredToo(_ factory: LedgerFactory) async throws {
        try await factory.with(clients: 2) { ledger in
            let policy = try await ledger.found([.free(burst: 50)])
            for client in ledger.clients {
                let count = try await client.eventLoop.flatSubmit {
                    let promise = client.eventLoop.makePromise(of: Int.self)
                    @Sendable func next(_ admitted: Int) {
                        client.value.submit([policy.charge()]) { result in
                            guard case .success(let results) = result else {
                                return promise.fail(LedgerUnavailable.stopped)
                            }
                            if results.first?.isAdmitted == true {
                                next(admitted + 1)
                            } else {
                                promise.succeed(admitted)
                            }
                        }
                    }
                    next(0)
                    return promise.futureResult
                }.get()
                // The first loop takes all of the burst, one by one; the second finds nothing left.
                #expect(count == (client.eventLoop === ledger.clients[0].eventLoop ? 50 : 0))
            }
        }
    }

    @Test(arguments: ledgerFactories)
    func resultsAreInTheOrderOfTheCommands(_ factory: LedgerFactory) async throws {
        try await factory.with(clients: 1) { ledger in
            let policy = try await ledger.found([.free(burst: 2)])
            let spend = policy.spend(1, grants: 1)
            let results = try await ledger.submit(
                0,
                [
                    policy.charge(), .spend(spend), policy.charge(), policy.charge(), .spend(spend),
                    policy.charge([], pass: policy.pass(of: spend)), policy.charge([], pass: policy.pass(of: spend)),
                    .raiseVersion(to: 0),
                ]
            )
            try #require(results.count == 8)
            #expect(results[0].isAdmitted && results[2].isAdmitted && results[3].isRefused)
            if case .opened? = results[1].spendOutcome {} else { Issue.record("the first spend opens: \(results[1])") }
            #expect(results[4] == .spent(.alreadySpent))
            #expect(results[5] == .charged(.admitted(limits: [], passRemaining: 0)))
            #expect(results[6] == .charged(.passRefused(.exhausted)))
            // A cluster may have agreed on the next version meanwhile.
            #expect([.versionRaised(to: 1), .versionRaised(to: 2)].contains(results[7]))
        }
    }

    @Test(arguments: ledgerFactories)
    func manyCommandsOfOneCallAreAllAnswered(_ factory: LedgerFactory) async throws {
        try await factory.with(clients: 2) { ledger in
            let policy = try await ledger.found([.free(burst: 9_000)])
            // More than the ledger keeps results for in one session.
            let count = 2 * LedgerBounds.resultsPerSession + 1_808
            let commands = (0..<count).map { policy.charge(key: UInt64($0 % 2)) }
            let results = try await ledger.submit(1, commands)
            #expect(results.count == count)
            // Each key's units go down by one, in order.
            for (index, result) in results.enumerated()
            where result.states.first?.remaining != UInt64(9_000 - index / 2 - 1) {
                Issue.record("command \(index): \(result)")
                break
            }
        }
    }

    /// More than a client takes: refused in order with `overloaded`, none of it applied, and the next turn is as ever.
    @Test(arguments: ledgerFactories)
    func overloadIsToldInOrderAndAppliesNothing(_ factory: LedgerFactory) async throws {
        try await factory.with(clients: 2) { ledger in
            guard let count = ledger.overloadingCommands else { return }
            let burst: UInt64 = 1 << 20
            let policy = try await ledger.found([.free(burst: burst)])
            let client = ledger.clients[1]
            let sizes = [10, count, 20, count - 31, 30, 0, 1]
            let words = try await client.eventLoop.flatSubmit {
                let promise = client.eventLoop.makePromise(of: [String].self)
                var words: [String] = []
                for size in sizes {
                    client.value.submit([Command](repeating: policy.charge(), count: size)) { result in
                        switch result {
                        case .success(let results): words.append("\(results.filter(\.isAdmitted).count)")
                        case .failure(let failure): words.append("\(failure.reason)")
                        }
                        if words.count == sizes.count { promise.succeed(words) }
                    }
                }
                return promise.futureResult
            }.get()
            #expect(words.count == sizes.count)
            var admitted: UInt64 = 0
            for (word, size) in zip(words, sizes) {
                #expect(word == "overloaded" || word == "\(size)", "all of a call or nothing: \(words)")
                admitted += UInt64(word) ?? 0
            }
            // One call that alone is more than a client takes is never taken, a small one before it always.
            #expect(words[0] == "10" && words[1] == "overloaded")
            let after = try await ledger.submit(1, [policy.charge(cost: 0)])
            #expect(after.first?.states.first?.remaining == burst - admitted)
        }
    }
}
