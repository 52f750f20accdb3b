import Ledger
import TestSupport
import Testing
import Wire

@testable import Quota

/// How one loop decides: as the ledger does.
@Suite struct LoopEventualTests {
    private static let minute = 60 * second

    /// A ledger with one policy, to compare with.
    private struct Model {
        var ledger = Ledger(
            genesis: Genesis(clusterID: ClusterID(high: 1, low: 2), secret: Array(repeating: 7, count: 32))
        )
        var sequence: UInt64 = 0

        init(_ facts: PolicyFacts) {
            _ = apply(.openSession(owner: .test(1)), at: 0)
            let definition = PolicyDefinition(
                name: facts.name,
                maxKeys: facts.maxKeys,
                limits: facts.limits.map(\.definition)
            )
            _ = apply(.setPolicies(expectedRevision: 0, policies: [definition]), at: 0)
        }

        mutating func apply(_ command: Command, at time: UInt64) -> CommandResult {
            let sequenced = SequencedCommand(
                session: SessionID(rawValue: 1),
                sequence: sequence,
                floor: sequence,
                command: command
            )
            sequence += 1
            return ledger.apply(Batch(time: LedgerTime(nanoseconds: time), commands: [sequenced]), index: sequence)[0]
        }

        mutating func charge(_ charge: Charge, at time: UInt64) -> ChargeOutcome? {
            guard case .charged(let outcome) = apply(.charge(charge), at: time) else { return nil }
            return outcome
        }
    }

    private func compare(_ facts: PolicyFacts, keys: UInt64, pause: UInt64, count: Int, _ random: inout Seeded) {
        var model = Model(facts)
        let known = model.ledger.facts.policies[0]
        var loop = EventualLoop(limits: EventualLimits().revised([known], now: 1))
        var now = Self.minute
        var admitted = 0
        for _ in 0..<count {
            now += random.below(pause)
            var limits: [LimitCharge] = []
            for _ in 0...random.below(4) {
                let place = Int(random.below(UInt64(known.limits.count)))
                var charged = limit(random.below(keys), limit: known.limits[place].id.rawValue)
                charged.reserve = random.oneIn(4) ? UInt32(random.below(4)) : 0
                limits.append(charged)
            }
            let charge = Charge(policy: known.id, cost: UInt32(random.below(4)), pass: nil, limits: limits)
            let expected = model.charge(charge, at: now)
            let outcome = loop.charge(charge, now: now)
            #expect(outcome == expected)
            if outcome != expected { return }
            if outcome.isAdmitted { admitted += 1 }
        }
        #expect(admitted > count / 20 && admitted < count)
    }

    @Test func itDecidesAsTheLedgerDoes() {
        var random = Seeded(seed())
        for _ in 0..<runs(5) {
            let terms = (0..<3).map { _ in (random.below(3 * second) + second, random.below(12) + 1) }
            compare(facts(terms), keys: 12, pause: second / 4, count: 1_500, &random)
        }
    }

    @Test func keysBeyondTheMostShareAsInTheLedger() {
        var random = Seeded(seed())
        for _ in 0..<runs(5) {
            // So slow that nothing is full again in the time of the test.
            let terms = (0..<2).map { _ in (random.below(10) * Self.minute + 3_600 * second, random.below(30) + 5) }
            let maxKeys = UInt32(random.below(30) + 1)
            compare(facts(terms, maxKeys: maxKeys), keys: 2_000, pause: 10 * millisecond, count: 1_000, &random)
        }
    }

    @Test func aKeyOfItsFallbackGainsNothingByItsOwnBucket() throws {
        let limits = EventualLimits().revised([facts([(100 * second, 4)], maxKeys: 1)], now: 1)
        let one = try #require(limits.limit(LimitID(rawValue: 1)))
        var loop = EventualLoop(limits: limits)
        var sweep = EventualSweep()
        var now = Self.minute
        #expect(loop.charge(charge([limit(1)]), now: now).isAdmitted)
        for left in [3, 2, 1, 0] as [UInt64] {
            #expect(loop.charge(charge([limit(2 + left)]), now: now).remaining == [left])
        }
        for _ in 0..<109 {
            now += second
            sweep.advance(one, places: 16_384, now: now, EventualSettings())
        }
        #expect(one.count == 2, "what was full for less than ten seconds keeps its place")
        for _ in 0..<3 {
            now += second
            sweep.advance(one, places: 16_384, now: now, EventualSettings())
        }
        #expect(one.count == 1, "the key that had a bucket was forgotten")
        // Another gets its place, and begins where its fallback stands: one unit is back.
        #expect(loop.charge(charge([limit(8)], cost: 2), now: now).retryAfter == 88 * second)
        #expect(loop.charge(charge([limit(8)]), now: now).remaining == [0])
        #expect(one.count == 2)
        #expect(loop.charge(charge([limit(9)]), now: now).remaining == [0], "that was not charged to the fallback")
    }

