import Testing

@testable import Ledger

@Suite struct OverrideTests {
    private func set(
        _ fixture: inout Fixture,
        _ key: UInt64,
        _ value: OverrideValue?,
        expecting version: UInt64? = nil,
        at time: UInt64 = 0
    ) -> CommandResult {
        let policy = fixture.policy
        return fixture.apply(
            .override(OverrideChange(policy: policy, key: .test(key), value: value, expectedVersion: version)),
            at: time
        )
    }

    @Test func otherTermsHoldForTheKeyAlone() {
        var fixture = Fixture([.free(second, 5), .ceiling(second, 5)])
        #expect(set(&fixture, 1, .free(interval: 10, burst: 20)) == .overridden(.set(version: 1)))
        #expect(fixture.drain(1) == 20)
        #expect(fixture.drain(2) == 5)
        // Ceilings stand.
        #expect(fixture.drain(1, limit: 1) == 5)
    }

    @Test func usedUnitsAreKeptWhenTermsComeAndGo() {
        var fixture = Fixture([.free(second, 5)])
        #expect(fixture.drain(1) == 5)
        #expect(set(&fixture, 1, .free(interval: 10, burst: 20)) == .overridden(.set(version: 1)))
        #expect(fixture.drain(1) == 15)
        #expect(set(&fixture, 1, .free(interval: 10 * second, burst: 30)) == .overridden(.set(version: 2)))
        #expect(fixture.drain(1) == 10)
        // A revision of the limit does not concern a key with its own terms.
        fixture.set([.free(minute, 40)])
        #expect(fixture.drain(1) == 0)
        #expect(fixture.drain(1, at: 10 * second) == 1)
        #expect(set(&fixture, 1, nil, at: 10 * second) == .overridden(.removed))
        // 30 of 40 are used.
        #expect(fixture.drain(1, at: 10 * second) == 10)
        #expect(fixture.ledger.digest == (try? Ledger(restoring: fixture.ledger.snapshot()))?.digest)
    }

    @Test func anOverriddenKeyHasItsOwnBucketBeyondTheTable() {
        var fixture = Fixture([.free(second, 5)], maxKeys: 1)
        #expect(fixture.drain(1) == 5)
        #expect(fixture.drain(2, fallback: 7) == 5)
        #expect(set(&fixture, 3, .free(interval: 10, burst: 20)) == .overridden(.set(version: 1)))
        // It begins where its fallback stands: 5 of 20 used.
        #expect(fixture.drain(3, fallback: 7) == 15)
        #expect(fixture.drain(3, fallback: 8, at: 10) == 1)
        #expect(fixture.ledger.counts.keys == 2)
    }

