import Testing

@testable import Ledger

/// Clients of several kinds against the price, in accelerated time: what each pays, and how long until its price is back.
@Suite struct PriceCurveTests {
    private static let hour = 3_600 * second

    /// Price 1 is a second of one laptop's core.
    private struct Solver {
        var speed: Double
        var time: Double = 0
        var redemptions = 0
        var work: Double = 0
        var highest: Double = 1
    }

    private func price(_ tables: PriceTables, _ keys: PrefixKeys, at time: Double) -> Double {
        Double(tables.factor(of: keys, now: UInt64(time * 1e9))) / 65_536
    }

    /// Solves one challenge after the other, until the end, from the addresses in turn.
    private func solve(
        _ solver: inout Solver,
        _ tables: inout PriceTables,
        until end: Double,
        keys: (Int) -> PrefixKeys
    ) {
        while solver.time < end {
            let keys = keys(solver.redemptions)
            let price = price(tables, keys, at: solver.time)
            solver.time += price / solver.speed
            solver.work += price
            solver.redemptions += 1
            solver.highest = max(solver.highest, price)
            tables.redeemed(keys, now: UInt64(solver.time * 1e9))
        }
    }

    /// Minutes from `begin` until a client's factor is 1.
    private func minutesUntilBack(_ tables: PriceTables, _ keys: PrefixKeys, from begin: Double) -> Int {
        (0..<2_000).first { price(tables, keys, at: begin + Double($0) * 60) == 1 } ?? .max
    }

    private func report(_ name: String, _ solver: Solver, hours: Double, back: Int) {
        // A pass is good for 100 requests.
        let thousand = solver.work / Double(solver.redemptions) * 10
        print(
            "\(name): \(Int(Double(solver.redemptions) / hours)) passes an hour, highest factor \(Int(solver.highest)),",
            "\(Int(thousand)) s of work for 1,000 requests, back at 1 in \(back) min"
        )
    }

    @Test func anHonestReaderPaysNoMore() {
        for minutes in [10, 5, 3, 2] as [Double] {
            var tables = PriceTables()
            let keys = PriceTests.keys(1)
            for redemption in 0..<200 {
                let time = Double(redemption) * minutes * 60
                #expect(price(tables, keys, at: time) == 1, "a pass in \(minutes) min")
                tables.redeemed(keys, now: UInt64(time * 1e9))
            }
        }
        // A morning's burst of passes, all at once.
        var tables = PriceTables()
        for _ in 0..<32 {
            #expect(price(tables, PriceTests.keys(1), at: 0) == 1)
            tables.redeemed(PriceTests.keys(1), now: 0)
        }
    }

    @Test(arguments: [("laptop", 1.0), ("eight cores", 8), ("graphics card", 60), ("rack", 1_000)])
    func aScraperWithOneAddressPaysAndItsNeighboursDoNot(name: String, speed: Double) {
        var tables = PriceTables()
        var solver = Solver(speed: speed)
        let neighbour = PriceTests.keys(2)
        var neighbours = 1.0
        for hour in 1...6 {
            solve(&solver, &tables, until: Double(hour) * 3_600) { _ in PriceTests.keys(1) }
            neighbours = max(neighbours, price(tables, neighbour, at: solver.time))
        }
        let back = minutesUntilBack(tables, PriceTests.keys(1), from: solver.time)
        report("one address, \(name)", solver, hours: 6, back: back)
        print("  honest reader behind the same /24: factor \(neighbours)")
        #expect(solver.highest >= 20 && solver.highest <= 4_096 * 4)
        #expect(Double(solver.redemptions) < 6 * 3_600 * speed / 15)
        #expect(neighbours <= (speed < 100 ? 1.25 : 4))
        #expect(back <= 6 * 42)
    }

    @Test func aScraperWithManyAddressesPaysFour() {
        // A /48: 256 × 256 addresses, one after the other; a hundred laptops' speed.
        var tables = PriceTables()
        var solver = Solver(speed: 100)
        solve(&solver, &tables, until: 3_600) { redemption in
            let address = UInt64(redemption % 65_536)
            return PriceTests.keys(address, near: address % 256)
        }
        let honest = price(tables, PriceTests.keys(70_000, near: 300), at: solver.time)
        let back = minutesUntilBack(tables, PriceTests.keys(70_000, near: 300), from: solver.time)
        report("a /48, a hundred laptops", solver, hours: 1, back: back)
        print("  honest reader in the same /48: factor \(honest)")
        #expect(solver.highest > 3 && solver.highest <= 4)
        #expect(honest <= 4 && back <= 84)
        // A /24 with a laptop for each of its addresses, all at the same time.
        tables = PriceTables()
        solver = Solver(speed: 256)
        solve(&solver, &tables, until: 3_600) { PriceTests.keys(UInt64($0 % 256)) }
        let late = minutesUntilBack(tables, PriceTests.keys(1), from: solver.time)
        report("a /24, 256 laptops", solver, hours: 1, back: late)
        #expect(price(tables, PriceTests.keys(9_999), at: solver.time) == 4)
        #expect(solver.highest > 16)
    }

    /// 10,000 addresses in as many networks, each a slow machine: the client's factor holds each of them, the cluster's all.
    /// None of them warms another, so some stand for all.
    @Test func aBotnetIsHeldByTheClustersFactor() {
        let bots = 10_000
        let sample = 400
        for capacity in [Double.infinity, 2_000] {
            var tables = PriceTables()
            var controller = PriceController(factor: Price.one, now: .zero)
            // Work that each has done towards its next challenge; a tenth of a laptop.
            var done = (0..<sample).map { Double($0) / Double(sample) }
            var redemptions = 0
            var inLastHour = 0
            var work = 0.0
            for step in 1...1_080 {
                let time = Double(step) * 10
                let before = redemptions
                for bot in 0..<sample {
                    let keys = PriceTests.keys(UInt64(bot), near: UInt64(bot), wide: UInt64(bot))
                    // Not all of one speed, or they would come in waves.
                    let speed = 0.5 + Double(bot) / Double(sample)
                    done[bot] += speed
                    work += speed
                    while true {
                        let cluster = Double(controller.factor) / 65_536
                        guard done[bot] >= cluster else { break }
                        let price = price(tables, keys, at: time) * cluster
                        guard done[bot] >= price else { break }
                        done[bot] -= price
                        redemptions += 1
                        tables.redeemed(keys, now: UInt64(time * 1e9))
                    }
                }
                let requests = (redemptions - before) * bots / sample * 100
                if step > 720 { inLastHour += requests }
                if capacity.isFinite { controller.observe(admitted: UInt64(requests), capacity: UInt64(capacity * 10)) }
                _ = controller.tick(LedgerTime(nanoseconds: UInt64(time * 1e9)))
            }
            let rate = Double(inLastHour) / 3_600
            let pace = inLastHour / bots / 100
            let thousand = Int(work / Double(redemptions) * 10)
            print(
                "botnet of \(bots), capacity of \(capacity) requests a second: \(pace) passes an hour each,",
                "\(Int(rate)) requests a second, cluster factor \(Double(controller.factor) / 65_536),",
                "\(thousand) s of work for 1,000 requests"
            )
            for bot in 0..<UInt64(sample) {
                #expect(price(tables, PriceTests.keys(bot, near: bot, wide: bot), at: 10_800) <= 16)
            }
            #expect(rate <= capacity * 1.1)
        }
    }
}
