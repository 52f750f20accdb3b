import Testing

@testable import Ledger

@Suite struct SpendTests {
    private func pass(_ spend: Spend, binding: UInt64? = nil) -> PassCharge {
        PassCharge(
            challenge: spend.challenge,
            recordExpiry: spend.recordExpiry,
            binding: binding ?? spend.binding
        )
    }

    @Test func aChallengeIsSpentOnce() {
        var fixture = Fixture([.free(second, 5)])
        let spend = fixture.spend(1, issued: 10 * second)
        let opened = fixture.apply(spend, at: 20 * second)
        let state = PassState(
            remaining: 10,
            expires: LedgerTime(nanoseconds: 620 * second),
            epoch: 1,
            binding: 5,
            recordExpiry: LedgerTime(nanoseconds: 910 * second)
        )
        #expect(opened == .opened(state))
        for time in [20, 21, 310, 311, 900, 2_000] as [UInt64] {
            let again = fixture.apply(spend, at: time * second)
            #expect(again == (time <= 310 ? .alreadySpent : .expired))
        }
    }

    @Test func theFirstThatCommitsOfAHundredInOneBatchWins() {
        var fixture = Fixture([.free(second, 5)])
        let spend = fixture.spend(1)
        let commands = (0..<UInt64(100)).map {
            SequencedCommand(session: fixture.session, sequence: 2 + $0, floor: 0, command: .spend(spend))
        }
        let results = fixture.ledger.apply(Batch(time: .zero, commands: commands), index: 100)
        #expect(results.filter { $0 == .spent(.alreadySpent) }.count == 99)
        guard case .spent(.opened) = results[0] else {
            Issue.record("\(results[0])")
            return
        }
    }

    @Test func theSameIdempotencyKeyIsAnsweredWithWhatIsLeft() {
        var fixture = Fixture([.free(second, 5)])
        let spend = fixture.spend(1, key: 3)
        guard case .opened(var state) = fixture.apply(spend, at: 0) else {
            Issue.record("not opened")
            return
        }
        #expect(fixture.charge([], cost: 4, pass: pass(spend)) == .admitted(limits: [], passRemaining: 6))
        state.remaining = 6
        #expect(fixture.apply(spend, at: 300 * second) == .repeated(state))
        // A guessed key, none at all, another client: nothing.
        var guess = spend
        guess.idempotencyKey = .test(4)
        #expect(fixture.apply(guess, at: 300 * second) == .alreadySpent)
        guess.idempotencyKey = nil
        #expect(fixture.apply(guess, at: 300 * second) == .alreadySpent)
        guess = spend
        guess.binding = 6
        #expect(fixture.apply(guess, at: 300 * second) == .alreadySpent)
        guess.binding = 0
        #expect(fixture.apply(guess, at: 300 * second) == .alreadySpent)
        // Until the challenge expires.
        #expect(fixture.apply(spend, at: 300 * second + 1) == .expired)
    }

    @Test func oneWithoutAKeyIsNeverRepeated() {
        var fixture = Fixture([.free(second, 5)])
        var spend = fixture.spend(1)
        #expect(fixture.apply(spend, at: 0) != .alreadySpent)
        #expect(fixture.apply(spend, at: 0) == .alreadySpent)
        spend.idempotencyKey = QuotaKey(high: 0, low: 0)
        #expect(fixture.apply(spend, at: 0) == .alreadySpent)
    }

    @Test func issueTimesAreChecked() {
        var fixture = Fixture([.free(second, 5)])
        let now = 1_000 * second
        #expect(fixture.apply(fixture.spend(1, issued: now + 5 * second + 1), at: now) == .fromFuture)
        guard case .opened(let ahead) = fixture.apply(fixture.spend(1, issued: now + 5 * second), at: now) else {
            Issue.record("5 s ahead is not refused")
            return
        }
        // The pass lives from now, not from the time that the challenge claims.
        #expect(ahead.expires.nanoseconds == now + 600 * second)
        #expect(fixture.apply(fixture.spend(2, issued: now - 300 * second - 1), at: now) == .expired)
        guard case .opened = fixture.apply(fixture.spend(2, issued: now - 300 * second), at: now) else {
            Issue.record("the last moment is not refused")
            return
        }
    }

    @Test func whatNoGatewayIssuesIsInvalid() {
        var fixture = Fixture([.free(second, 5)])
        let bound = LedgerBounds.lifetimeSeconds
        #expect(fixture.apply(fixture.spend(1, grants: 0), at: 0) == .invalid)
        #expect(fixture.apply(fixture.spend(1, challengeLifetime: bound + 1), at: 0) == .invalid)
        #expect(fixture.apply(fixture.spend(1, passLifetime: .max), at: 0) == .invalid)
        var foreign = fixture.spend(1)
        foreign.policy.rawValue = 8
        #expect(fixture.apply(foreign, at: 0) == .invalid)
        #expect(fixture.ledger.counts.records == 0)
        #expect(fixture.apply(fixture.spend(1, challengeLifetime: bound, passLifetime: bound), at: 0) != .invalid)
    }

