import Ledger
import TestSupport
import Testing
import Wire

@testable import Quota

/// What a node notes while no majority decides.
@Suite struct OfflineTallyTests {
    private static let minute = 60 * second

    private let limits = EventualLimits().revised(
        [facts([(interval: Self.minute, burst: 100), (interval: second, burst: 10)])],
        now: 1
    )

    private func charge(_ keys: UInt64..., cost: UInt32 = 1, limit number: UInt32 = 1) -> Charge {
        Charge(policy: policy, cost: cost, pass: nil, limits: keys.map { limit($0, limit: number) })
    }

    @Test func whatIsReportedIsWhatWasLetThrough() {
        var tally = OfflineTally()
        #expect(tally.isEmpty && tally.takeReport(now: 1) == nil)
        for _ in 0..<3 { tally.admitted(charge(1, 2, cost: 2), limits: limits, now: second) }
        tally.admitted(charge(1, cost: 0), limits: limits, now: second)
        #expect(tally.waiting == [policy: 12] && tally.count == 2)
        let report = tally.takeReport(now: 2 * second)
        #expect(report?.policy == policy)
        // Six units of a minute each, of which a second has come back.
        #expect(report?.counts.allSatisfy { $0.units == 6 && $0.ahead == 6 * Self.minute - second } == true)
        #expect(Set(report?.counts.map(\.limit.key) ?? []) == [limit(1).key, limit(2).key])
        #expect(tally.isEmpty && tally.waiting.isEmpty && tally.takeReport(now: 1) == nil)
    }

    @Test func whatHasComeBackByItselfIsReportedAsThat() {
        var tally = OfflineTally()
        for request in 0..<100 as Range<UInt64> {
            tally.admitted(charge(1, limit: 2), limits: limits, now: second + request * second)
        }
        let report = tally.takeReport(now: 101 * second)
        #expect(report?.counts.map(\.units) == [100] && report?.counts.map(\.ahead) == [0])
    }

    @Test func aReportHasAtMostItsBoundAndOnePolicy() {
        var tally = OfflineTally()
        for key in 0..<600 as Range<UInt64> { tally.admitted(charge(key), limits: limits, now: second) }
        var keys: Set<QuotaKey> = []
        var sizes: [Int] = []
        while let report = tally.takeReport(now: second) {
            sizes.append(report.counts.count)
            keys.formUnion(report.counts.map(\.limit.key))
        }
        #expect(sizes == [256, 256, 88] && keys.count == 600)
    }

    @Test func aReportThatWasNotTakenWaitsAgainBeforeWhatCameSince() {
        var tally = OfflineTally()
        for _ in 0..<3 { tally.admitted(charge(1, 2), limits: limits, now: second) }
        #expect(tally.takeReport(now: second)?.counts.count == 2)
        tally.admitted(charge(1), limits: limits, now: 31 * second)
        #expect(tally.waiting == [policy: 1])
        tally.answered(.notAsked)
        #expect(tally.waiting == [policy: 7] && tally.count == 2 && tally.lost == 0)
        let counts = tally.takeReport(now: 61 * second)?.counts ?? []
        // The fourth came half a minute after the three, of which two and a half were still to come back.
        #expect(counts.first { $0.limit.key == limit(1).key }?.ahead == 3 * Self.minute)
        #expect(counts.first { $0.limit.key == limit(1).key }?.units == 4)
        #expect(counts.first { $0.limit.key == limit(2).key }?.ahead == 2 * Self.minute)
        tally.answered(.unknown)
        #expect(tally.isEmpty && tally.waiting.isEmpty && tally.lost == 7)
        tally.answered(.notAsked)
        #expect(tally.isEmpty, "it has been answered for")
    }

    @Test func keysBeyondTheBoundAreCountedByTheirFallbackAndThoseBeyondThatAreLost() {
        var tally = OfflineTally(bucketsMax: 10)
        // One client of many addresses, then an honest key of another neighbourhood, and then one of a third.
        for key in 0..<15 as Range<UInt64> { tally.admitted(charge(key, cost: 3), limits: limits, now: second) }
        for key in [0, 0, 20, 500] as [UInt64] { tally.admitted(charge(key), limits: limits, now: second) }
        #expect(tally.count == 11 && tally.lost == 1 && tally.waiting == [policy: 48])
        let counts = tally.takeReport(now: second)?.counts ?? []
        let shared = counts.filter(\.isShared)
        #expect(counts.count == 11 && shared.map(\.units) == [16] && shared.map(\.ahead) == [16 * Self.minute])
        #expect(shared.map(\.limit.key) == [limit(0).fallback] && shared.map(\.limit.fallback) == [limit(0).fallback])
        tally.answered(.notAsked)
        #expect(tally.count == 11 && tally.waiting == [policy: 48])
        _ = tally.takeReport(now: second)
        tally.admitted(charge(500), limits: limits, now: second)
        #expect(tally.takeReport(now: second)?.counts.map(\.isShared) == [false], "there is room again")
    }

    @Test func numbersAtTheEdgeStopThere() {
        var tally = OfflineTally()
        for _ in 0..<3 { tally.admitted(charge(1, cost: .max), limits: limits, now: .max) }
        tally.admitted(charge(1, limit: 99), limits: limits, now: 1)
        #expect(tally.count == 1)
        #expect(tally.takeReport(now: 0)?.counts.first?.units == 3 * UInt64(UInt32.max))
    }
}