    @Test func aDenialHoldsAgainstEveryChargeOfThePolicyWithTheKey() {
        var fixture = Fixture([.free(second, 5), .ceiling(second, 50)])
        let spend = fixture.spend(1)
        #expect(fixture.apply(spend, at: 0) != .invalid)
        let pass = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: 5)
        let until = LedgerTime(nanoseconds: 100)
        #expect(set(&fixture, 1, .deny(until: until)) == .overridden(.set(version: 1)))
        let denied = ChargeOutcome.denied(retryAfterNanoseconds: 100)
        #expect(fixture.charge([fixture.limitCharge(1)]) == denied)
        #expect(fixture.charge([fixture.limitCharge(2), fixture.limitCharge(1, limit: 1)], pass: pass) == denied)
        #expect(fixture.charge([fixture.limitCharge(2), fixture.limitCharge(2, limit: 1)], pass: pass).isAdmitted)
        // The denial that ends last is told, and one for good before all.
        #expect(set(&fixture, 2, .deny(until: LedgerTime(nanoseconds: 150))) == .overridden(.set(version: 2)))
        let both = [fixture.limitCharge(1), fixture.limitCharge(2)]
        #expect(fixture.charge(both, at: 50) == .denied(retryAfterNanoseconds: 100))
        #expect(set(&fixture, 2, .deny(until: nil)) == .overridden(.set(version: 3)))
        #expect(fixture.charge(both, at: 50) == .denied(retryAfterNanoseconds: nil))
        // A denied charge changes nothing.
        #expect(fixture.ledger.pass(spend.challenge, recordExpiry: spend.recordExpiry)?.remaining == 9)
    }

    @Test func aDenialThatHasEndedIsGone() {
        var fixture = Fixture([.free(second, 5)])
        let policy = fixture.policy
        #expect(set(&fixture, 1, .deny(until: LedgerTime(nanoseconds: 100))) == .overridden(.set(version: 1)))
        #expect(set(&fixture, 2, .deny(until: nil)) == .overridden(.set(version: 2)))
        #expect(fixture.charge([fixture.limitCharge(1)], at: 99) == .denied(retryAfterNanoseconds: 1))
        #expect(fixture.charge([fixture.limitCharge(1)], at: 100).isAdmitted)
        #expect(fixture.ledger.override(policy: policy, key: .test(1)) == nil)
        #expect(fixture.ledger.counts.overrides == 1)
        #expect(set(&fixture, 1, .deny(until: .zero), expecting: 0, at: 100) == .overridden(.set(version: 3)))
        #expect(fixture.ledger.override(policy: policy, key: .test(1)) == nil)
        #expect(fixture.charge([fixture.limitCharge(2)], at: .max) == .denied(retryAfterNanoseconds: nil))
    }

    @Test func versionsCompareAndSetAndAreNeverUsedTwice() {
        var fixture = Fixture([.free(second, 5)])
        let value = OverrideValue.deny(until: nil)
        #expect(set(&fixture, 1, value, expecting: 1) == .overridden(.conflict(current: 0)))
        #expect(set(&fixture, 1, value, expecting: 0) == .overridden(.set(version: 1)))
        #expect(set(&fixture, 1, value, expecting: 0) == .overridden(.conflict(current: 1)))
        #expect(set(&fixture, 2, value) == .overridden(.set(version: 2)))
        #expect(set(&fixture, 1, nil, expecting: 2) == .overridden(.conflict(current: 1)))
        #expect(set(&fixture, 1, nil, expecting: 1) == .overridden(.removed))
        #expect(set(&fixture, 1, nil, expecting: 1) == .overridden(.conflict(current: 0)))
        #expect(set(&fixture, 1, nil) == .overridden(.removed))
        let again = set(&fixture, 1, value, expecting: 0)
        #expect(again == .overridden(.set(version: 4)))
        #expect(
            fixture.ledger.override(policy: fixture.policy, key: .test(1)) == OverrideState(value: value, version: 4)
        )
    }

    @Test func badChangesAreRefused() {
        var fixture = Fixture([.free(second, 5)])
        for (interval, burst) in [(0, 1), (1, 0), (.max, .max), (1 << 32, 1 << 31)] as [(UInt64, UInt64)] {
            let change = set(&fixture, 1, .free(interval: interval, burst: burst))
            #expect(change == .overridden(.badRate))
        }
        let unknown = OverrideChange(policy: PolicyID(rawValue: 7), key: .test(1), value: nil, expectedVersion: nil)
        #expect(fixture.apply(.override(unknown)) == .overridden(.unknownPolicy))
        #expect(fixture.ledger.counts.overrides == 0)
    }

    @Test func overridesAreBounded() {
        var fixture = Fixture([.free(second, 5)])
        let policy = fixture.policy
        var commands: [SequencedCommand] = []
        for number in 0..<UInt64(LedgerBounds.overrides) {
            let change = OverrideChange(
                policy: policy,
                key: .test(number),
                value: .deny(until: nil),
                expectedVersion: 0
            )
            commands.append(
                SequencedCommand(
                    session: fixture.session,
                    sequence: 10 + number,
                    floor: 10 + number,
                    command: .override(change)
                )
            )
        }
        _ = fixture.ledger.apply(Batch(time: .zero, commands: commands), index: 1_000)
        fixture.index = 2_000
        fixture.sequence = 200_000
        #expect(fixture.ledger.counts.overrides == LedgerBounds.overrides)
        #expect(set(&fixture, 1 << 40, .deny(until: nil)) == .overridden(.full))
        #expect(set(&fixture, 0, .free(interval: 1, burst: 1)) == .overridden(.set(version: 65_537)))
        #expect(set(&fixture, 0, nil) == .overridden(.removed))
        #expect(set(&fixture, 1 << 40, .deny(until: nil)) == .overridden(.set(version: 65_539)))
        #expect(fixture.ledger.digest == (try? Ledger(restoring: fixture.ledger.snapshot()))?.digest)
    }

    @Test func aPolicyThatGoesTakesItsOverridesAlong() {
        var fixture = Fixture([.free(second, 5)])
        #expect(set(&fixture, 1, .deny(until: LedgerTime(nanoseconds: 100))) == .overridden(.set(version: 1)))
        #expect(fixture.apply(.setPolicies(expectedRevision: 1, policies: [])) == .policiesSet(revision: 2))
        #expect(fixture.ledger.counts.overrides == 0)
        fixture.set([.free(second, 5)])
        #expect(fixture.charge([fixture.limitCharge(1)], at: 101).isAdmitted)
        #expect(fixture.ledger.digest == (try? Ledger(restoring: fixture.ledger.snapshot()))?.digest)
    }
}
