import Testing

@testable import Ledger

@Suite struct PolicyTests {
    private func set(_ fixture: inout Fixture, _ policies: [PolicyDefinition]) -> CommandResult {
        fixture.apply(.setPolicies(expectedRevision: fixture.ledger.facts.revision, policies: policies))
    }

    private func policy(_ name: String, _ limits: [LimitDefinition] = [], maxKeys: UInt32 = 10) -> PolicyDefinition {
        PolicyDefinition(name: name, maxKeys: maxKeys, limits: limits)
    }

    // envoyproxy/ratelimit#185: raising a limit did not help until the window ended.
    @Test func raisingALimitHelpsAtOnce() {
        var fixture = Fixture([.free(minute, 10)])
        #expect(fixture.drain(1) == 10)
        fixture.set([.free(second, 60)])
        // 10 used of 60: the used units are kept, not the time that they would have taken.
        #expect(fixture.drain(1) == 50)
        #expect(fixture.drain(1, at: second) == 1)
    }

    @Test func loweringALimitGivesNothingBack() {
        var fixture = Fixture([.free(second, 60)])
        #expect(fixture.drain(1) == 60)
        fixture.set([.free(minute, 60)])
        #expect(fixture.drain(1) == 0)
        #expect(fixture.drain(1, at: minute) == 1)
        #expect(fixture.ledger.digest == (try? Ledger(restoring: fixture.ledger.snapshot()))?.digest)
    }

    @Test func aLimitIsItsPolicyItsRoleItsKeyAndItsPlaceAmongThese() {
        var fixture = Fixture()
        let first = [
            policy("a", [.free(10, 1), .ceiling(10, 2), .free(10, 3), .free(10, 4, key: "all")]),
            policy("b", [.free(10, 5)]),
        ]
        #expect(set(&fixture, first) == .policiesSet(revision: 1))
        let old = fixture.ledger.facts.policies
        #expect(old.map(\.id.rawValue) == [1, 2])
        #expect(old.flatMap { $0.limits.map(\.id.rawValue) } == [1, 2, 3, 4, 5])
        let second = [
            policy("c", [.free(10, 5)]),
            policy(
                "a",
                [.free(10, 4, key: "all"), .free(11, 30), .free(10, 1), .free(9, 9), .ceiling(1, 1, key: "all")]
            ),
        ]
        #expect(set(&fixture, second) == .policiesSet(revision: 2))
        let new = fixture.ledger.facts.policies
        #expect(new.map(\.name) == ["a", "c"])
        #expect(new.map(\.id.rawValue) == [1, 3])
        #expect(new[0].limits.map(\.id.rawValue) == [4, 1, 3, 7, 8])
        #expect(new[0].limits[1].definition == .free(11, 30))
        #expect(new[1].limits.map(\.id.rawValue) == [6])
        // What comes back is new.
        #expect(set(&fixture, first) == .policiesSet(revision: 3))
        #expect(fixture.ledger.facts.policies.map(\.id.rawValue) == [1, 4])
        #expect(fixture.ledger.facts.policies[0].limits.map(\.id.rawValue) == [1, 9, 3, 4])
    }

    @Test func aLimitThatGoesTakesItsTableAlong() {
        var fixture = Fixture([.free(minute, 1), .free(minute, 1, key: "b")])
        let empty = fixture.ledger.tableDigest
        #expect(fixture.drain(1) == 1)
        #expect(fixture.drain(1, limit: 1) == 1)
        fixture.set([.free(minute, 1)])
        #expect(fixture.ledger.counts.keys == 1)
        fixture.set([])
        #expect(fixture.ledger.counts.keys == 0)
        #expect(fixture.ledger.tableDigest == empty)
        fixture.set([.free(minute, 1)])
        #expect(fixture.drain(1) == 1)
    }