    @Test func whatMeansNothingIsSaid() {
        var loop = EventualLoop(limits: EventualLimits().revised([facts([(second, 4)])], now: 1))
        let unknown = Charge(policy: PolicyID(rawValue: 9), cost: 1, pass: nil, limits: [limit(1)])
        #expect(loop.charge(unknown, now: second) == .invalid(.unknownPolicy))
        #expect(loop.charge(charge([limit(1, limit: 2)]), now: second) == .invalid(.unknownLimit))
        let many = charge(Array(repeating: limit(1), count: 17))
        #expect(loop.charge(many, now: second) == .invalid(.tooManyLimits))
        #expect(loop.charge(charge([limit(1)], cost: 5), now: second).retryAfter == .max)
    }

    @Test func whatIsReservedIsGivenBackOrTold() {
        let limits = EventualLimits().revised([facts([(second, 4), (second, 10)])], now: 1)
        var loop = EventualLoop(limits: limits)
        let both = charge([limit(1), limit(1, limit: 2)], cost: 3)
        let (outcome, reservation) = loop.reserve(both, now: second)
        #expect(outcome.remaining == [1, 7])
        #expect(loop.journalCount == 0)
        let (refused, nothing) = loop.reserve(both, now: second)
        #expect(refused.remaining == [1, 7] && nothing == nil)
        if let reservation { loop.giveBack(reservation, now: second) }
        #expect(loop.charge(charge([limit(1), limit(1, limit: 2)], cost: 0), now: second).remaining == [4, 10])
        let (_, again) = loop.reserve(both, now: second)
        if let again { loop.keep(again) }
        #expect(loop.takeJournal().admissions.map(\.units) == [3, 3])
        #expect(loop.charge(charge([limit(1)], cost: 0), now: second).remaining == [1])
    }

    /// What the bucket regains meanwhile is not had twice.
    @Test func whatIsGivenBackLateIsLessByWhatTheBucketRegained() {
        let limits = EventualLimits().revised([facts([(second, 100)])], now: 1)
        var loop = EventualLoop(limits: limits)
        var now = Self.minute
        #expect(loop.charge(charge([limit(1)], cost: 95), now: now).isAdmitted)
        // Five with a pass that proves to be bad, after a second each; and one at once.
        for _ in 0..<5 {
            let (_, reservation) = loop.reserve(charge([limit(1)]), now: now)
            now += second
            if let reservation { loop.giveBack(reservation, now: now) }
        }
        #expect(loop.charge(charge([limit(1)], cost: 0), now: now).remaining == [5])
        let (_, reservation) = loop.reserve(charge([limit(1)], cost: 5), now: now)
        if let reservation { loop.giveBack(reservation, now: now + 2 * second) }
        #expect(loop.charge(charge([limit(1)], cost: 0), now: now + 2 * second).remaining == [5])
    }

    @Test func usedUnitsStayUsedUnitsWhenTheNumbersChange() {
        let before = EventualLimits().revised([facts([(second, 10)])], now: 1)
        var loop = EventualLoop(limits: before)
        let now = Self.minute
        #expect(loop.charge(charge([limit(1)], cost: 6), now: now).remaining == [4])
        loop.limits = before.revised([facts([(5 * second, 10)])], now: now)
        #expect(loop.charge(charge([limit(1)], cost: 0), now: now).remaining == [4])
        loop.limits = loop.limits.revised([facts([(second / 10, 20)])], now: now)
        #expect(loop.charge(charge([limit(1)], cost: 0), now: now).remaining == [14])
        #expect(loop.charge(charge([limit(1)], cost: 14), now: now).isAdmitted)
        #expect(!loop.charge(charge([limit(1)]), now: now).isAdmitted)
    }

    @Test func extremeNumbersStopAtTheirEnds() {
        let all = facts([(1 << 62, 1), (1, 1 << 62), (1 << 31, 1 << 31)])
        var loop = EventualLoop(limits: EventualLimits().revised([all], now: 1))
        for now in [0, 1, 1 << 61, 1 << 62, .max] as [UInt64] {
            for number in 1...3 as ClosedRange<UInt32> {
                var charged = limit(1, limit: number)
                charged.reserve = .max
                _ = loop.charge(charge([charged, charged], cost: .max), now: now)
                charged.reserve = 0
                _ = loop.charge(charge([charged, charged], cost: 1), now: now)
                _ = loop.charge(charge([charged], cost: .max), now: now)
            }
        }
    }

    /// Loops of one node on threads of their own: together they are one limit, to the unit.
    @Test func loopsTogetherAdmitWhatOneWould() async {
        let limits = EventualLimits().revised([facts([(100_000 * second, 5_000), (100_000 * second, 20)])], now: 1)
        let admitted = await withTaskGroup(of: [UInt64: Int].self) { group in
            for number in 0..<4 as Range<UInt64> {
                group.addTask {
                    var loop = EventualLoop(limits: limits)
                    var random = Seeded(number)
                    var admitted: [UInt64: Int] = [:]
                    for _ in 0..<5_000 {
                        let key = random.below(400)
                        let both = charge([limit(0), limit(key, limit: 2)])
                        if loop.charge(both, now: second).isAdmitted { admitted[key, default: 0] += 1 }
                    }
                    return admitted
                }
            }
            return await group.reduce(into: [UInt64: Int]()) { $0.merge($1, uniquingKeysWith: +) }
        }
        #expect(admitted.values.reduce(0, +) == 5_000)
        #expect(admitted.values.allSatisfy { $0 <= 20 })
        #expect(limits.limit(LimitID(rawValue: 2))?.count == admitted.count)
    }
}
