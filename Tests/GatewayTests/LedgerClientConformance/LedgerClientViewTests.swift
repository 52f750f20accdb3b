import Ledger
import NIOCore
import Testing

/// What a loop can see of the ledger without asking: facts, time, spent challenges.
@Suite(.timeLimit(.minutes(2))) struct LedgerClientViewTests {
    @Test(arguments: ledgerFactories)
    func whoSetsPoliciesSeesThemInItsCompletion(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let client = ledger.clients[2]
            let (before, after) = try await client.eventLoop.flatSubmit {
                let promise = client.eventLoop.makePromise(of: (LedgerFacts, LedgerFacts).self)
                let before = client.value.facts
                let policy = PolicyDefinition(name: "api", maxKeys: 10, limits: [.free(burst: 3)])
                client.value.submit([.setPolicies(expectedRevision: before.revision, policies: [policy])]) { _ in
                    promise.succeed((before, client.value.facts))
                }
                return promise.futureResult
            }.get()
            #expect(before.revision == 0 && before.policies.isEmpty)
            #expect(after.revision == 1 && after.generation > before.generation)
            #expect(after.policies.map(\.name) == ["api"] && after.policies[0].limits.count == 1)
            #expect(after.policies[0].limits[0].definition == .free(burst: 3))
            #expect(
                after.clusterID == before.clusterID && after.secret == before.secret && after.epochs == before.epochs
            )
        }
    }

    @Test(arguments: ledgerFactories)
    func otherLoopsSeeThemWithTheirNextResult(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let policy = try await ledger.found([.free(burst: 100)])
            let expected = try await ledger.on(0) { $0.facts }
            for client in ledger.clients.indices {
                _ = try await ledger.submit(client, [policy.charge()])
                let facts = try await ledger.on(client) { $0.facts }
                #expect(facts.generation == expected.generation && facts.policies == expected.policies)
            }
        }
    }

    @Test(arguments: ledgerFactories)
    func everyLoopIssuesByWhatWasRedeemedAnywhere(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            _ = try await ledger.submit(0, [.raiseVersion(to: Ledger.lendingVersion)])
            let policy = try await ledger.found([.free(burst: 100)])
            let keys = PrefixKeys(
                address: QuotaKey(high: 9, low: 1),
                neighbourhoods: [QuotaKey(high: 9, low: 2), QuotaKey(high: 9, low: 3)]
            )
            let stranger = PrefixKeys(address: QuotaKey(high: 9, low: 4), neighbourhoods: [])
            let spends = (0..<64 as Range<UInt64>).map { number in
                var spend = policy.spend(number)
                spend.pricing = SpendPricing(issuePrice: Price.one, keys: keys)
                return Command.spend(spend)
            }
            let results = try await ledger.submit(0, spends)
            #expect(results.count { if case .spent(.opened) = $0 { true } else { false } } == 64)
            let count = IssuedCount(key: keys.address, level: .address, count: 7_000)
            let factor = PolicyPrice(policy: policy.id, factor: 3 << 16)
            let set = try await ledger.submit(
                1,
                [
                    .record(IssueReport(counts: [count])),
                    .setPrices(PriceChange(expectedVersion: 0, factors: [factor])),
                ]
            )
            #expect(set.last == .pricesSet(.set(version: 1)))
            for client in ledger.clients.indices {
                _ = try await ledger.submit(client, [policy.charge()])
                let (terms, other) = try await ledger.on(client) {
                    ($0.issueTerms(of: keys, policy: policy.id), $0.issueTerms(of: stranger, policy: policy.id))
                }
                // Four, or a little less where time has passed.
                #expect(terms.price.client > 7 << 15 && terms.price.client <= 4 << 16)
                #expect(terms.price.cluster == 3 << 16 && terms.waitNanoseconds > 0)
                #expect(other == IssueTerms(price: Price(client: Price.one, cluster: 3 << 16), waitNanoseconds: 0))
            }
        }
    }

    @Test(arguments: ledgerFactories)
    func whoHasCaughtUpSeesWhatWasDecidedElsewhere(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            for round in 2..<6 {
                let secret = [UInt8](repeating: UInt8(round), count: LedgerBounds.secretBytes)
                #expect(try await ledger.submit(0, [.rotate(secret: secret)]) == [.rotated(epoch: UInt32(round))])
                let client = ledger.clients[round % 3 + 1]
                let (epoch, changes) = try await client.eventLoop.flatSubmit {
                    let promise = client.eventLoop.makePromise(of: (UInt32?, Int).self)
                    var isAsking = true
                    var answers = 0
                    var changes = 0
                    let before = client.value.facts.generation
                    client.value.onFactsChange = { changes += 1 }
                    for _ in 0..<3 {
                        client.value.catchUp { result in
                            client.eventLoop.preconditionInEventLoop()
                            #expect(!isAsking, "within the call")
                            if case .failure(let failure) = result { Issue.record("\(failure)") }
                            answers += 1
                            guard answers == 3 else { return }
                            let facts = client.value.facts
                            client.value.onFactsChange = nil
                            // It may have heard of it before it asked.
                            promise.succeed((facts.epochs.last?.number, facts.generation == before ? 1 : changes))
                        }
                    }
                    isAsking = false
                    return promise.futureResult
                }.get()
                #expect(epoch == UInt32(round))
                #expect(changes >= 1, "and is told of it")
            }
        }
    }

    @Test(arguments: ledgerFactories)
    func aRefusedRevisionChangesNoFacts(_ factory: LedgerFactory) async throws {
        try await factory.with(clients: 2) { ledger in
            _ = try await ledger.found([.free(burst: 1)])
            let before = try await ledger.on(0) { $0.facts }
            let late = try await ledger.submit(0, [.setPolicies(expectedRevision: 0, policies: [])])
            #expect(late == [.policiesRefused(.revisionConflict(current: 1))])
            let after = try await ledger.on(0) { $0.facts }
            #expect(after.generation == before.generation && after.policies == before.policies)
        }
    }

    @Test(arguments: ledgerFactories)
    func everyChangeOfTheFactsIsANewGeneration(_ factory: LedgerFactory) async throws {
        try await factory.with(clients: 2) { ledger in
            _ = try await ledger.found([.free(burst: 1)])
            var generation = try await ledger.on(0) { $0.facts.generation }
            for round in 0..<3 {
                let secret = [UInt8](repeating: UInt8(round), count: LedgerBounds.secretBytes)
                _ = try await ledger.submit(round % 2, [.rotate(secret: secret)])
                let facts = try await ledger.on(round % 2) { $0.facts }
                #expect(facts.generation > generation)
                #expect(facts.epochs.last?.secret == secret)
                generation = facts.generation
            }
        }
    }

    @Test(arguments: ledgerFactories) func factsNeverGoBack(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let policy = try await ledger.found([.free(burst: 1_000)])
            let rotations = (0..<40).map { number in
                ledger.enqueue(number % 2, [.rotate(secret: [UInt8](repeating: UInt8(number), count: 32))])
            }
            for watcher in [2, 3] {
                let client = ledger.clients[watcher]
                let isMonotonic = try await client.eventLoop.flatSubmit {
                    let promise = client.eventLoop.makePromise(of: Bool.self)
                    @Sendable func look(_ last: LedgerFacts, _ left: Int) {
                        let facts = client.value.facts
                        let goesOn = facts.generation >= last.generation && facts.revision >= last.revision
                        guard goesOn, left > 0 else { return promise.succeed(goesOn) }
                        client.value.submit([policy.charge()]) { _ in look(facts, left - 1) }
                    }
                    look(client.value.facts, 50)
                    return promise.futureResult
                }.get()
                #expect(isMonotonic)
            }
            for rotation in rotations { _ = try await rotation.get() }
        }
    }

    @Test(arguments: ledgerFactories) func timeNeverRunsBackwards(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let policy = try await ledger.found([.free(burst: 1_000)])
            var last = [LedgerTime](repeating: .zero, count: ledger.clients.count)
            for round in 0..<50 {
                for client in ledger.clients.indices {
                    let readings = try await ledger.on(client) { client in (0..<5).map { _ in client.now() } }
                    for reading in readings {
                        #expect(reading >= last[client])
                        last[client] = reading
                    }
                    if round % 5 == 0 { _ = try await ledger.submit(client, [policy.charge()]) }
                }
                _ = await ledger.advance(nanoseconds: UInt64(round) * 1_000_003)
            }
        }
    }

    @Test(arguments: ledgerFactories) func unitsComeBackWithTimeAndNotOneSooner(_ factory: LedgerFactory) async throws {
        try await factory.with(clients: 2) { ledger in
            let second: UInt64 = 1_000_000_000
            let policy = try await ledger.found([
                LimitDefinition(role: .free, key: "client", interval: 100 * second, burst: 2)
            ])
            let first = try await ledger.submit(0, [policy.charge(), policy.charge(), policy.charge()])
            #expect(first.map(\.isAdmitted) == [true, true, false])
            let before = try await ledger.on(1) { $0.now() }
            guard await ledger.advance(nanoseconds: 100 * second - 1) else { return }
            #expect(try await ledger.submit(1, [policy.charge()])[0].isRefused)
            _ = await ledger.advance(nanoseconds: 1)
            #expect(try await ledger.submit(0, [policy.charge(), policy.charge()]).map(\.isAdmitted) == [true, false])
            let after = try await ledger.on(1) { $0.now() }
            #expect(after.nanoseconds - before.nanoseconds >= 100 * second)
        }
    }

    @Test(arguments: ledgerFactories) func whatWasSpentIsSeen(_ factory: LedgerFactory) async throws {
        try await factory.with { ledger in
            let policy = try await ledger.found([.free(burst: 100)])
            let plain = policy.spend(1)
            let keyed = policy.spend(2, key: QuotaKey(high: 1, low: 1))
            #expect(try await ledger.on(0) { $0.spent(plain) } == nil)
            // In the completion of the spend, on its loop.
            let client = ledger.clients[0]
            let seen = try await client.eventLoop.flatSubmit {
                let promise = client.eventLoop.makePromise(of: SpendOutcome?.self)
                client.value.submit([.spend(plain), .spend(keyed)]) { _ in promise.succeed(client.value.spent(plain)) }
                return promise.futureResult
            }.get()
            #expect(seen == .alreadySpent)
            // On another loop, after its next result at the latest.
            _ = try await ledger.submit(3, [policy.charge()])
            #expect(try await ledger.on(3) { $0.spent(plain) } == .alreadySpent)
            guard case .repeated? = try await ledger.on(3, { $0.spent(keyed) }) else {
                Issue.record("its idempotency key gets the pass")
                return
            }
            var guessed = keyed
            guessed.idempotencyKey = nil
            let other = guessed
            #expect(try await ledger.on(3) { $0.spent(other) } == .alreadySpent)
            #expect(try await ledger.on(3) { $0.spent(policy.spend(3)) } == nil)
        }
    }
}
