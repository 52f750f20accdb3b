import ArgumentParser
import Simulator

// Genesis: nodes with empty disks that agree on one cluster.

extension Simulate {
    /// Runs a genesis for each seed, with a line for each, and stops at the first that breaks a rule unless told to go
    /// on.
    func runGenesis() throws {
        var campaign = GenesisCampaign()
        var failed: [UInt64] = []
        let reader = verbose ? Trace.Reader.all { Output.line($0) } : .none
        for run in 0..<runs {
            let seed = seed + run
            if let failure = campaign.run(seed: seed, reader: reader) {
                failed.append(seed)
                Output.line(
                    "FAILED seed \(seed), genesis: failed at step \(failure.step): \(failure.violation)\n"
                        + failure.lastEvents.map { "  " + $0 }.joined(separator: "\n")
                        + "\nagain: tollgate-simulator --genesis --seed \(seed) --verbose"
                )
                guard keepGoing else { break }
            } else {
                Output.line("seed \(seed) genesis steps \(campaign.steps) founded \(campaign.founded)")
            }
        }
        Output.line(campaign.summary)
        guard failed.isEmpty else { throw ExitCode(1) }
    }
}
