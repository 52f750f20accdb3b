import Testing

@testable import Ledger

/// The cluster's factors as whoever leads makes them, of what the ledger has counted.
@Suite struct ClusterPricesTests {
    /// A ledger of a policy whose ceiling lets 100 units a second through, all together.
    private static func fixture(_ limits: [LimitDefinition] = [.all(.ceiling)]) -> Fixture {
        var fixture = Fixture(limits)
        fixture.apply(.raiseVersion(to: Ledger.lendingVersion))
        return fixture
    }

    /// A node of the cluster, which may lead.
    private struct Leader {
        var prices = ClusterPrices()

        mutating func change(_ fixture: Fixture, at time: UInt64) -> PriceChange? {
            prices.look(fixture.ledger.facts, fixture.ledger.loads, now: LedgerTime(nanoseconds: time))
        }
    }

    /// Has passes pay, and a free client, for a period; then the leader looks.
    private func period(
        _ fixture: inout Fixture,
        _ leader: inout Leader,
        at time: UInt64,
        paid: UInt32 = 0,
        free: UInt32 = 0
    ) -> PriceChange? {
        if paid > 0 {
            let spend = fixture.spend(1_000 + time, issued: time, grants: paid)
            _ = fixture.apply(spend, at: time)
            let pass = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: spend.binding)
            #expect(fixture.charge([], cost: paid, pass: pass, at: time).isAdmitted)
        }
        if free > 0 { #expect(fixture.charge([fixture.limitCharge(1)], cost: free, at: time).isAdmitted) }
        return leader.change(fixture, at: time)
    }

    @discardableResult
    private func propose(_ change: PriceChange, _ fixture: inout Fixture) -> PriceOutcome? {
        guard case .pricesSet(let outcome) = fixture.apply(.setPrices(change)) else { return nil }
        return outcome
    }

    @Test func workAboveCapacityRaisesTheFactorAndItComesBack() throws {
        var fixture = Self.fixture()
        var leader = Leader()
        #expect(period(&fixture, &leader, at: 10 * second, paid: 2_000) == nil, "a first look finds nothing")
        var time = 10 * second
        for _ in 0..<5 {
            time += 10 * second
            let change = try #require(period(&fixture, &leader, at: time, paid: 2_000))
            #expect(propose(change, &fixture) != nil)
        }
        let highest = fixture.ledger.facts.clusterFactor(of: fixture.policy)
        #expect(highest > 2 * Price.one && fixture.ledger.facts.priceVersion == 5)
        while fixture.ledger.facts.clusterFactor(of: fixture.policy) > Price.one, time < 1_000 * second {
            time += 10 * second
            if let change = leader.change(fixture, at: time) { propose(change, &fixture) }
        }
        #expect(fixture.ledger.facts.prices.isEmpty)
        #expect(leader.change(fixture, at: time + 10 * second) == nil, "and is set no more")
    }

    @Test func whatIsGrantedAndNotUsedRaisesNothing() {
        var fixture = Self.fixture()
        var leader = Leader()
        _ = leader.change(fixture, at: 0)
        for step in 1...20 as ClosedRange<UInt64> {
            fixture.apply(fixture.spend(step, issued: step, grants: 1_000_000), at: step * 10 * second)
            #expect(period(&fixture, &leader, at: step * 10 * second, paid: 500) == nil)
        }
    }

