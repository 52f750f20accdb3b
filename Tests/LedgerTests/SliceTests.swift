import Testing
import Wire

@testable import Ledger

@Suite struct SliceTests {
    private static let day: UInt64 = 86_400 * second

    /// A ledger that lends.
    private func lending(_ limits: [LimitDefinition], maxKeys: UInt32 = 1_000) -> Fixture {
        var fixture = Fixture(limits, maxKeys: maxKeys)
        #expect(fixture.apply(.raiseVersion(to: Ledger.lendingVersion)) == .versionRaised(to: Ledger.lendingVersion))
        return fixture
    }

    @Test func aSliceIsHalfOfWhatIsLeftForEachNodeButASmallPartOfTheBurst() {
        var fixture = lending([.free(Self.day, 10_000)])
        // 10,000 / (128 × 3) = 26.
        #expect(fixture.lend(fixture.limitCharge(1)).units == 26)
        #expect(fixture.lend(fixture.limitCharge(1), nodes: 1).units == 78)
        #expect(fixture.lend(fixture.limitCharge(1), nodes: 200).units == 8)
        #expect(fixture.lend(fixture.limitCharge(1), nodes: 0).units == 78)
        #expect(fixture.charge([fixture.limitCharge(1)], cost: 0).remaining == 10_000 - 26 - 78 - 8 - 78)
    }

    @Test func slicesShrinkAsTheBucketEmpties() {
        var fixture = lending([.free(Self.day, 50_000)])
        fixture.charge([fixture.limitCharge(1)], cost: 49_900)
        // 50,000 / (128 × 3) = 130, of which half of 100 for each of three is 17.
        #expect(fixture.lend(fixture.limitCharge(1)).units == 17)
        #expect(fixture.lend(fixture.limitCharge(1)).units == 14)
        fixture.charge([fixture.limitCharge(1)], cost: 60)
        #expect(fixture.lend(fixture.limitCharge(1)).units == 8)
        #expect(fixture.lend(fixture.limitCharge(1)).units == 1)
        guard case .refused(let wait, let state, let outstanding) = fixture.lend(fixture.limitCharge(1)) else {
            Issue.record("lent of an empty bucket")
            return
        }
        #expect(wait == Self.day && state.remaining == 0 && outstanding == 17 + 14 + 8 + 1)
    }

    @Test func whatWaitsIsLentAndWhatIsNotThereIsRefused() {
        var fixture = lending([.free(Self.day, 100)])
        #expect(fixture.lend(fixture.limitCharge(1), wanted: 60).units == 60)
        #expect(fixture.lend(fixture.limitCharge(1), least: 30, wanted: 20).units == 30)
        #expect(fixture.lend(fixture.limitCharge(1), least: 11).units == nil)
        #expect(fixture.lend(fixture.limitCharge(1), least: 3, wanted: .max).units == 10)
        guard case .refused(.max, _, _) = fixture.lend(fixture.limitCharge(2), least: 101) else {
            Issue.record("more than a burst can never be lent")
            return
        }
    }

    @Test func aReserveIsLeft() {
        var fixture = lending([.free(Self.day, 100)])
        #expect(fixture.lend(fixture.limitCharge(1, reserve: 95), wanted: 50).units == 5)
        #expect(fixture.lend(fixture.limitCharge(1, reserve: 95)).units == nil)
        #expect(fixture.lend(fixture.limitCharge(1, reserve: .max)).units == nil)
        #expect(fixture.drain(1) == 95)
    }

    @Test func aReturnRestoresWhatWasLeftLessWhatTheBucketRegained() {
        var fixture = lending([.free(second / 4, 1_000)])
        fixture.charge([fixture.limitCharge(1)], cost: 1_000)
        // A second later 4 units are there: lent, and returned a second after that, in which 4 more have come.
        let loan = fixture.lend(fixture.limitCharge(1), wanted: 4, at: second)
        #expect(loan.units == 4)
        #expect(fixture.giveBack(loan, 4, at: 2 * second) == .restored(units: 0))
        #expect(fixture.charge([fixture.limitCharge(1)], cost: 0, at: 2 * second).remaining == 4)
        // Had nothing been lent it would be the same as after the return of all of it: 4 + 4, of which 4 were lent for a
        // second and might have been spent meanwhile.
        fixture.charge([fixture.limitCharge(1)], cost: 4, at: 2 * second)
        let longer = fixture.lend(fixture.limitCharge(1), wanted: 12, at: 5 * second)
        #expect(longer.units == 12)
        #expect(fixture.giveBack(longer, 12, at: 6 * second) == .restored(units: 8))
        #expect(fixture.charge([fixture.limitCharge(1)], cost: 0, at: 6 * second).remaining == 12)
    }

