import Testing

@testable import Ledger

@Suite struct PriceControllerTests {
    /// What a run came to.
    private struct Run {
        var factors: [Double] = []
        /// Load of each period, in capacities.
        var loads: [Double] = []
    }

    /// Clients who spend a fixed amount of work, of which the price before a delay was asked.
    /// - Parameters:
    ///   - demand: capacities that would be used at price 1.
    ///   - delay: periods until a price is felt.
    private func run(_ demand: (Int) -> Double, delay: Int, periods: Int, free: Double = 0) -> Run {
        var run = Run()
        var controller = PriceController(factor: Price.one, now: .zero)
        for period in 0..<periods {
            let felt = period >= delay ? run.factors[period - delay] : 1
            let load = demand(period) / felt
            run.factors.append(Double(controller.factor) / 65_536)
            run.loads.append(load)
            controller.observe(admitted: UInt64(load * 100_000), capacity: UInt64((1 - free) * 100_000))
            _ = controller.tick(time(period + 1))
        }
        return run
    }

    private func time(_ periods: Int) -> LedgerTime {
        LedgerTime(nanoseconds: UInt64(periods) * PriceController.periodNanoseconds)
    }

    @Test func withinCapacityThePriceIsOne() {
        for demand in [0, 0.3, 0.8, 1] as [Double] {
            #expect(run({ _ in demand }, delay: 3, periods: 100).factors.allSatisfy { $0 == 1 })
        }
    }

    @Test(arguments: [1, 3, 6])
    func theFactorFindsTheLoadAndStaysThere(delay: Int) {
        print("delay \(delay * 10) s: demand, highest factor, factor that stays, load then, seconds to capacity")
        for demand in [1.5, 3, 30, 1_000] {
            let run = run({ _ in demand }, delay: delay, periods: 400)
            let settled = run.factors[200...]
            #expect(settled.min()! == settled.max()!, "it swings: demand \(demand), delay \(delay)")
            #expect(run.loads[200...].allSatisfy { (0.75...1).contains($0) })
            #expect(run.factors.max()! < demand * 3.5)
            let reached = run.loads.firstIndex { $0 <= 1 } ?? .max
            #expect(reached <= 50)
            print(demand, run.factors.max()!, settled.max()!, run.loads[399], reached * 10)
        }
    }

    @Test func withoutLoadItIsOneAgain() {
        let run = run({ $0 < 200 ? 1_000 : 0 }, delay: 3, periods: 400)
        let back = run.factors[200...].firstIndex(of: 1) ?? .max
        print("from \(run.factors[199]) to 1 in \((back - 200) * 10) s")
        #expect(back - 200 <= 70)
        #expect(run.factors[back...].allSatisfy { $0 == 1 })
    }

    @Test func burstsCountForWhatTheyAreOnAverage() {
        // All of a minute's work in one period of it: 30 times too much, on average.
        let run = run({ $0 % 6 == 0 ? 180 : 0 }, delay: 1, periods: 400)
        let mean = run.loads[200...].reduce(0, +) / 200
        print("bursts: mean load \(mean), factors \(run.factors[200...].min()!) to \(run.factors[200...].max()!)")
        #expect(mean < 1.5 && run.factors.max()! < 120)
        // And one that is out of measure is soon forgotten.
        let once = self.run({ $0 == 10 ? 1_000_000 : 0.5 }, delay: 1, periods: 60)
        #expect(once.factors.max()! < 4 && once.factors[50] == 1)
    }

    @Test func aLoadThatNobodyPaysForRaisesNothing() {
        #expect(run({ _ in 0 }, delay: 1, periods: 50, free: 1).factors.allSatisfy { $0 == 1 })
    }

    @Test func aStepIsBounded() {
        var controller = PriceController(factor: Price.one, now: .zero)
        controller.observe(admitted: .max, capacity: 0)
        controller.observe(admitted: .max, capacity: 1)
        #expect(controller.tick(LedgerTime(nanoseconds: PriceController.periodNanoseconds - 1)) == nil)
        #expect(controller.tick(time(1)) == Price.one * 5 / 4)
        for period in 2..<100 {
            let before = controller.factor
            controller.observe(admitted: .max, capacity: 0)
            _ = controller.tick(time(period))
            #expect(controller.factor >= before && controller.factor - before <= before / 4)
        }
        #expect(controller.factor == .max)
        // Time that runs backwards ends no period.
        #expect(controller.tick(.zero) == nil)
        var silent = 0
        while controller.factor > Price.one, silent < 1_000 {
            silent += 1
            _ = controller.tick(time(100 + silent))
        }
        #expect(silent < 120)
    }

    @Test func aNewLeaderGoesOnFromWhatStands() {
        var controller = PriceController(factor: 40 << 16, now: time(5))
        #expect(controller.factor == 40 << 16)
        controller.observe(admitted: 90, capacity: 100)
        #expect(controller.tick(time(6)) == nil)
        #expect(PriceController(factor: 0, now: .zero).factor == Price.one)
    }
}
