import Simulator
import Testing

@Suite struct SimulationTests {
    @Test(arguments: [3, 5, 7]) func seedsKeepEveryPromise(nodes: Int) throws {
        for seed in 1...2 as ClosedRange<UInt64> {
            let report = try Simulation.run(seed: seed, nodes: nodes)
            #expect(report.counts.elections > 0)
            #expect(report.counts.committed > 0)
        }
    }

    @Test func oneSeedIsOneRun() throws {
        for seed in 11...12 as ClosedRange<UInt64> {
            #expect(try Simulation.run(seed: seed, nodes: 3) == Simulation.run(seed: seed, nodes: 3))
        }
    }

    @Test func twoSeedsAreTwoRuns() throws {
        #expect(try Simulation.run(seed: 21, nodes: 3).hash != Simulation.run(seed: 22, nodes: 3).hash)
    }

    @Test func whoReadsChangesNothing() throws {
        var lines = 0
        let read = try Simulation.run(seed: 31, nodes: 3, reader: .all { _ in lines += 1 })
        #expect(try read == Simulation.run(seed: 31, nodes: 3, reader: .last(5)))
        #expect(try read == Simulation.run(seed: 31, nodes: 3))
        #expect(UInt64(lines) == read.steps)
    }

    /// Rare paths must be taken somewhere, or a campaign proves nothing about them.
    @Test func someSeedsTakeEachRarePath() throws {
        var all = SimulationCounts()
        for seed in 41...60 as ClosedRange<UInt64> {
            let counts = try Simulation.run(seed: seed, nodes: 3).counts
            all.crashes += counts.crashes
            all.lostDisks += counts.lostDisks
            all.restores += counts.restores
            all.memberships += counts.memberships
            all.answered += counts.answered
        }
        #expect(all.crashes > 20)
        #expect(all.lostDisks > 0)
        #expect(all.restores > 0)
        #expect(all.memberships > 10)
        #expect(all.answered > 1_000)
    }
}