    // Replay memory without a bound, or purged before the challenge expired.
    @Test func bucketsAreDroppedWholeAndNeverBeforeTheirEnd() {
        var fixture = Fixture([.free(second, 5)])
        // Both expire in the minute that ends at 120 s; one of them at its very end.
        let early = fixture.spend(1, challengeLifetime: 61, passLifetime: 0)
        let late = fixture.spend(2, challengeLifetime: 100, passLifetime: 20)
        let next = fixture.spend(3, challengeLifetime: 100, passLifetime: 21)
        for spend in [early, late, next] { #expect(fixture.apply(spend, at: 0) != .invalid) }
        #expect(fixture.apply(late, at: 100 * second) == .alreadySpent)
        fixture.pass(to: 120 * second)
        #expect(fixture.ledger.counts.records == 3)
        fixture.pass(to: 120 * second + 1)
        #expect(fixture.ledger.counts.records == 1)
        #expect(fixture.charge([], pass: pass(late)) == .passRefused(.expired))
        #expect(fixture.apply(late, at: 0) == .expired)
        #expect(fixture.charge([], pass: pass(next)) == .passRefused(.expired))
        fixture.pass(to: 180 * second + 1)
        #expect(fixture.ledger.counts.records == 0)
        #expect(fixture.ledger.records.digest == .zero)
    }

    @Test func aLongLivedRecordSurvivesTheDroppingOfEveryOther() {
        var fixture = Fixture([.free(second, 5)])
        let long = fixture.spend(1, challengeLifetime: 2_592_000, passLifetime: 2_592_000, grants: 100)
        #expect(fixture.apply(long, at: 0) != .invalid)
        for hour in 0..<UInt64(720) {
            let now = hour * 60 * minute
            let short = fixture.spend(2, issued: now, challengeLifetime: 3_000, passLifetime: 500)
            #expect(fixture.apply(short, at: now) != .invalid)
            #expect(fixture.ledger.counts.records == 2)
            #expect(fixture.apply(long, at: now) == .alreadySpent)
        }
        #expect(fixture.charge([], pass: pass(long), at: 2_592_000 * second - 1).isAdmitted)
        #expect(fixture.charge([], pass: pass(long), at: 2_592_000 * second) == .passRefused(.expired))
    }

    @Test func recordsAreBounded() {
        var fixture = Fixture([.free(second, 5)], maxRecords: 3)
        for number in 1...3 {
            #expect(fixture.apply(fixture.spend(UInt64(number), key: 1), at: 0) != .full)
        }
        #expect(fixture.apply(fixture.spend(4), at: 0) == .full)
        // Those that are there are known still.
        guard case .repeated = fixture.apply(fixture.spend(2, key: 1), at: 0) else {
            Issue.record("not repeated")
            return
        }
        #expect(fixture.apply(fixture.spend(4, issued: 961 * second), at: 961 * second) != .full)
    }

    @Test func grantsAreSpentExactlyAndOnlyByTheirClientUnderTheirPolicy() {
        var fixture = Fixture([.free(second, 5)])
        let spend = fixture.spend(1)
        #expect(fixture.charge([], pass: pass(spend)) == .passRefused(.unknown))
        #expect(fixture.apply(spend, at: 0) != .invalid)
        #expect(fixture.charge([], pass: pass(spend, binding: 6)) == .passRefused(.otherClient))
        #expect(fixture.charge([], pass: pass(spend, binding: 0)) == .passRefused(.otherClient))
        #expect(fixture.charge([], cost: 11, pass: pass(spend)) == .passRefused(.exhausted))
        #expect(fixture.charge([], cost: 9, pass: pass(spend)) == .admitted(limits: [], passRemaining: 1))
        #expect(fixture.charge([], cost: 2, pass: pass(spend)) == .passRefused(.exhausted))
        #expect(fixture.charge([], cost: 1, pass: pass(spend)) == .admitted(limits: [], passRemaining: 0))
        #expect(fixture.charge([], cost: 0, pass: pass(spend)) == .admitted(limits: [], passRemaining: 0))
        #expect(fixture.charge([], cost: 1, pass: pass(spend)) == .passRefused(.exhausted))
        let other = [
            PolicyDefinition(name: "api", maxKeys: 10, limits: []),
            PolicyDefinition(name: "b", maxKeys: 10, limits: []),
        ]
        #expect(fixture.apply(.setPolicies(expectedRevision: 1, policies: other)) == .policiesSet(revision: 2))
        let foreign = Charge(
            policy: fixture.ledger.facts.policies[1].id,
            cost: 0,
            pass: pass(spend),
            limits: []
        )
        #expect(fixture.apply(.charge(foreign)) == .charged(.passRefused(.policyMismatch)))
    }

    @Test func anUnboundPassIsGoodForAnyone() {
        var fixture = Fixture([.free(second, 5)])
        let spend = fixture.spend(1, binding: 0)
        #expect(fixture.apply(spend, at: 0) != .invalid)
        for binding in [0, 1, 2] as [UInt64] {
            #expect(fixture.charge([], pass: pass(spend, binding: binding)).isAdmitted)
        }
    }

    @Test func aPassEndsWithItsLife() {
        var fixture = Fixture([.free(second, 5)])
        let spend = fixture.spend(1)
        #expect(fixture.apply(spend, at: 100 * second) != .invalid)
        #expect(fixture.charge([], pass: pass(spend), at: 700 * second - 1).isAdmitted)
        #expect(fixture.charge([], pass: pass(spend), at: 700 * second) == .passRefused(.expired))
    }

    @Test func aPassRemembersTheEpochOfItsSpend() {
        var fixture = Fixture([.free(second, 5)])
        let spend = fixture.spend(1, key: 1)
        #expect(fixture.apply(.rotate(secret: Array(repeating: 1, count: 32))) == .rotated(epoch: 2))
        guard case .opened(let state) = fixture.apply(spend, at: 0) else { return }
        #expect(fixture.apply(.rotate(secret: Array(repeating: 2, count: 32))) == .rotated(epoch: 3))
        #expect(state.epoch == 2)
        #expect(fixture.apply(spend, at: 0) == .repeated(state))
    }
}

@Suite struct RebindTests {
    private func rebind(_ fixture: inout Fixture, _ spend: Spend, _ binding: UInt64, at time: UInt64) -> RebindOutcome {
        let rebind = Rebind(
            challenge: spend.challenge,
            policy: spend.policy,
            recordExpiry: spend.recordExpiry,
            binding: binding
        )
        guard case .rebound(let outcome) = fixture.apply(.rebind(rebind), at: time) else { return .unknown }
        return outcome
    }

