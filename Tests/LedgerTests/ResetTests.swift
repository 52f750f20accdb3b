import Testing

@testable import Ledger

@Suite struct ResetTests {
    private func fixture(_ limits: [LimitDefinition], maxKeys: UInt32 = 1_000) -> Fixture {
        var fixture = Fixture(limits, maxKeys: maxKeys)
        fixture.apply(.raiseVersion(to: 2))
        return fixture
    }

    private func reset(_ fixture: inout Fixture, _ key: UInt64, at time: UInt64 = 0) -> ResetOutcome {
        let result = fixture.apply(.reset(QuotaReset(policy: fixture.policy, key: .test(key))), at: time)
        guard case .reset(let outcome) = result else { return .unknownPolicy }
        return outcome
    }

    @Test func whatTheKeyHasUsedIsForgiven() throws {
        var fixture = fixture([.free(second, 5), .ceiling(minute, 3)])
        #expect(fixture.drain(1) == 5 && fixture.drain(1, limit: 1) == 3 && fixture.drain(2) == 5)
        #expect(
            reset(&fixture, 1, at: second / 2)
                == .full([
                    LimitReset(limit: fixture.limit(), units: 5), LimitReset(limit: fixture.limit(1), units: 3),
                ])
        )
        #expect(fixture.ledger.digest == (try Ledger(restoring: fixture.ledger.snapshot())).digest)
        #expect(reset(&fixture, 1, at: second / 2) == .full([]))
        #expect(fixture.drain(1, at: second / 2) == 5 && fixture.drain(1, limit: 1, at: second / 2) == 3)
        // Nobody else's.
        #expect(fixture.drain(2, at: second / 2) == 0)
    }

    @Test func anOverridesTermsSayHowMuchThatIs() {
        var fixture = fixture([.free(second, 5)])
        let change = OverrideChange(
            policy: fixture.policy,
            key: .test(1),
            value: .free(interval: 10, burst: 20),
            expectedVersion: nil
        )
        fixture.apply(.override(change))
        #expect(fixture.drain(1) == 20)
        #expect(reset(&fixture, 1) == .full([LimitReset(limit: fixture.limit(), units: 20)]))
        #expect(fixture.drain(1, at: 1) == 20)
    }

    @Test func aBucketThatKeysShareIsNobodysToReset() {
        var fixture = fixture([.free(second, 5)], maxKeys: 1)
        #expect(fixture.drain(1) == 5)
        #expect(fixture.drain(2, fallback: 7) == 5)
        #expect(reset(&fixture, 2) == .full([]))
        #expect(fixture.drain(2, fallback: 7) == 0)
    }

    /// A full bucket and what is out in slices: no more, whether those are spent or come back.
    @Test func slicesThatAreOutComeBackToAFullBucketForNothing() {
        var fixture = fixture([.free(second, 100)])
        let lend = Lend(policy: fixture.policy, limit: fixture.limitCharge(1), least: 1, wanted: 40, nodes: 1)
        guard case .lent(.lent(let slice, 40, _)) = fixture.apply(.lend(lend), at: second) else {
            Issue.record("nothing was lent")
            return
        }
        #expect(reset(&fixture, 1, at: second) == .full([LimitReset(limit: fixture.limit(), units: 40)]))
        let back = Command.returnUnits(SliceReturn(slice: slice, units: 40))
        #expect(fixture.apply(back, at: second) == .returned(.restored(units: 0)))
        #expect(fixture.drain(1, at: second) == 100)
    }

    @Test func whereThereIsNoPolicyNothingIsReset() {
        var fixture = fixture([.free(second, 5)])
        let unknown = QuotaReset(policy: PolicyID(rawValue: 7), key: .test(1))
        #expect(fixture.apply(.reset(unknown)) == .reset(.unknownPolicy))
    }

    @Test func membersOfAnEarlierReleaseAreNotAskedToReset() {
        var fixture = Fixture([.free(second, 5)])
        let reset = Command.reset(QuotaReset(policy: fixture.policy, key: .test(1)))
        #expect(reset.leastVersion == 2)
        #expect(fixture.apply(reset) == .rejected(.unknownToMembers))
    }
}