    @Test func aReturnAtOnceRestoresAllOfIt() {
        var fixture = lending([.free(Self.day, 100)])
        let loan = fixture.lend(fixture.limitCharge(1), at: second)
        #expect(loan.units == 8)
        #expect(fixture.giveBack(loan, 8, at: second) == .restored(units: 8))
        #expect(fixture.drain(1) == 100)
        #expect(fixture.ledger.counts.slices == 1)
    }

    @Test func aSliceIsReturnedOnceAndOnlyByWhomItWasLentTo() {
        var fixture = lending([.free(Self.day, 100)])
        let loan = fixture.lend(fixture.limitCharge(1))
        var other = fixture
        other.open(ReplicaID(high: 1, low: 1))
        #expect(other.giveBack(loan, 8) == .unknown)
        #expect(fixture.giveBack(loan, 3) == .restored(units: 3))
        #expect(fixture.giveBack(loan, 3) == .unknown)
        #expect(fixture.giveBack(.invalid(.unknownPolicy), 3) == .unknown)
        #expect(fixture.drain(1) == 95)
    }

    /// A boot may get another session, whose sequences begin anew.
    @Test func aSliceOfAnEarlierSessionIsNotTakenForAnotherOfItsNumber() {
        var fixture = lending([.free(Self.day, 100), .ceiling(Self.day, 100)])
        let earlier = fixture.lend(fixture.limitCharge(1), wanted: 50)
        let sequence = fixture.sequence
        fixture.open(ReplicaID(high: 9, low: 9))
        fixture.sequence = sequence - 1
        let later = fixture.lend(fixture.limitCharge(1, limit: 1))
        #expect(fixture.sequence == sequence && later.units == 8)
        #expect(fixture.giveBack(earlier, 50) == .unknown)
        #expect(fixture.charge([fixture.limitCharge(1, limit: 1)], cost: 0).remaining == 92)
        #expect(fixture.giveBack(later, 8) != .unknown)
    }

    @Test func moreThanWasLentIsNotRestored() {
        var fixture = lending([.free(Self.day, 100)])
        fixture.charge([fixture.limitCharge(1)], cost: 50)
        let loan = fixture.lend(fixture.limitCharge(1))
        #expect(fixture.giveBack(loan, .max) == .restored(units: 8))
        #expect(fixture.drain(1) == 50)
    }

    @Test func aReturnAfterTheSlicesEndIsTooLate() {
        let end = LedgerBounds.sliceNanoseconds
        for late in [end, end + 1, 2 * end, 10 * end] {
            var fixture = lending([.free(Self.day, 100)])
            let loan = fixture.lend(fixture.limitCharge(1), at: second)
            #expect(fixture.giveBack(loan, 8, at: second + late) == .unknown)
            #expect(fixture.charge([fixture.limitCharge(1)], cost: 0).remaining == 92)
        }
        var fixture = lending([.free(Self.day, 100)])
        let loan = fixture.lend(fixture.limitCharge(1), at: second)
        // All but the 2 s that the bucket regained: 7.99998 units.
        #expect(fixture.giveBack(loan, 8, at: second + end - 1) == .restored(units: 7))
        #expect(fixture.charge([fixture.limitCharge(1)], cost: 0).remaining == 100)
    }

