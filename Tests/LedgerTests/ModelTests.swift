import TestSupport
import Testing

@testable import Ledger

@Suite struct ModelTests {
    /// What of the ledger and of the model can be compared beside results.
    private func expectSame(_ ledger: Ledger, _ model: ModelLedger, _ where: Comment) {
        let counts = ledger.counts
        #expect(counts.keys == model.buckets.keys.count { $0.kind == "own" }, `where`)
        #expect(counts.fallbacks == model.buckets.keys.count { $0.kind == "fallback" }, `where`)
        #expect(counts.records == model.records.count, `where`)
        #expect(counts.slices == model.slices.count, `where`)
        #expect(counts.overrides == model.overrides.count, `where`)
        #expect(counts.sessions == model.sessions.count, `where`)
        #expect(counts.results == model.sessions.reduce(0) { $0 + $1.results.count }, `where`)
        #expect(counts.warmAddresses == model.prefixes.keys.count { $0.kind == "heat" && $0.level == 0 }, `where`)
        #expect(counts.warmNeighbourhoods == model.prefixes.keys.count { $0.kind == "heat" && $0.level > 0 }, `where`)
        #expect(counts.issuedPrefixes == model.prefixes.keys.count { $0.kind == "issued" }, `where`)
        let facts = ledger.facts
        #expect(facts.priceVersion == model.priceVersion && facts.prices.count == model.prices.count, `where`)
        #expect(facts.prices.allSatisfy { model.prices[$0.policy.rawValue] == $0.factor }, `where`)
        #expect(facts.revision == model.revision && facts.ledgerVersion == model.version, `where`)
        #expect(facts.epochs == model.epochs && facts.time.nanoseconds == model.now, `where`)
        #expect(facts.policies.map(\.id.rawValue) == model.policies.map(\.id).sorted(), `where`)
        for policy in model.policies {
            let same = facts.policies.first { $0.id.rawValue == policy.id }
            #expect(same?.name == policy.name && same?.maxKeys == policy.maxKeys, `where`)
            #expect(same?.limits.map(\.definition) == policy.limits.map(\.definition), `where`)
            #expect(same?.limits.map(\.id.rawValue) == policy.limits.map(\.id), `where`)
        }
        for (name, state) in model.overrides {
            let held = ledger.override(policy: PolicyID(rawValue: name.policy), key: name.key)
            #expect(held == state, `where`)
        }
        for (name, record) in model.records {
            #expect(ledger.pass(name.challenge, recordExpiry: record.pass.recordExpiry) == record.pass, `where`)
        }
    }

    @Test(arguments: 0..<8)
    func agreesWithTheModelAndWithItselfAfterEveryRestore(part: Int) throws {
        let seed = seed()
        for run in 0..<25 {
            let runSeed = seed &+ UInt64(part * 1_000 + run)
            var generator = CommandGenerator(seed: runSeed)
            let genesis = Fixture.genesis(maxRecords: generator.random.oneIn(2) ? 12 : 1_000_000)
            var ledger = Ledger(genesis: genesis)
            var model = ModelLedger(genesis)
            // One that goes through its bytes after each batch, as do the batches that it gets.
            var restored = ledger
            var index: UInt64 = 0
            for step in 0..<60 {
                index += 1 + generator.random.below(3)
                let batch = generator.batch(ledger.facts, index: index)
                let results = ledger.apply(batch, index: index)
                let place: Comment = "seed \(runSeed), step \(step)"
                try #require(results == model.apply(batch, index: index), place)
                expectSame(ledger, model, place)

                let bytes = batch.encode()
                var decoded = batch
                if batch.isWithinBounds {
                    decoded = try Batch(decoding: bytes)
                    try #require(decoded == batch && decoded.encode() == bytes, place)
                } else {
                    #expect(throws: LedgerDecodingError.self, place) { try Batch(decoding: bytes) }
                }
                try #require(restored.apply(decoded, index: index) == results, place)
                try #require(restored.digest == ledger.digest, place)
                try #require(restored.facts == ledger.facts, place)
                restored = try Ledger(restoring: restored.snapshot())
                try #require(restored.digest == ledger.digest, place)
                try #require(restored.counts.keys == ledger.counts.keys, place)
            }
        }
    }

