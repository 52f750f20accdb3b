import Simulator
import Testing

/// One cluster is founded or none, never two: a seed comes back empty before, during and after; lists overlap.
struct GenesisSimulationTests {
    @Test(arguments: GenesisPlan.Lists.allCases)
    func `at most one cluster is founded, and whoever is left out is told why`(lists: GenesisPlan.Lists) throws {
        for seed in 0..<100 as Range<UInt64> {
            var simulation = GenesisSimulation(seed: seed, nodes: 3 + 2 * Int(seed % 2), lists: lists)
            do { _ = try simulation.run() } catch {
                Issue.record("seed \(seed), lists \(lists), step \(simulation.trace.steps): \(error)")
                return
            }
        }
    }
}
