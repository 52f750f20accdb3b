import ArgumentParser
import Simulator

/// The command: arguments, progress and the exit code. All else is in the library.
@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tollgate-simulator",
        abstract: "Runs the replicated core in virtual time, with faults, and checks what it promises.",
        discussion: """
            Prints a line for each seed: its number, the hash of all that happened, events, and virtual time. The same \
            seed gives the same line on every machine. Ends with 0 if every seed kept every promise, else with 1, after \
            printing what was broken, the last events of the nodes concerned, and how to see it again; with 74 if it \
            cannot print.
            """
    )

    @Option(help: "The first seed.")
    var seed: UInt64 = 1

    @Option(help: "How many seeds, one after the other.")
    var runs: UInt64 = 1

    @Option(help: "Founding nodes: 1, 3, 5 or 7. (default: 3)")
    var nodes: Int?

    @Option(help: "Seeds at a time, each on a thread of its own. (default: 1)")
    var jobs: Int?

    @Flag(help: "Simulate the founding of a cluster, by as many nodes as the seed says, in place of its life.")
    var genesis = false

    @Flag(help: "Print every event.")
    var verbose = false

    @Flag(help: "Go on after a seed that failed.")
    var keepGoing = false

    static func main() async {
        Output.reserve()
        await main(nil)
    }

    func validate() throws {
        guard [1, 3, 5, 7].contains(nodes ?? 3) else { throw ValidationError("--nodes must be 1, 3, 5 or 7.") }
        guard runs >= 1 else { throw ValidationError("--runs must be at least 1.") }
        guard (1...64).contains(jobs ?? 1) else { throw ValidationError("--jobs must be from 1 to 64.") }
        guard !verbose || (jobs ?? 1) == 1 else { throw ValidationError("--verbose and --jobs do not go together.") }
        guard !genesis || nodes == nil else {
            throw ValidationError("--genesis and --nodes do not go together: the seed says how many nodes there are.")
        }
        guard !genesis || jobs == nil else {
            throw ValidationError("--genesis and --jobs do not go together: it runs one seed at a time.")
        }
        guard !seed.addingReportingOverflow(runs - 1).overflow else {
            throw ValidationError("--seed and --runs are too large together.")
        }
    }

    func run() async throws {
        if genesis { return try runGenesis() }
        let progress = Progress(runs: runs)
        let (seed, runs, nodes, verbose) = (seed, runs, nodes ?? 3, verbose)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<(jobs ?? 1) {
                group.addTask {
                    while let next = await progress.next(keepGoing: keepGoing) {
                        let outcome = Self.simulate(seed + next, nodes: nodes, verbose: verbose)
                        await progress.finished(next, outcome)
                    }
                }
            }
        }
        guard await progress.summarize(first: seed, of: runs, nodes: nodes) else { throw ExitCode(1) }
    }

    private static func simulate(_ seed: UInt64, nodes: Int, verbose: Bool) -> Result<
        SimulationReport, SimulationFailure
    > {
        do {
            let reader = verbose ? Trace.Reader.all { Output.line($0) } : .none
            return .success(try Simulation.run(seed: seed, nodes: nodes, reader: reader))
        } catch {
            guard !verbose else { return .failure(error) }
            // Once more, with somebody who reads.
            do {
                return .success(try Simulation.run(seed: seed, nodes: nodes, reader: .last(40)))
            } catch { return .failure(error) }
        }
    }
}