    @Test func everyKindOfAnswerOccursInTheRuns() {
        // A generator that never reached a case would make the test above prove less than it says.
        var seen: Set<String> = []
        for seed in 0..<UInt64(60) {
            var generator = CommandGenerator(seed: seed)
            var ledger = Ledger(genesis: Fixture.genesis(maxRecords: 12))
            for index in 1...UInt64(60) {
                let batch = generator.batch(ledger.facts, index: index)
                for (command, result) in zip(batch.commands, ledger.apply(batch, index: index)) {
                    seen.insert(label(result))
                    if let settled = settlement(command.command, result) { seen.insert(settled) }
                }
            }
        }
        let expected: Set<String> = [
            "sessionOpened", "policiesSet", "rotated", "versionRaised", "admitted", "admitted by a pass", "refused",
            "refused for ever", "denied", "denied for good", "pass unknown", "pass expired", "pass exhausted",
            "pass otherClient", "pass policyMismatch", "invalid unknownPolicy", "invalid unknownLimit",
            "invalid tooManyLimits", "opened", "repeated", "alreadySpent", "expired", "fromFuture", "full", "invalid",
            "rebound", "unchanged", "tooSoon", "rebind exhausted", "rebind unknown", "set", "removed", "conflict",
            "unknownPolicy", "badRate", "rejected unknownSession", "rejected belowFloor",
            "rejected tooManyUnacknowledged", "rejected secondSession", "rejected badSecret", "policies conflict",
            "policies duplicateName", "policies badMaxKeys", "policies badRate", "rejected unknownToMembers",
            "lent", "loan refused", "loan refused for ever", "loan refused while others hold units", "loan denied",
            "loan denied for good", "loan invalid unknownPolicy", "loan invalid unknownLimit", "restored",
            "restored nothing", "slice unknown", "opened with a part", "opened with 1", "counted", "counted too many",
            "counts invalid", "prices set", "prices conflict", "prices unknownPolicy", "prices invalid", "reported",
            "report unknownPolicy", "report invalid",
            "reset", "reset nothing", "reset unknownPolicy",
        ]
        #expect(expected.subtracting(seen).isEmpty, "never seen: \(expected.subtracting(seen).sorted())")
    }

    private func settlement(_ command: Command, _ result: CommandResult) -> String? {
        guard case .spend(let spend) = command, case .spent(.opened(let pass)) = result, spend.grants > 1,
            pass.remaining < spend.grants
        else { return nil }
        return pass.remaining == 1 ? "opened with 1" : "opened with a part"
    }

    private func label(_ result: CommandResult) -> String {
        switch result {
        case .sessionOpened: "sessionOpened"
        case .policiesSet: "policiesSet"
        case .policiesRefused(.revisionConflict): "policies conflict"
        case .policiesRefused(.duplicateName): "policies duplicateName"
        case .policiesRefused(.badMaxKeys): "policies badMaxKeys"
        case .policiesRefused(.badRate): "policies badRate"
        case .policiesRefused: "policies other"
        case .charged(.admitted(_, nil)): "admitted"
        case .charged(.admitted): "admitted by a pass"
        case .charged(.refused(_, .max, _)): "refused for ever"
        case .charged(.refused): "refused"
        case .charged(.denied(nil)): "denied for good"
        case .charged(.denied): "denied"
        case .charged(.passRefused(let reason)): "pass \(reason)"
        case .charged(.invalid(let reason)): "invalid \(reason)"
        case .spent(.opened): "opened"
        case .spent(.repeated): "repeated"
        case .spent(let outcome): "\(outcome)"
        case .rebound(.rebound): "rebound"
        case .rebound(.tooSoon): "tooSoon"
        case .rebound(.unchanged): "unchanged"
        case .rebound(let outcome): "rebind \(outcome)"
        case .overridden(.set): "set"
        case .overridden(.conflict): "conflict"
        case .overridden(let outcome): "\(outcome)"
        case .rotated: "rotated"
        case .versionRaised: "versionRaised"
        case .lent(.lent): "lent"
        case .lent(.refused(.max, _, _)): "loan refused for ever"
        case .lent(.refused(_, _, 0)): "loan refused"
        case .lent(.refused): "loan refused while others hold units"
        case .lent(.denied(nil)): "loan denied for good"
        case .lent(.denied): "loan denied"
        case .lent(.invalid(let reason)): "loan invalid \(reason)"
        case .lent(.tooManySlices): "too many slices"
        case .returned(.restored(0)): "restored nothing"
        case .returned(.restored): "restored"
        case .returned(.unknown): "slice unknown"
        case .recorded(.counted(exceeded: [])): "counted"
        case .recorded(.counted): "counted too many"
        case .recorded(.invalid): "counts invalid"
        case .reported(let outcome): if case .charged = outcome { "reported" } else { "report \(outcome)" }
        case .pricesSet(.set): "prices set"
        case .pricesSet(.conflict): "prices conflict"
        case .pricesSet(let outcome): "prices \(outcome)"
        case .reset(.full([])): "reset nothing"
        case .reset(.full): "reset"
        case .reset(.unknownPolicy): "reset unknownPolicy"
        case .rejected(let reason): "rejected \(reason)"
        }
    }
}