    @Test func aPassMovesThreeTimesAndOnceAMinute() {
        var fixture = Fixture([.free(second, 5)])
        let spend = fixture.spend(1)
        #expect(rebind(&fixture, spend, 6, at: 0) == .unknown)
        #expect(fixture.apply(spend, at: 0) != .invalid)
        #expect(rebind(&fixture, spend, 5, at: 0) == .unchanged)
        #expect(rebind(&fixture, spend, 0, at: 0) == .unchanged)
        #expect(rebind(&fixture, spend, 6, at: 0) == .rebound(left: 2))
        let old = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: 5)
        #expect(fixture.charge([], pass: old) == .passRefused(.otherClient))
        let new = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: 6)
        #expect(fixture.charge([], pass: new) == .admitted(limits: [], passRemaining: 9))
        #expect(rebind(&fixture, spend, 7, at: minute - 1) == .tooSoon(retryAfterNanoseconds: 1))
        #expect(rebind(&fixture, spend, 6, at: minute - 1) == .unchanged)
        #expect(rebind(&fixture, spend, 7, at: minute) == .rebound(left: 1))
        #expect(rebind(&fixture, spend, 5, at: 3 * minute) == .rebound(left: 0))
        #expect(rebind(&fixture, spend, 6, at: 9 * minute) == .exhausted)
        #expect(fixture.charge([], pass: old, at: 9 * minute).isAdmitted)
        #expect(rebind(&fixture, spend, 6, at: 10 * minute) == .unknown)
    }

    @Test func aPassOfNobodyStaysSo() {
        var fixture = Fixture([.free(second, 5)])
        let spend = fixture.spend(1, binding: 0)
        #expect(fixture.apply(spend, at: 0) != .invalid)
        #expect(rebind(&fixture, spend, 6, at: 0) == .unchanged)
        #expect(fixture.ledger.pass(spend.challenge, recordExpiry: spend.recordExpiry)?.binding == 0)
    }

    @Test func aPassOfAnotherPolicyIsUnknown() {
        var fixture = Fixture([.free(second, 5)])
        var spend = fixture.spend(1)
        #expect(fixture.apply(spend, at: 0) != .invalid)
        spend.policy.rawValue += 1
        #expect(rebind(&fixture, spend, 6, at: 0) == .unknown)
    }
}