/// Challenges that are spent at one node alone.
@Suite struct OfflinePassesTests {
    private func spend(
        _ number: UInt64,
        issued: UInt64 = 1,
        grants: UInt32 = 3,
        key: UInt64? = nil,
        binding: UInt64 = 5
    ) -> Spend {
        Spend(
            challenge: ChallengeID(high: number, low: number),
            policy: policy,
            issued: LedgerTime(nanoseconds: issued * second),
            challengeLifetime: 60,
            passLifetime: 120,
            grants: grants,
            binding: binding,
            idempotencyKey: key.map { QuotaKey(high: $0, low: $0) }
        )
    }

    private func at(_ seconds: UInt64) -> LedgerTime { LedgerTime(nanoseconds: seconds * second) }

    private func pass(_ number: UInt64, binding: UInt64 = 5) -> PassCharge {
        PassCharge(challenge: ChallengeID(high: number, low: number), recordExpiry: .zero, binding: binding)
    }

    private func left(_ result: Result<UInt32, OfflinePassFailure>) -> UInt32? {
        if case .success(let left) = result { left } else { nil }
    }

    private func failure(_ result: Result<UInt32, OfflinePassFailure>) -> PassRefusal? {
        if case .failure(let failure) = result { failure.reason } else { nil }
    }

    @Test func aChallengeIsSpentOnce() throws {
        var passes = OfflinePasses()
        #expect(passes.outcomeIfSpent(spend(1)) == nil)
        guard case .opened(let opened) = passes.spend(spend(1, key: 7), epoch: 4, now: at(10)) else {
            Issue.record("not opened")
            return
        }
        #expect(opened.remaining == 3 && opened.expires == at(130) && opened.epoch == 4 && opened.binding == 5)
        #expect(passes.spend(spend(1), epoch: 4, now: at(10)) == .alreadySpent)
        #expect(passes.spend(spend(1, key: 8), epoch: 4, now: at(10)) == .alreadySpent)
        #expect(passes.spend(spend(1, key: 7, binding: 6), epoch: 4, now: at(10)) == .alreadySpent)
        #expect(passes.spend(spend(1, key: 7), epoch: 5, now: at(11)) == .repeated(opened))
        #expect(passes.spend(spend(2), epoch: 4, now: at(62)) == .expired)
        #expect(passes.spend(spend(3, grants: 0), epoch: 4, now: at(10)) == .invalid)
    }

    @Test func aPassPaysForItsGrantAndItsClientUntilItEnds() {
        var passes = OfflinePasses()
        _ = passes.spend(spend(1), epoch: 1, now: at(10))
        func charge(_ cost: UInt32, _ pass: PassCharge? = nil, of id: PolicyID = policy, _ now: UInt64 = 11)
            -> Result<UInt32, OfflinePassFailure>
        {
            passes.charge(pass ?? self.pass(1), of: id, cost: cost, now: at(now))
        }
        #expect(left(charge(2)) == 1)
        #expect(failure(charge(2)) == .exhausted)
        passes.giveBack(2, to: ChallengeID(high: 1, low: 1))
        #expect(left(charge(3)) == 0)
        passes.giveBack(.max, to: ChallengeID(high: 1, low: 1))
        passes.giveBack(.max, to: ChallengeID(high: 1, low: 1))
        #expect(failure(charge(1, pass(1, binding: 6))) == .otherClient)
        #expect(failure(charge(1, pass(2))) == .unknown)
        #expect(failure(charge(1, of: PolicyID(rawValue: 99))) == .policyMismatch)
        #expect(failure(charge(1, nil, 130)) == .expired)
        _ = passes.spend(spend(2, binding: 0), epoch: 1, now: at(10))
        #expect(left(charge(1, pass(2, binding: 77))) == 2)
    }

    @Test func aPolicyDoesNotTakeAllRoom() {
        var passes = OfflinePasses(recordsMax: 32)
        func spent(_ id: UInt32) -> Int {
            var count = 0
            while true {
                var spend = spend(UInt64(id) << 32 | UInt64(count))
                spend.policy = PolicyID(rawValue: id)
                guard case .opened = passes.spend(spend, epoch: 1, now: at(1)) else { return count }
                count += 1
            }
        }
        #expect([1, 2, 3, 4].map(spent) == [16, 8, 4, 2])
        #expect(passes.count == 30)
    }

    @Test func moreThanTheBoundAreNotSpentUntilOthersAreForgotten() {
        var passes = OfflinePasses(recordsMax: 20)
        for number in 0..<10 as Range<UInt64> { _ = passes.spend(spend(number), epoch: 1, now: at(1)) }
        #expect(passes.spend(spend(10), epoch: 1, now: at(1)) == .full)
        #expect(passes.spend(spend(0), epoch: 1, now: at(1)) == .alreadySpent, "what is known is told")
        // Nothing of theirs can be valid: 1 + 60 + 120 s, and the rest of the minute.
        #expect(passes.spend(spend(20, issued: 200), epoch: 1, now: at(200)) == .full)
        guard case .opened = passes.spend(spend(20, issued: 241), epoch: 1, now: at(241)) else {
            Issue.record("the former ones are not forgotten")
            return
        }
        #expect(passes.count == 1)
    }
}
