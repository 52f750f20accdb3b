import TestSupport
import Testing
import Wire

@testable import Ledger

@Suite struct PriceModelTests {
    /// Addresses that get as hot as they can, so that every part of the curves is met.
    @Test func hotAddressesAreSettledAsInTheModel() throws {
        let seed = seed()
        var random = Seeded(seed)
        let genesis = Fixture.genesis()
        var ledger = Ledger(genesis: genesis)
        var model = ModelLedger(genesis)
        var index: UInt64 = 0
        var sequence: UInt64 = 0
        var time: UInt64 = 0
        var granted: Set<UInt32> = []
        func apply(_ commands: [Command]) throws {
            index += 1
            let sequenced = commands.map { command in
                sequence += 1
                return SequencedCommand(
                    session: SessionID(rawValue: 1),
                    sequence: sequence,
                    floor: sequence,
                    command: command
                )
            }
            let batch = Batch(time: LedgerTime(nanoseconds: time), commands: sequenced)
            let results = ledger.apply(batch, index: index)
            try #require(results == model.apply(batch, index: index), "seed \(seed), batch \(index)")
            for case .spent(.opened(let pass)) in results { granted.insert(pass.remaining) }
        }
        let policies = [PolicyDefinition(name: "api", maxKeys: 9, limits: [])]
        try apply([.openSession(owner: ReplicaID(high: 1, low: 1))])
        try apply([.raiseVersion(to: 2), .setPolicies(expectedRevision: 0, policies: policies)])
        for _ in 0..<120 {
            time += random.oneIn(20) ? random.below(2_000 * second) : random.below(10 * second)
            let spends = (0..<random.below(100)).map { _ in
                let keys = PrefixKeys(
                    address: .test(random.below(2)),
                    neighbourhoods: (0..<random.below(4)).map { .test(100 + $0) }
                )
                let issue = random.oneIn(4) ? Price.one << UInt32(random.below(8)) : Price.one
                return Command.spend(
                    Spend(
                        challenge: ChallengeID(high: random.next(), low: 1),
                        policy: PolicyID(rawValue: 1),
                        issued: LedgerTime(nanoseconds: time),
                        challengeLifetime: 60,
                        passLifetime: 60,
                        grants: 1_000_000,
                        binding: 0,
                        idempotencyKey: nil,
                        pricing: SpendPricing(issuePrice: issue, keys: keys)
                    )
                )
            }
            try apply(spends)
            if random.oneIn(5) { ledger = try Ledger(restoring: ledger.snapshot()) }
        }
        #expect(granted.min()! < 2_000 && granted.max()! == 1_000_000 && granted.count > 500)
    }
}