    @Test func aCommandThatIsProposedTwiceLendsOnce() {
        var fixture = lending([.free(Self.day, 100)])
        let lend = fixture.command(.lend(fixture.lend(of: fixture.limitCharge(1), least: 1, wanted: 0, nodes: 3)))
        let first = fixture.apply(sequenced: lend)
        #expect(fixture.apply(sequenced: lend) == first)
        #expect(fixture.ledger.counts.slices == 1)
        #expect(fixture.charge([fixture.limitCharge(1)], cost: 0).remaining == 92)
    }

    @Test func slicesAreForgottenWhenTheirTimeIsOver() {
        var fixture = lending([.free(Self.day, 1_000)])
        for key in 0..<40 as Range<UInt64> { fixture.lend(fixture.limitCharge(key), at: second * key / 10) }
        #expect(fixture.ledger.counts.slices > 0)
        #expect(fixture.ledger.outstanding(of: fixture.limitCharge(39), policy: fixture.policy) == 8)
        fixture.pass(to: 7 * second)
        #expect(fixture.ledger.counts.slices == 0)
        #expect(fixture.ledger.outstanding(of: fixture.limitCharge(39), policy: fixture.policy) == 0)
    }

    @Test func aBucketOfOthersIsRestored() {
        // One key has a bucket of its own; one the fallback's; the rest the shared one.
        var fixture = lending([.free(Self.day, 100)], maxKeys: 1)
        fixture.charge([fixture.limitCharge(1)])
        for (key, fallback) in [(1, 1), (2, 2), (3, 3)] as [(UInt64, UInt64)] {
            let limit = fixture.limitCharge(key, fallback: fallback)
            let before = fixture.charge([limit], cost: 0).remaining
            let loan = fixture.lend(limit)
            #expect(loan.units == 8)
            #expect(fixture.ledger.outstanding(of: limit, policy: fixture.policy) == 8)
            #expect(fixture.giveBack(loan, 5) == .restored(units: 5))
            #expect(fixture.charge([limit], cost: 0).remaining == before.map { $0 - 3 })
            #expect(fixture.ledger.outstanding(of: limit, policy: fixture.policy) == 0)
        }
        #expect(fixture.ledger.counts.keys == 1 && fixture.ledger.counts.fallbacks == 1)
    }

    @Test func aLimitThatIsGoneRegainsNothing() {
        var fixture = lending([.free(Self.day, 100), .ceiling(Self.day, 100)])
        let loan = fixture.lend(fixture.limitCharge(1))
        fixture.set([.ceiling(Self.day, 100)])
        #expect(fixture.giveBack(loan, 8) == .restored(units: 0))
    }

    @Test func aLimitThatIsLoweredRegainsByItsOwnRate() {
        var fixture = lending([.free(second, 100)])
        let loan = fixture.lend(fixture.limitCharge(1))
        fixture.set([.free(second / 2, 100)])
        // 8 units are 4 s at the new rate, of which one second has come back by itself.
        #expect(fixture.giveBack(loan, 8, at: second) == .restored(units: 6))
        #expect(fixture.charge([fixture.limitCharge(1)], cost: 0, at: second).remaining == 100)
    }

    @Test func aDeniedKeyGetsNoSlice() {
        var fixture = lending([.free(Self.day, 100)])
        fixture.override(1, .deny(until: nil))
        #expect(fixture.lend(fixture.limitCharge(1)) == .denied(retryAfterNanoseconds: nil))
        fixture.override(2, .deny(until: LedgerTime(nanoseconds: 9)))
        #expect(fixture.lend(fixture.limitCharge(2), at: 4) == .denied(retryAfterNanoseconds: 5))
        #expect(fixture.lend(fixture.limitCharge(2), at: 9).units == 8)
    }

    @Test func anOverridesTermsHoldInItsSlices() {
        var fixture = lending([.free(Self.day, 100)])
        fixture.override(1, .free(interval: second, burst: 3_840))
        let loan = fixture.lend(fixture.limitCharge(1))
        #expect(loan.units == 10)
        #expect(fixture.giveBack(loan, 10, at: second) == .restored(units: 9))
    }

