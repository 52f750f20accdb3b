import TestSupport
import Testing
import Wire

@testable import Ledger

/// What was let through without a majority is charged when there is one.
@Suite struct ReportTests {
    private static let minute: UInt64 = 60 * second

    private func reporting(_ limits: [LimitDefinition]) -> Fixture {
        var fixture = Fixture(limits)
        #expect(fixture.apply(.raiseVersion(to: Ledger.lendingVersion)) == .versionRaised(to: Ledger.lendingVersion))
        return fixture
    }

    private func report(_ fixture: Fixture, _ key: UInt64, units: UInt64, ahead: UInt64) -> Command {
        .report(
            AdmissionReport(
                policy: fixture.policy,
                counts: [AdmittedCount(limit: fixture.limitCharge(key), units: units, ahead: ahead)]
            )
        )
    }

    @Test func unitsThatAreReportedAreGone() {
        var fixture = reporting([.free(Self.minute, 100)])
        let command = report(fixture, 1, units: 30, ahead: 30 * Self.minute)
        #expect(fixture.apply(command) == .reported(.charged(counts: 1)))
        #expect(fixture.drain(1) == 70)
        #expect(fixture.drain(2) == 100)
    }

    @Test func theyAddToWhatWasChargedBefore() {
        var fixture = reporting([.free(Self.minute, 100)])
        fixture.charge([fixture.limitCharge(1)], cost: 50)
        // Ten at once, at the end of ten minutes in which ten came back.
        let command = report(fixture, 1, units: 10, ahead: 10 * Self.minute)
        #expect(fixture.apply(command, at: 10 * Self.minute) == .reported(.charged(counts: 1)))
        #expect(fixture.drain(1, at: 10 * Self.minute) == 100 - 50)
    }

    @Test func aClientThatKeptToItsRateHasItsBurstAgain() {
        var fixture = reporting([.free(Self.minute, 100)])
        // A thousand minutes without a majority, a unit each; then one is charged, before the others are reported.
        let now = 1_000 * Self.minute
        #expect(charges(&fixture, at: now))
        let command = report(fixture, 1, units: 1_000, ahead: Self.minute)
        #expect(fixture.apply(command, at: now) == .reported(.charged(counts: 1)))
        #expect(fixture.drain(1, at: now) == 98)
    }

    /// Charges a unit, if there is one.
    private func charges(_ fixture: inout Fixture, at time: UInt64) -> Bool {
        let charge = Charge(policy: fixture.policy, cost: 1, pass: nil, limits: [fixture.limitCharge(1)])
        guard case .charged(let outcome) = fixture.apply(.charge(charge), at: time) else { return false }
        return outcome.isAdmitted
    }

    /// Units and charges in any order: never more is taken than if all had been charged when they were had, never less than either
    /// takes alone.
    @Test(arguments: 0..<300 as Range<UInt64>) func neverMoreIsTakenThanWasHad(seed: UInt64) {
        var random = Seeded(seed)
        let burst: UInt64 = 10
        var fixture = reporting([.free(Self.minute, burst)])
        var tats = (all: UInt64(0), units: UInt64(0), charges: UInt64(0))
        var units: UInt64 = 0
        var now = Self.minute
        func take(_ tat: inout UInt64) { tat = max(tat, now) + Self.minute }
        for _ in 0..<random.below(30) {
            now += random.below(random.oneIn(3) ? 4 * Self.minute : Self.minute)
            if random.oneIn(2) {
                take(&tats.units)
                take(&tats.all)
                units += 1
            } else if charges(&fixture, at: now) {
                take(&tats.charges)
                take(&tats.all)
            }
        }
        let ahead = tats.units > now ? tats.units - now : 0
        let command = report(fixture, 1, units: units, ahead: ahead)
        #expect(fixture.apply(command, at: now) == .reported(.charged(counts: 1)))
        let full = now + burst * Self.minute
        func left(_ tat: UInt64) -> Int { Int((full - min(full, max(tat, now))) / Self.minute) }
        let had = fixture.drain(1, at: now)
        #expect(had >= left(tats.all))
        #expect(had <= min(left(tats.units), left(tats.charges)))
    }

