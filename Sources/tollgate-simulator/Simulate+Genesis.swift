import ArgumentParser
import Simulator

// Genesis: nodes with empty disks that agree on one cluster.

extension Simulate {
    /// Runs a genesis for each seed, with a line for each, and stops at the first that breaks a rule unless told to go
    /// on.
    func runGenesis() throws {
        var campaign = GenesisCampaign()
        var failed: [UInt64] = []
        for seed in seed..<seed + runs {
            if let failure = campaign.run(seed: seed) {
                failed.append(seed)
                Progress.printLine(
                    "FAILED seed \(seed), genesis: failed at step \(failure.step): \(failure.violation)\n"
                        + failure.lastEvents.map { "  " + $0 }.joined(separator: "\n")
                        + "\nagain: tollgate-simulator --genesis --seed \(seed)"
                )
                guard keepGoing else { break }
            } else {
                Progress.printLine("seed \(seed) genesis steps \(campaign.steps) founded \(campaign.founded)")
            }
        }
        Progress.printLine(campaign.summary)
        guard failed.isEmpty else { throw ExitCode(1) }
    }
}
