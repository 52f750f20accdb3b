/// Many runs of a genesis, one seed after the other, and what came of them together.
public struct GenesisCampaign: Sendable {
    /// A run that broke a rule.
    public struct Failure: Sendable {
        /// Which run.
        public var seed: UInt64
        /// Its event.
        public var step: UInt64
        /// Which rule, and how.
        public var violation: InvariantViolation
        /// The last events of all nodes before it; empty where somebody read them all.
        public var lastEvents: [String]
    }

    /// Runs that were made.
    public private(set) var runs = 0
    /// Of these, those in which a cluster was founded.
    public private(set) var founded = 0
    /// Those in which a node was left out, which told its operator why.
    public private(set) var alarmed = 0
    /// Events.
    public private(set) var steps: UInt64 = 0
    /// Crashes of processes.
    public private(set) var crashes = 0
    /// Disks that came back empty before anything was accepted, after that, and after a value was chosen.
    public private(set) var wipes = (before: 0, during: 0, after: 0)
    /// The longest time from the end of faults until every node knew, in nanoseconds.
    public private(set) var settledNanosecondsMax: UInt64 = 0

    /// No runs yet.
    public init() {}

    /// Makes the run of a seed, with as many nodes as given or drawn.
    /// - Parameter reader: of its events. Without one, a run that went wrong is made again, for the last of them.
    /// - Returns: nil, or what went wrong.
    public mutating func run(seed: UInt64, nodes: Int? = nil, reader: Trace.Reader = .none) -> Failure? {
        var simulation = GenesisSimulation(seed: seed, nodes: nodes, trace: reader)
        runs += 1
        do {
            let report = try simulation.run()
            if report.isFounded { founded += 1 }
            if report.alarmed > 0 { alarmed += 1 }
            steps += report.steps
            crashes += report.crashes
            wipes.before += report.wipesBefore
            wipes.during += report.wipesDuring
            wipes.after += report.wipesAfter
            settledNanosecondsMax = max(settledNanosecondsMax, report.settledNanoseconds ?? 0)
            return nil
        } catch {
            var failure = Failure(seed: seed, step: simulation.trace.steps, violation: error, lastEvents: [])
            guard case .none = reader else { return failure }
            var again = GenesisSimulation(seed: seed, nodes: nodes, trace: .last(40))
            _ = try? again.run()
            failure.lastEvents = again.trace.last(of: Array(0..<again.plan.nodes))
            return failure
        }
    }

    /// One line of what came of it.
    public var summary: String {
        """
        \(runs) runs: \(founded) founded a cluster, \(alarmed) left a node out and said why; \(steps) steps, \
        \(crashes) crashes, disks lost \(wipes.before) before, \(wipes.during) during, \(wipes.after) after; settled \
        \(settledNanosecondsMax / 1_000_000) ms after the last fault at most
        """
    }
}