    @Test func aStockOfPassesDoesNotGoOnRaisingTheFactor() throws {
        var fixture = Self.fixture()
        var leader = Leader()
        _ = leader.change(fixture, at: 0)
        let spend = fixture.spend(1, passLifetime: 100_000, grants: 1_000_000)
        fixture.apply(spend, at: second)
        let pass = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: spend.binding)
        var factors: [UInt32] = []
        for step in 1...20 as ClosedRange<UInt64> {
            // All that there is, from what was bought in the first second.
            #expect(fixture.charge([], cost: 1_000, pass: pass, at: step * 10 * second).isAdmitted)
            if let change = leader.change(fixture, at: step * 10 * second) { propose(change, &fixture) }
            factors.append(fixture.ledger.facts.clusterFactor(of: fixture.policy))
        }
        let highest = try #require(factors.max())
        #expect(highest > Price.one && factors.last! < highest, "it rose once, and falls")
        #expect(factors.firstIndex(of: highest)! < 8)
    }

    @Test func betweenTwoPeriodsNothingHappens() {
        var fixture = Self.fixture()
        var leader = Leader()
        _ = leader.change(fixture, at: 0)
        #expect(period(&fixture, &leader, at: 10 * second - 1, paid: 5_000) == nil)
        #expect(leader.change(fixture, at: 10 * second) != nil)
    }

    @Test func withoutALimitOfAllTheFactorIsOne() {
        var fixture = Self.fixture([.free(second, 10)])
        #expect(fixture.ledger.loads[0].capacity == nil)
        var leader = Leader()
        for step in 0..<20 as Range<UInt64> {
            #expect(period(&fixture, &leader, at: (step + 1) * 10 * second, paid: 500) == nil)
        }
    }

    @Test func freeTrafficAloneRaisesNothing() {
        var fixture = Self.fixture([.all(.free)])
        var leader = Leader()
        for step in 0..<20 as Range<UInt64> {
            #expect(period(&fixture, &leader, at: step * 10 * second, free: 1_000) == nil)
        }
        #expect(fixture.ledger.loads[0].unpaid > 10_000)
        // But it leaves less, a quarter of all at least.
        #expect(period(&fixture, &leader, at: 200 * second, paid: 240, free: 1_000) == nil)
        #expect(period(&fixture, &leader, at: 210 * second, paid: 400, free: 1_000) != nil)
    }

    @Test func theCapacityIsTheSlowestCeilingOfAll() {
        let limits: [LimitDefinition] = [
            .all(.free, interval: second), .all(.ceiling, interval: 5), .all(.ceiling, interval: 7),
            .free(second, 9, key: "client"),
        ]
        let load = Self.fixture(limits).ledger.loads[0]
        #expect(load.capacity == PolicyLoad.Capacity(interval: 7, isCeiling: true))
        let free = Self.fixture([.all(.free, interval: 9)]).ledger.loads[0]
        #expect(free.capacity == PolicyLoad.Capacity(interval: 9, isCeiling: false))
    }

    @Test func whatIsLeftHasBounds() {
        let soft = PolicyLoad.Capacity(interval: second, isCeiling: false)
        #expect(soft.left(10 * second, unpaid: 0) == 10_000)
        #expect(soft.left(10 * second, unpaid: 4) == 6_000)
        #expect(soft.left(10 * second, unpaid: 9) == 2_500)
        #expect(soft.left(10 * second, unpaid: .max) == 2_500)
        #expect(soft.left(0, unpaid: 0) == 0)
        let hard = PolicyLoad.Capacity(interval: second, isCeiling: true)
        #expect(hard.left(10 * second, unpaid: 0) == 7_500)
        let fast = PolicyLoad.Capacity(interval: 1, isCeiling: false)
        #expect(fast.left(.max, unpaid: 1) > 1 << 60)
    }

    @Test func slicesCountAsWhatWasSpentOfThem() {
        var fixture = Self.fixture()
        let lend = Lend(policy: fixture.policy, limit: fixture.limitCharge(1), least: 1, wanted: 80, nodes: 1)
        guard case .lent(.lent(let slice, let units, _)) = fixture.apply(.lend(lend), at: second) else {
            Issue.record("not lent")
            return
        }
        #expect(units >= 80 && fixture.ledger.loads[0].unpaid == units)
        fixture.apply(.returnUnits(SliceReturn(slice: slice, units: 30)), at: second)
        #expect(fixture.ledger.loads[0].unpaid == units - 30)
    }

    @Test func aChangeOfLeadersMovesNothing() throws {
        var fixture = Self.fixture()
        var leaders = [Leader(), Leader()]
        _ = leaders[0].change(fixture, at: 0)
        for step in 1...8 as ClosedRange<UInt64> {
            if let change = period(&fixture, &leaders[0], at: step * 10 * second, paid: 3_000) {
                propose(change, &fixture)
            }
        }
        let standing = fixture.ledger.facts.clusterFactor(of: fixture.policy)
        #expect(standing > 3 * Price.one)
        // What the old one still has to say comes too late.
        let late = try #require(period(&fixture, &leaders[0], at: 90 * second, paid: 3_000))
        leaders[0].prices.rest()
        var before = standing
        #expect(leaders[1].change(fixture, at: 91 * second) == nil)
        for step in 0..<5 as Range<UInt64> {
            let change = period(&fixture, &leaders[1], at: (101 + 10 * step) * second, paid: 3_000)
            if let change { propose(change, &fixture) }
            if step == 0 {
                #expect(propose(late, &fixture) == .conflict(current: fixture.ledger.facts.priceVersion))
            }
            let factor = fixture.ledger.facts.clusterFactor(of: fixture.policy)
            #expect(factor >= before && factor <= before / 4 * 5 + 4, "at most a step")
            before = factor
        }
    }

    @Test func aChangeThatWasNotMadeIsMadeAnew() throws {
        var fixture = Self.fixture()
        var leader = Leader()
        _ = leader.change(fixture, at: 0)
        for step in 1...20 as ClosedRange<UInt64> {
            let change = try #require(period(&fixture, &leader, at: step * 10 * second, paid: 2_000))
            #expect(change.factors[0].factor <= Price.one / 4 * 5, "a step from what stands")
        }
    }

    @Test func countersThatBeginAnewCountNothing() {
        var fixture = Self.fixture()
        var leader = Leader()
        _ = leader.change(fixture, at: 0)
        _ = period(&fixture, &leader, at: 10 * second, paid: 500)
        var fresh = Fixture([.all(.ceiling)])
        fresh.apply(.raiseVersion(to: Ledger.lendingVersion))
        for step in 2...5 as ClosedRange<UInt64> {
            #expect(leader.change(fresh, at: step * 10 * second) == nil)
        }
    }

    @Test func membersOfAnEarlierVersionAreToldNothing() {
        var fixture = Fixture([.all(.ceiling)])
        var leader = Leader()
        for step in 0..<9 as Range<UInt64> {
            #expect(period(&fixture, &leader, at: step * 10 * second, paid: 2_000) == nil)
        }
        fixture.apply(.raiseVersion(to: Ledger.lendingVersion))
        #expect(period(&fixture, &leader, at: 100 * second, paid: 2_000) == nil)
        #expect(period(&fixture, &leader, at: 110 * second, paid: 2_000) != nil)
    }

    @Test func loadsAreNoPartOfTheState() throws {
        var fixture = Self.fixture()
        var leader = Leader()
        _ = period(&fixture, &leader, at: second, paid: 7, free: 3)
        #expect(fixture.ledger.loads[0].paid == 7 && fixture.ledger.loads[0].unpaid == 3)
        #expect(fixture.ledger.loads[0].granted == 7)
        let restored = try Ledger(restoring: fixture.ledger.snapshot())
        #expect(restored.digest == fixture.ledger.digest)
        #expect(restored.loads[0].paid == 0 && restored.loads[0].unpaid == 0)
        // A reload of the limits keeps them.
        fixture.set([.all(.ceiling), .free(second, 9)])
        #expect(fixture.ledger.loads[0].paid == 7 && fixture.ledger.loads[0].unpaid == 3)
    }
}

extension LimitDefinition {
    /// All together: 100 units a second, unless it says otherwise.
    fileprivate static func all(_ role: LimitRole, interval: UInt64 = second / 100) -> LimitDefinition {
        LimitDefinition(role: role, key: "all", interval: interval, burst: 1_000_000)
    }
}
