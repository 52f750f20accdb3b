import Testing
import Wire

@testable import Ledger

@Suite struct PriceTests {
    /// A ledger in which work has a price.
    static func fixture() -> Fixture {
        var fixture = Fixture([.free(second, 5)])
        fixture.apply(.raiseVersion(to: Ledger.lendingVersion))
        return fixture
    }

    static func keys(_ address: UInt64, near: UInt64 = 1, wide: UInt64 = 1) -> PrefixKeys {
        PrefixKeys(address: .test(address), neighbourhoods: [.test(1_000_000 + near), .test(2_000_000 + wide)])
    }

    private func set(_ fixture: inout Fixture, _ factors: [(PolicyID, UInt32)], expecting: UInt64) -> PriceOutcome {
        let change = PriceChange(
            expectedVersion: expecting,
            factors: factors.map { PolicyPrice(policy: $0.0, factor: $0.1) }
        )
        guard case .pricesSet(let outcome) = fixture.apply(.setPrices(change)) else { return .invalid }
        return outcome
    }

    private func issue(_ fixture: inout Fixture, _ counts: [IssuedCount], at time: UInt64 = 0) -> IssueOutcome {
        guard case .recorded(let outcome) = fixture.apply(.record(IssueReport(counts: counts)), at: time) else {
            return .invalid
        }
        return outcome
    }

    // MARK: - Settlement

    @Test func aStockOfCheapChallengesBuysNothing() {
        var fixture = Self.fixture()
        var granted: [UInt32] = []
        // 200 challenges issued at price 1, all handed in at once.
        for number in 0..<200 as Range<UInt64> {
            granted.append(fixture.redeem(number, from: Self.keys(1), grants: 100))
        }
        #expect(granted[..<32].allSatisfy { $0 == 100 })
        #expect(granted[45] == 50 || granted[45] == 49)
        #expect(granted[64] == 25 && granted[128] == 6 && granted[199] == 2)
        #expect(granted.reduce(0, +) < 6_000)
        // Of those who keep them for an hour and more it is the same.
        #expect(fixture.redeem(500, from: Self.keys(1), grants: 100, at: 3_000 * second) < 100)
    }

    @Test func theGrantIsNeverMoreThanWasIssuedNorLessThanOne() {
        var fixture = Self.fixture()
        for number in 0..<300 as Range<UInt64> { fixture.redeem(number, from: Self.keys(1)) }
        #expect(fixture.redeem(400, from: Self.keys(1), grants: 3) == 1)
        #expect(fixture.redeem(401, from: Self.keys(1), grants: .max, price: .max) == .max)
        #expect(fixture.redeem(402, from: Self.keys(1), grants: 7, price: .max) == 7)
        #expect(fixture.redeem(403, from: Self.keys(2, near: 2, wide: 2), grants: 7, price: 0) == 7)
    }