    @Test func whoeverIsRefusedWhileOthersHoldUnitsRecallsThem() {
        var fixture = lending([.free(Self.day, 100), .free(Self.day, 1_000)])
        let limit = fixture.limitCharge(1)
        let recall = SliceRecall(policy: fixture.policy, limit: limit.limit, key: limit.key, fallback: limit.fallback)
        fixture.lend(limit, wanted: 90)
        #expect(fixture.ledger.takeRecalls() == [])
        #expect(fixture.charge([limit, fixture.limitCharge(1, limit: 1)], cost: 20).isRefused)
        #expect(fixture.lend(limit, least: 20).units == nil)
        #expect(fixture.ledger.takeRecalls() == [recall])
        #expect(fixture.ledger.takeRecalls() == [])
        // One that nobody holds units of recalls nothing.
        #expect(fixture.charge([fixture.limitCharge(2)], cost: 200).isRefused)
        #expect(fixture.ledger.takeRecalls() == [])
        for key in 0..<2 * UInt64(LedgerBounds.recalls) {
            fixture.lend(fixture.limitCharge(10 + key))
            fixture.charge([fixture.limitCharge(10 + key)], cost: 200)
        }
        #expect(fixture.ledger.takeRecalls().count == LedgerBounds.recalls)
    }

    @Test func aLedgerOfAnEarlierVersionLendsNothing() throws {
        var fixture = Fixture([.free(Self.day, 100)])
        let lend = fixture.command(.lend(fixture.lend(of: fixture.limitCharge(1), least: 1, wanted: 0, nodes: 3)))
        #expect(fixture.apply(sequenced: lend) == .rejected(.unknownToMembers))
        var back = fixture.command(.returnUnits(SliceReturn(slice: .test(1), units: 1)))
        back.floor = lend.floor
        #expect(fixture.apply(sequenced: back) == .rejected(.unknownToMembers))
        #expect(fixture.ledger.snapshot()[0] == 1)
        var raise = fixture.command(.raiseVersion(to: Ledger.lendingVersion))
        raise.floor = lend.floor
        #expect(fixture.apply(sequenced: raise) == .versionRaised(to: Ledger.lendingVersion))
        #expect(fixture.ledger.snapshot()[0] == 2)
        // The same command again, once all members know it.
        guard case .lent(.lent) = fixture.apply(sequenced: lend) else {
            Issue.record("not lent")
            return
        }
        let restored = try Ledger(restoring: fixture.ledger.snapshot())
        #expect(restored.counts.slices == 1 && restored.digest == fixture.ledger.digest)
        #expect(restored.outstanding(of: fixture.limitCharge(1), policy: fixture.policy) == 8)
    }

    @Test func asManySlicesAreHeldAsTheBoundSaysAndDroppedInPieces() throws {
        // 32 slices of 8 units of each key.
        var fixture = lending([.free(Self.day, 256)], maxKeys: 10_000)
        for key in 0..<UInt64(LedgerBounds.slicesHeld / 32) {
            let lend = fixture.lend(of: fixture.limitCharge(key), least: 1, wanted: 0, nodes: 255)
            let commands = (1...32).map { place in
                let sequence = fixture.sequence + UInt64(place)
                return SequencedCommand(
                    session: fixture.session,
                    sequence: sequence,
                    floor: sequence,
                    command: .lend(lend)
                )
            }
            fixture.sequence += 32
            fixture.index += 1
            _ = fixture.ledger.apply(Batch(time: .zero, commands: commands), index: fixture.index)
        }
        #expect(fixture.ledger.counts.slices == LedgerBounds.slicesHeld)
        let before = fixture.ledger.tableDigest
        #expect(fixture.lend(fixture.limitCharge(10_000)) == .tooManySlices)
        #expect(fixture.ledger.counts.slices == LedgerBounds.slicesHeld)
        #expect(fixture.ledger.tableDigest == before)
        #expect(fixture.lend(fixture.limitCharge(10_000), at: 3 * second).units == 8)
        #expect(fixture.ledger.counts.slices < LedgerBounds.slicesHeld)
        // One batch drops a part of them. Which ones a replica that begins with a snapshot knows too.
        var restored = try Ledger(restoring: fixture.ledger.snapshot())
        for _ in 0..<100 where fixture.ledger.counts.slices > 1 {
            let before = fixture.ledger.counts.slices
            fixture.index += 1
            let batch = Batch(time: LedgerTime(nanoseconds: 3 * second), commands: [])
            for _ in 0..<2 { _ = (fixture.ledger.apply(batch, index: fixture.index), swap(&fixture.ledger, &restored)) }
            let dropped = before - fixture.ledger.counts.slices
            #expect(dropped > 0 && dropped < LedgerBounds.slicesDroppedPerBatch + 2_048)
            #expect(restored.digest == fixture.ledger.digest)
            #expect(fixture.ledger.outstanding(of: fixture.limitCharge(10_000), policy: fixture.policy) == 8)
        }
        #expect(fixture.ledger.counts.slices == 1)
        #expect(fixture.ledger.outstanding(of: fixture.limitCharge(1), policy: fixture.policy) == 0)
    }