    @Test func aBucketIsNeverEmptierThanEmpty() {
        var fixture = reporting([.free(Self.minute, 100)])
        for (units, ahead) in [(1_000_000, UInt64(0)), (.max, .max), (0, .max)] as [(UInt64, UInt64)] {
            fixture.charge([fixture.limitCharge(1)])
            let command = report(fixture, 1, units: units, ahead: ahead)
            #expect(fixture.apply(command) == .reported(.charged(counts: 1)))
        }
        #expect(fixture.drain(1) == 0)
        #expect(fixture.drain(1, at: 100 * Self.minute) == 100)
    }

    @Test func aReportNeverGivesAnythingBack() {
        var fixture = reporting([.free(Self.minute, 100)])
        fixture.charge([fixture.limitCharge(1)], cost: 90)
        let command = report(fixture, 1, units: 0, ahead: Self.minute)
        #expect(fixture.apply(command) == .reported(.charged(counts: 1)))
        #expect(fixture.drain(1) == 10)
    }

    @Test func unitsOfManyKeysAreTheirFallbacks() {
        var fixture = reporting([.free(Self.minute, 100)])
        fixture.charge([fixture.limitCharge(1, fallback: 7)])
        let limit = fixture.limitCharge(2, fallback: 7)
        let count = AdmittedCount(limit: limit, units: 60, ahead: 60 * Self.minute, isShared: true)
        let command = Command.report(AdmissionReport(policy: fixture.policy, counts: [count]))
        #expect(fixture.apply(command) == .reported(.charged(counts: 1)))
        #expect(fixture.drain(1, fallback: 7) == 99, "it has a bucket of its own")
        #expect(fixture.drain(2, fallback: 7) == 40)
        #expect(fixture.drain(3, fallback: 8) == 100)
    }

    @Test func theSameReportTwiceIsChargedOnce() {
        var fixture = reporting([.free(Self.minute, 100)])
        let sequenced = SequencedCommand(
            session: fixture.session,
            sequence: 1_000,
            floor: 2,
            command: report(fixture, 1, units: 30, ahead: 30 * Self.minute)
        )
        for index in 100...UInt64(101) {
            let results = fixture.ledger.apply(Batch(time: .zero, commands: [sequenced]), index: index)
            #expect(results == [.reported(.charged(counts: 1))])
        }
        #expect(fixture.ledger.applyCharge(fixture, cost: 70, sequence: 1_001, index: 102).isAdmitted)
        #expect(fixture.ledger.applyCharge(fixture, cost: 1, sequence: 1_002, index: 103).isRefused)
    }

    @Test func limitsThatAreNoMoreAreLeftOutAndMoreThanTheBoundIsRefused() {
        var fixture = reporting([.free(Self.minute, 100)])
        var gone = fixture.limitCharge(1)
        gone.limit = LimitID(rawValue: 77)
        let counts = [
            AdmittedCount(limit: gone, units: 1, ahead: 1),
            AdmittedCount(limit: fixture.limitCharge(1), units: 1, ahead: Self.minute),
        ]
        let policy = fixture.policy
        #expect(
            fixture.apply(.report(AdmissionReport(policy: policy, counts: counts))) == .reported(.charged(counts: 1))
        )
        let nobody = PolicyID(rawValue: 99)
        #expect(
            fixture.apply(.report(AdmissionReport(policy: nobody, counts: counts))) == .reported(.unknownPolicy)
        )
        let many = Array(repeating: counts[1], count: LedgerBounds.reportCounts + 1)
        #expect(fixture.apply(.report(AdmissionReport(policy: policy, counts: many))) == .reported(.invalid))
        #expect(fixture.drain(1) == 99)
    }

    @Test func anEarlierLedgerDoesNotTakeReports() {
        var fixture = Fixture([.free(Self.minute, 100)])
        let command = report(fixture, 1, units: 30, ahead: 30 * Self.minute)
        #expect(fixture.apply(command) == .rejected(.unknownToMembers))
    }
}

extension Ledger {
    fileprivate mutating func applyCharge(
        _ fixture: Fixture,
        cost: UInt32,
        sequence: UInt64,
        index: UInt64
    ) -> ChargeOutcome {
        let charge = Charge(policy: fixture.policy, cost: cost, pass: nil, limits: [fixture.limitCharge(1)])
        let command = SequencedCommand(
            session: fixture.session,
            sequence: sequence,
            floor: 2,
            command: .charge(charge)
        )
        guard case .charged(let outcome) = apply(Batch(time: .zero, commands: [command]), index: index)[0] else {
            return .invalid(.unknownPolicy)
        }
        return outcome
    }
}
