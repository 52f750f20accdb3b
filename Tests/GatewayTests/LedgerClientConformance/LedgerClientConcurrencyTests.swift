import Ledger
import NIOCore
import Testing

/// What several loops do at once is one history.
@Suite(.timeLimit(.minutes(2))) struct LedgerClientConcurrencyTests {
    /// Submits so many times on every loop before any result is awaited; the results, loop after loop.
    private func all(_ ledger: any LedgerUnderTest, each: Int, _ commands: (Int) -> [Command]) async throws
        -> [CommandResult]
    {
        var futures: [EventLoopFuture<[CommandResult]>] = []
        for _ in 0..<each {
            for client in ledger.clients.indices { futures.append(ledger.enqueue(client, commands(client))) }
        }
        var results: [CommandResult] = []
        for future in futures { results += try await future.get() }
        return results
    }

    @Test(arguments: ledgerFactories) func concurrentChargesAdmitExactlyTheBurst(_ factory: LedgerFactory) async throws
    {
        try await factory.with { ledger in
            let policy = try await ledger.found([.free(burst: 500)])
            let results = try await all(ledger, each: 300) { _ in [policy.charge()] }
            #expect(results.count == 300 * ledger.clients.count)
            #expect(results.filter(\.isAdmitted).count == 500)
            #expect(results.filter(\.isRefused).count == results.count - 500)
            // Every unit was given once.
            let left = results.filter(\.isAdmitted).compactMap { $0.states.first?.remaining }
            #expect(left.sorted() == Array(0..<500))
        }
    }

    @Test(arguments: ledgerFactories) func aRefusedChargeDrainsNone(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let policy = try await ledger.found([
                .free(burst: 10), .free(burst: 1_000, key: "client/24,/48"),
                .free(burst: 1_000, key: "all", role: .ceiling),
            ])
            let results = try await all(ledger, each: 100) { _ in [policy.charge([0, 1, 2])] }
            #expect(results.filter(\.isAdmitted).count == 10)
            let state = try await ledger.submit(0, [policy.charge([0, 1, 2], cost: 0)])
            #expect(state.first?.states.map(\.remaining) == [0, 990, 990])
        }
    }

    @Test(arguments: ledgerFactories) func aChallengeIsSpentOnce(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let policy = try await ledger.found([.free(burst: 1)])
            let results = try await all(ledger, each: 25) { _ in [.spend(policy.spend(1))] }
            let opened = results.filter { if case .opened? = $0.spendOutcome { true } else { false } }
            #expect(opened.count == 1)
            #expect(results.filter { $0 == .spent(.alreadySpent) }.count == results.count - 1)
        }
    }

    @Test(arguments: ledgerFactories) func theSameIdempotencyKeyGetsTheSamePass(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let policy = try await ledger.found([.free(burst: 1)])
            let spend = policy.spend(1, key: QuotaKey(high: 3, low: 4))
            let results = try await all(ledger, each: 25) { _ in [.spend(spend)] }
            var passes: Set<PassState> = []
            var opened = 0
            for result in results {
                switch result.spendOutcome {
                case .opened(let pass)?:
                    opened += 1
                    passes.insert(pass)
                case .repeated(let pass)?: passes.insert(pass)
                default: Issue.record("\(result)")
                }
            }
            #expect(opened == 1 && passes.count == 1)
            var guessed = spend
            guessed.idempotencyKey = QuotaKey(high: 3, low: 5)
            let other = try await ledger.submit(2, [.spend(guessed), .spend(policy.spend(1))])
            #expect(other == [.spent(.alreadySpent), .spent(.alreadySpent)])
        }
    }

    @Test(arguments: ledgerFactories) func aGrantIsExact(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let policy = try await ledger.found([.free(burst: 1_000_000, role: .ceiling)])
            let spend = policy.spend(1, grants: 70)
            _ = try await ledger.submit(3, [.spend(spend)])
            let results = try await all(ledger, each: 50) { _ in [policy.charge(pass: policy.pass(of: spend))] }
            #expect(results.filter(\.isAdmitted).count == 70)
            #expect(results.filter { $0 == .charged(.passRefused(.exhausted)) }.count == results.count - 70)
            let state = try await ledger.submit(0, [policy.charge(cost: 0)])
            #expect(state.first?.states.first?.remaining == 999_930)
        }
    }

    /// Each loop counts for itself: no result is another loop's, none is applied twice or lost.
    @Test(arguments: ledgerFactories) func loopsDoNotGetEachOthersResults(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let policy = try await ledger.found([.free(burst: 400)])
            var futures: [[EventLoopFuture<[CommandResult]>]] = ledger.clients.map { _ in [] }
            for _ in 0..<100 {
                for client in ledger.clients.indices {
                    futures[client].append(
                        ledger.enqueue(client, [policy.charge(key: UInt64(client), cost: UInt32(client) + 1)])
                    )
                }
            }
            for client in ledger.clients.indices {
                for (index, future) in futures[client].enumerated() {
                    let states = try await future.get().first?.states.map(\.remaining)
                    #expect(states == [UInt64(400 - (index + 1) * (client + 1))])
                }
            }
        }
    }

    @Test(arguments: ledgerFactories) func onlyOneOfSeveralRevisionsWins(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let results = try await all(ledger, each: 5) { client in
                let policy = PolicyDefinition(name: "of-\(client)", maxKeys: 1, limits: [.free(burst: 1)])
                return [.setPolicies(expectedRevision: 0, policies: [policy])]
            }
            #expect(results.filter { $0 == .policiesSet(revision: 1) }.count == 1)
            #expect(
                results.filter { $0 == .policiesRefused(.revisionConflict(current: 1)) }.count == results.count - 1
            )
        }
    }
}