    @Test func theEndOfTimeTrapsNothing() {
        let end = LedgerTime.maximumNanoseconds
        var fixture = lending([.free(1, end), .free(end, 1)])
        let loan = fixture.lend(fixture.limitCharge(1), least: .max, wanted: .max, nodes: 255, at: .max)
        #expect(loan.units != nil)
        #expect(fixture.giveBack(loan, .max, at: .max) != .unknown)
        let one = fixture.lend(fixture.limitCharge(1, limit: 1), nodes: 255, at: .max)
        #expect(one.units == 1)
        #expect(fixture.giveBack(one, .max, at: .max) == .restored(units: 1))
    }
}

extension Fixture {
    func command(_ command: Command) -> SequencedCommand {
        SequencedCommand(session: session, sequence: sequence + 1, floor: sequence + 1, command: command)
    }

    mutating func apply(sequenced command: SequencedCommand) -> CommandResult {
        index += 1
        sequence = max(sequence, command.sequence)
        return ledger.apply(Batch(time: .zero, commands: [command]), index: index)[0]
    }

    mutating func open(_ owner: ReplicaID) {
        index += 1
        let open = SequencedCommand(session: session, sequence: 0, floor: 0, command: .openSession(owner: owner))
        _ = ledger.apply(Batch(time: .zero, commands: [open]), index: index)
        session = SessionID(rawValue: index)
    }

    func lend(of limit: LimitCharge, least: UInt32, wanted: UInt32, nodes: UInt8) -> Lend {
        Lend(policy: policy, limit: limit, least: least, wanted: wanted, nodes: nodes)
    }

    @discardableResult
    mutating func lend(
        _ limit: LimitCharge,
        least: UInt32 = 1,
        wanted: UInt32 = 0,
        nodes: UInt8 = 3,
        at time: UInt64 = 0
    ) -> LendOutcome {
        let result = apply(.lend(lend(of: limit, least: least, wanted: wanted, nodes: nodes)), at: time)
        guard case .lent(let outcome) = result else {
            Issue.record("a loan was answered with \(result)")
            return .tooManySlices
        }
        return outcome
    }

    mutating func giveBack(_ loan: LendOutcome, _ units: UInt64, at time: UInt64 = 0) -> ReturnOutcome {
        var slice = SliceID.test(0)
        if case .lent(let lent, _, _) = loan { slice = lent }
        guard case .returned(let outcome) = apply(.returnUnits(SliceReturn(slice: slice, units: units)), at: time)
        else {
            return .unknown
        }
        return outcome
    }

    mutating func override(_ key: UInt64, _ value: OverrideValue) {
        apply(.override(OverrideChange(policy: policy, key: .test(key), value: value, expectedVersion: nil)))
    }
}

extension LendOutcome {
    /// Nil where nothing was lent.
    var units: UInt64? { if case .lent(_, let units, _) = self { units } else { nil } }
}

extension ChargeOutcome {
    /// Units of the first limit; nil where nobody counted any.
    var remaining: UInt64? {
        switch self {
        case .admitted(let limits, _), .refused(_, _, let limits): limits.first?.remaining
        case .denied, .passRefused, .invalid: nil
        }
    }
}

extension SliceID {
    static func test(_ sequence: UInt64) -> SliceID { SliceID(session: SessionID(rawValue: 1), sequence: sequence) }
}