    @Test func aRevisionComparesAndSets() {
        var fixture = Fixture([.free(10, 1)])
        let before = fixture.ledger.facts
        #expect(
            fixture.apply(.setPolicies(expectedRevision: 0, policies: []))
                == .policiesRefused(.revisionConflict(current: 1))
        )
        #expect(fixture.ledger.facts == before)
        #expect(fixture.apply(.setPolicies(expectedRevision: 1, policies: [])) == .policiesSet(revision: 2))
        #expect(fixture.ledger.facts.generation == before.generation + 1)
        #expect(fixture.ledger.facts.policies.isEmpty)
    }

    @Test func definitionsAreChecked() {
        var fixture = Fixture([.free(10, 1)])
        let before = fixture.ledger.facts
        let good = policy("good", [.free(10, 1)])
        let limit = LimitDefinition.free(10, 1)
        let cases: [([PolicyDefinition], PolicyRefusal)] = [
            ((0...256).map { policy("p\($0)") }, .tooManyPolicies),
            ([good, policy("")], .badName(policy: 1)),
            ([policy(String(repeating: "é", count: 65))], .badName(policy: 0)),
            ([good, policy("x"), good], .duplicateName(policy: 2)),
            ([policy("x", maxKeys: 0)], .badMaxKeys(policy: 0)),
            ([policy("x", maxKeys: LedgerBounds.keysPerLimit + 1)], .badMaxKeys(policy: 0)),
            ([good, policy("x", Array(repeating: limit, count: 17))], .tooManyLimits(policy: 1)),
            ([policy("x", [limit, .free(10, 1, key: "")])], .badKey(policy: 0, limit: 1)),
            ([policy("x", [.free(10, 1, key: String(repeating: "k", count: 257))])], .badKey(policy: 0, limit: 0)),
            ([policy("x", [limit, .free(0, 1)])], .badRate(policy: 0, limit: 1)),
            ([policy("x", [.free(1, 0)])], .badRate(policy: 0, limit: 0)),
            ([policy("x", [.free(1, (1 << 62) + 1)])], .badRate(policy: 0, limit: 0)),
            ([policy("x", [.free(.max, .max)])], .badRate(policy: 0, limit: 0)),
        ]
        for (policies, refusal) in cases {
            #expect(set(&fixture, policies) == .policiesRefused(refusal))
        }
        #expect(fixture.ledger.facts == before)
        let full = (0..<256).map { number in
            policy("\(number)" + String(repeating: "n", count: 120), Array(repeating: limit, count: 16))
        }
        #expect(set(&fixture, full) == .policiesSet(revision: 2))
        let command = Command.setPolicies(expectedRevision: 2, policies: full)
        let batch = Batch(
            time: .zero,
            commands: [SequencedCommand(session: fixture.session, sequence: 1, floor: 1, command: command)]
        )
        #expect(batch.isWithinBounds)
        #expect((try? Batch(decoding: batch.encode())) == batch)
    }

    @Test func textsThatOnlyLookAlikeAreTwo() {
        var fixture = Fixture()
        let composed = "caf\u{E9}"
        let decomposed = "cafe\u{301}"
        #expect(composed == decomposed)
        #expect(set(&fixture, [policy(composed), policy(decomposed)]) == .policiesSet(revision: 1))
        #expect(set(&fixture, [policy(decomposed)]) == .policiesSet(revision: 2))
        #expect(fixture.ledger.facts.policies.map(\.id.rawValue) == [2])
    }

    @Test func epochsAreKeptForAWhile() {
        var fixture = Fixture()
        #expect(
            fixture.ledger.facts.epochs == [KeyEpoch(number: 1, secret: Array(repeating: 7, count: 32), began: .zero)]
        )
        for number in UInt32(2)...11 {
            let secret = Array(repeating: UInt8(number), count: 32)
            #expect(fixture.apply(.rotate(secret: secret), at: UInt64(number)) == .rotated(epoch: number))
        }
        #expect(fixture.ledger.facts.epochs.map(\.number) == Array(4...11))
        #expect(fixture.ledger.facts.epochs.last?.began == LedgerTime(nanoseconds: 11))
        #expect(fixture.ledger.facts.epochs.last?.secret == Array(repeating: 11, count: 32))
        let before = fixture.ledger.facts.generation
        #expect(fixture.apply(.rotate(secret: [1])) == .rejected(.badSecret))
        #expect(fixture.ledger.facts.generation == before)
    }

    @Test func aVersionIsRaisedAndNeverLowered() {
        var fixture = Fixture()
        #expect(fixture.apply(.raiseVersion(to: 3)) == .versionRaised(to: 3))
        #expect(fixture.apply(.raiseVersion(to: 2)) == .versionRaised(to: 3))
        #expect(fixture.ledger.facts.ledgerVersion == 3)
        #expect(fixture.ledger.facts.generation == 1)
    }
}