    @Test func aPassKnowsWhatItWasGrantedHoweverMuchOfItIsUsed() throws {
        var fixture = Self.fixture()
        for number in 0..<64 as Range<UInt64> { fixture.redeem(number, from: Self.keys(1)) }
        var spend = fixture.spend(100, grants: 100, key: 7)
        spend.pricing = SpendPricing(issuePrice: Price.one, keys: Self.keys(1))
        guard case .opened(let opened) = fixture.apply(spend, at: 0) else {
            Issue.record("not opened")
            return
        }
        #expect(opened.granted == opened.remaining && opened.remaining < 30 && opened.remaining > 20)
        let pass = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: spend.binding)
        #expect(fixture.charge([], cost: 5, pass: pass).isAdmitted)
        let restored = try Ledger(restoring: fixture.ledger.snapshot())
        #expect(restored.digest == fixture.ledger.digest)
        for ledger in [fixture.ledger, restored] {
            guard case .repeated(let again)? = ledger.outcomeIfSpent(spend) else {
                Issue.record("not repeated")
                continue
            }
            #expect(again.granted == opened.granted && again.remaining == opened.remaining - 5)
        }
        // Results that are kept say so too.
        for outcome in [SpendOutcome.opened(opened), .repeated(opened)] {
            var writer = ByteWriter()
            CommandResult.spent(outcome).write(into: &writer)
            var source = FieldSource(writer.bytes)
            #expect(try CommandResult(from: &source) == .spent(outcome))
        }
    }

    @Test func workAtThePriceOfTheMomentIsWorthAllOfIt() {
        var fixture = Self.fixture()
        for number in 0..<400 as Range<UInt64> {
            let price = fixture.ledger.price(of: Self.keys(1), policy: fixture.policy)
            #expect(fixture.redeem(number, from: Self.keys(1), grants: 100, price: price.total) == 100)
        }
    }

    @Test func onlyWhatOpensAPassRaisesThePrice() {
        var fixture = Self.fixture()
        var spend = fixture.spend(1, key: 1)
        spend.pricing = SpendPricing(issuePrice: Price.one, keys: Self.keys(1))
        for _ in 0..<500 { _ = fixture.apply(spend, at: 0) }
        spend.idempotencyKey = nil
        for _ in 0..<500 { #expect(fixture.apply(spend, at: 0) == .alreadySpent) }
        var wrong = fixture.spend(2, grants: 0)
        wrong.pricing = spend.pricing
        for _ in 0..<500 { #expect(fixture.apply(wrong, at: 0) == .invalid) }
        // Asking for challenges neither, however many.
        for level in PrefixLevel.allCases {
            _ = issue(&fixture, [IssuedCount(key: Self.keys(1).address, level: level, count: .max)])
        }
        #expect(fixture.ledger.price(of: Self.keys(1), policy: fixture.policy).client == Price.one)
        #expect(fixture.ledger.counts.warmAddresses == 1 && fixture.ledger.counts.warmNeighbourhoods == 2)
    }

    @Test func aSpendWithoutAPriceIsAsBefore() {
        var fixture = Self.fixture()
        #expect(set(&fixture, [(fixture.policy, .max)], expecting: 0) == .set(version: 1))
        guard case .opened(let pass) = fixture.apply(fixture.spend(1), at: 0) else {
            Issue.record("not opened")
            return
        }
        #expect(pass.remaining == 10 && fixture.ledger.counts.warmAddresses == 0)
        #expect(fixture.redeem(2, from: Self.keys(1), grants: 10) == 1)
    }

    @Test func moreNeighbourhoodsThanThereAreAreInvalid() {
        var fixture = Self.fixture()
        var keys = Self.keys(1)
        keys.neighbourhoods += keys.neighbourhoods
        var spend = fixture.spend(1)
        spend.pricing = SpendPricing(issuePrice: Price.one, keys: keys)
        #expect(fixture.apply(spend, at: 0) == .invalid)
        #expect(!Command.spend(spend).isWithinBounds)
        #expect(fixture.ledger.price(of: keys, policy: fixture.policy).client == Price.one)
        #expect(fixture.ledger.issueWait(of: keys) == 0)
    }

    // MARK: - The cluster's factors

    @Test func factorsAreSetByCompareAndSet() throws {
        var fixture = Self.fixture()
        let generation = fixture.ledger.facts.generation
        #expect(set(&fixture, [(fixture.policy, 3 << 16)], expecting: 0) == .set(version: 1))
        #expect(set(&fixture, [(fixture.policy, 9 << 16)], expecting: 0) == .conflict(current: 1))
        #expect(fixture.ledger.facts.clusterFactor(of: fixture.policy) == 3 << 16)
        #expect(fixture.ledger.facts.generation == generation + 1 && fixture.ledger.facts.priceVersion == 1)
        #expect(fixture.ledger.price(of: Self.keys(1), policy: fixture.policy).total == 3 << 16)
        #expect(set(&fixture, [(PolicyID(rawValue: 7), 9 << 16)], expecting: 1) == .unknownPolicy)
        #expect(set(&fixture, [(fixture.policy, 65_535)], expecting: 1) == .invalid)
        #expect(set(&fixture, [(fixture.policy, 65_536), (fixture.policy, 65_536)], expecting: 1) == .invalid)
        let restored = try Ledger(restoring: fixture.ledger.snapshot())
        #expect(restored.facts == fixture.ledger.facts && restored.digest == fixture.ledger.digest)
        // A policy keeps its factor through revisions, and takes it along when it goes.
        fixture.set([.free(second, 9)])
        #expect(fixture.ledger.facts.clusterFactor(of: fixture.policy) == 3 << 16)
        fixture.apply(.setPolicies(expectedRevision: 2, policies: []))
        #expect(fixture.ledger.facts.prices.isEmpty && fixture.ledger.facts.priceVersion == 1)
    }

    @Test func aPriceSaturates() {
        var fixture = Self.fixture()
        #expect(set(&fixture, [(fixture.policy, .max)], expecting: 0) == .set(version: 1))
        for number in 0..<300 as Range<UInt64> { fixture.redeem(number, from: Self.keys(1), price: .max) }
        let price = fixture.ledger.price(of: Self.keys(1), policy: fixture.policy)
        #expect(price.client > Price.one && price.cluster == .max && price.total == .max)
        #expect(Price(client: 0, cluster: 0).total == Price.one)
        #expect(Price.product(.max, .max) == .max)
    }

    // MARK: - Issuing

    @Test func issuingIsLimitedByPrefix() {
        var fixture = Self.fixture()
        func address(_ count: UInt32) -> IssuedCount { IssuedCount(key: .test(1), level: .address, count: count) }
        #expect(issue(&fixture, [address(5_999)]) == .counted(exceeded: []))
        let full = issue(&fixture, [IssuedCount(key: .test(2), level: .address, count: 1), address(2)])
        #expect(full == .counted(exceeded: [IssueExcess(place: 1, retryAfterNanoseconds: 2 * second / 10)]))
        let keys = PrefixKeys(address: .test(1), neighbourhoods: [])
        #expect(fixture.ledger.issueWait(of: keys) == 2 * second / 10)
        #expect(fixture.ledger.issueWait(of: keys, at: LedgerTime(nanoseconds: second)) == 0)
        // Ten a second are forgiven; what was too many before is not, up to one more bucket full.
        #expect(issue(&fixture, [address(.max)], at: second) != .counted(exceeded: []))
        #expect(fixture.ledger.issueWait(of: keys) == 600 * second + second / 10)
        // The same key as a wider prefix is another.
        let wide = IssuedCount(key: .test(1), level: .wide, count: 599_999)
        #expect(issue(&fixture, [wide], at: second) == .counted(exceeded: []))
        fixture.pass(to: 1_300 * second)
        #expect(fixture.ledger.counts.issuedPrefixes == 0)
    }

    @Test func aReportHasABound() {
        var fixture = Self.fixture()
        let count = IssuedCount(key: .test(1), level: .near, count: 1)
        #expect(issue(&fixture, Array(repeating: count, count: 256)) == .counted(exceeded: []))
        #expect(issue(&fixture, Array(repeating: count, count: 257)) == .invalid)
        #expect(!Command.record(IssueReport(counts: Array(repeating: count, count: 257))).isWithinBounds)
    }

    // MARK: - Versions and bounds

    @Test func aLedgerOfAnEarlierVersionHasNoPrices() throws {
        var fixture = Fixture([.free(second, 5)])
        var spend = fixture.spend(1)
        spend.pricing = SpendPricing(issuePrice: Price.one, keys: Self.keys(1))
        let commands: [Command] = [
            .spend(spend), .record(IssueReport(counts: [])), .setPrices(PriceChange(expectedVersion: 0, factors: [])),
        ]
        for command in commands {
            #expect(command.leastVersion == Ledger.lendingVersion)
            #expect(fixture.apply(command) == .rejected(.unknownToMembers))
        }
        #expect(fixture.ledger.prices.digest == .zero && fixture.ledger.clusterPriceDigest == .zero)
        #expect(fixture.ledger.snapshot()[0] == 1)
        spend.pricing = nil
        #expect(Command.spend(spend).leastVersion == 1)
    }

    @Test func theTablesHaveABoundAndForget() {
        var table = PrefixTable(.heat, .near)
        for number in 0..<UInt64(LedgerBounds.prefixNeighbourhoods) { table.update(.test(number)) { _ in 9 } }
        let full = table.digest
        table.update(.test(.max)) { _ in 9 }
        #expect(table.entries.count == LedgerBounds.prefixNeighbourhoods && table.digest == full)
        #expect(table[.test(.max)] == 0)
        table.update(.test(1)) { $0 + 1 }
        #expect(table[.test(1)] == 10)
        table.sweep(0..<LedgerBounds.slices, now: 9)
        #expect(table.entries.count == 1)
        table.sweep(0..<LedgerBounds.slices, now: 10)
        #expect(table.entries.count == 0 && table.digest == .zero)
    }

    @Test func whoFindsNoRoomIsAsWarmAsTheNeighbourhood() {
        var tables = PriceTables()
        let end = 9 * LedgerBounds.heatHalfLifeNanoseconds
        for number in 0..<UInt64(LedgerBounds.prefixAddresses) {
            _ = tables.restore(QuotaEntry(key: .test(5_000_000 + number), tat: end), table: 0)
        }
        for _ in 0..<1_024 { tables.redeemed(Self.keys(1), now: 0) }
        #expect(tables.counts(.heat).addresses == LedgerBounds.prefixAddresses)
        #expect(tables.factor(of: Self.keys(1), now: 0) >> 8 == 2 << 8 - 1)
        #expect(tables.factor(of: Self.keys(2), now: 0) == tables.factor(of: Self.keys(1), now: 0))
        for _ in 0..<9_000 { tables.redeemed(Self.keys(1), now: 0) }
        #expect(tables.factor(of: Self.keys(1), now: 0) == 4 << 16)
    }

    @Test func everyPartOfThePricesCounts() throws {
        var fixture = Self.fixture()
        var digests: Set<LedgerDigest> = []
        func check(_ name: Comment) throws {
            #expect(digests.insert(fixture.ledger.digest).inserted, name)
            let restored = try Ledger(restoring: fixture.ledger.snapshot())
            #expect(restored.digest == fixture.ledger.digest, name)
            #expect(restored.prices.counts(.heat) == fixture.ledger.prices.counts(.heat), name)
            #expect(restored.prices.counts(.issued) == fixture.ledger.prices.counts(.issued), name)
        }
        let keys = Self.keys(1)
        try check("nothing")
        fixture.ledger.prices.redeemed(keys, now: 1)
        try check("heat")
        fixture.ledger.prices.redeemed(PrefixKeys(address: keys.address, neighbourhoods: []), now: 1)
        try check("heat of an address")
        for level in PrefixLevel.allCases {
            fixture.ledger.prices.issued(IssuedCount(key: keys.address, level: level, count: 1), now: 1)
            try check("an issued challenge, level \(level)")
        }
        fixture.ledger.standing.priceVersion = 5
        try check("version")
        fixture.ledger.standing.prices = [PolicyPrice(policy: fixture.policy, factor: 2 << 16)]
        try check("factor")
    }

    @Test func aSnapshotHoldsNothingThatNoLedgerCan() {
        let good = Self.fixture()
        func refuses(_ change: (inout Ledger) -> Void) {
            var ledger = good.ledger
            change(&ledger)
            let bytes = ledger.snapshot()
            #expect(throws: LedgerDecodingError.self) { try Ledger(restoring: bytes, checkingDigest: false) }
        }
        let later = HeatCurve(.address).latest(now: 0) + 1
        refuses { _ = $0.prices.restore(QuotaEntry(key: .test(1), tat: later), table: 0) }
        refuses { _ = $0.prices.restore(QuotaEntry(key: .test(1), tat: 1_200 * second + 1), table: 7) }
        refuses { $0.standing.prices = [PolicyPrice(policy: PolicyID(rawValue: 9), factor: .max)] }
        refuses { $0.standing.prices = [PolicyPrice(policy: $0.policies[0].id, factor: Price.one)] }
        let twice = PolicyPrice(policy: good.policy, factor: .max)
        refuses { $0.standing.prices = [twice, twice] }
        refuses { $0.standing.priceVersion = LedgerBounds.counterMaximum }
    }

    @Test func whatIsColdIsForgotten() {
        var fixture = Self.fixture()
        fixture.redeem(1, from: Self.keys(1))
        let cold = 2 * LedgerBounds.heatHalfLifeNanoseconds
        fixture.pass(to: cold - 1)
        #expect(fixture.ledger.counts.warmAddresses == 1)
        fixture.pass(to: cold + 70 * second)
        #expect(fixture.ledger.counts.warmAddresses == 0 && fixture.ledger.counts.warmNeighbourhoods == 0)
        #expect(fixture.ledger.prices.digest == .zero)
    }

    @Test func theEndOfTimeTrapsNothing() throws {
        var fixture = Self.fixture()
        for number in 0..<100 as Range<UInt64> { fixture.redeem(number, from: Self.keys(1), issued: .max, at: .max) }
        _ = issue(&fixture, PrefixLevel.allCases.map { IssuedCount(key: .test(1), level: $0, count: .max) }, at: .max)
        #expect(fixture.ledger.price(of: Self.keys(1), policy: fixture.policy, at: .maximum).client > Price.one)
        #expect(fixture.ledger.issueWait(of: Self.keys(1), at: .maximum) > 0)
        #expect(try Ledger(restoring: fixture.ledger.snapshot()).digest == fixture.ledger.digest)
    }
}

extension Fixture {
    /// Hands in a solution; answers what was granted.
    @discardableResult
    mutating func redeem(
        _ challenge: UInt64,
        from keys: PrefixKeys,
        grants: UInt32 = 100,
        price: UInt32 = Price.one,
        issued: UInt64? = nil,
        at time: UInt64 = 0
    ) -> UInt32 {
        var spend = spend(challenge, issued: issued ?? time, grants: grants)
        spend.pricing = SpendPricing(issuePrice: price, keys: keys)
        guard case .opened(let pass) = apply(spend, at: time) else { return 0 }
        return pass.remaining
    }
}
