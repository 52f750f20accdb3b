import Simulator
import Testing

/// One cluster is founded or none, never two: a seed comes back empty before, during and after; lists overlap.
struct GenesisSimulationTests {
    @Test(arguments: GenesisPlan.Lists.allCases)
    func `at most one cluster is founded, and whoever is left out is told why`(lists: GenesisPlan.Lists) throws {
        for seed in 0..<10 as Range<UInt64> {
            var simulation = GenesisSimulation(seed: seed, nodes: 3 + 2 * Int(seed % 2), lists: lists)
            do { _ = try simulation.run() } catch {
                Issue.record("seed \(seed), lists \(lists), step \(simulation.trace.steps): \(error)")
                return
            }
        }
    }

    @Test func `some runs of a campaign found, some do not, and disks are lost at every stage`() {
        var campaign = GenesisCampaign()
        var seed: UInt64 = 1_000
        // A loss between the first acceptance and the choice is rare: one in eight runs.
        while campaign.runs < 30 || campaign.wipes.during == 0, campaign.runs < 300 {
            if let failure = campaign.run(seed: seed) {
                Issue.record("seed \(failure.seed), step \(failure.step): \(failure.violation)")
                return
            }
            seed += 1
        }
        #expect(campaign.founded > campaign.runs / 2)
        #expect(campaign.founded < campaign.runs)
        #expect(campaign.wipes.before > 0)
        #expect(campaign.wipes.during > 0)
        #expect(campaign.wipes.after > 0)
    }

    @Test func `the same seed is the same run, event by event`() throws {
        for seed in 0..<10 as Range<UInt64> {
            var one = GenesisSimulation(seed: seed)
            var other = GenesisSimulation(seed: seed, trace: .last(10))
            #expect(try one.run() == other.run())
        }
        var next = GenesisSimulation(seed: 11)
        var first = GenesisSimulation(seed: 10)
        #expect(try next.run().hash != first.run().hash)
    }
}
