import ArgumentParser

/// The command. Each subcommand is a file of its own.
@main
struct Benchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tollgate-benchmark",
        abstract: "Measures Tollgate against what it is compared with, and prints the ratios.",
        subcommands: [
            VerifyBenchmark.self, BrowserSolverBenchmark.self, ProxyBenchmark.self, RaftBenchmark.self,
            LogBenchmark.self, SnapshotBenchmark.self, ClusterBenchmark.self, PriceBenchmark.self,
        ]
    )
}
