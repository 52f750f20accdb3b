import Wire

/// Why a run failed.
public struct SimulationFailure: Error, Sendable {
    /// The seed.
    public var seed: UInt64
    /// Founding nodes.
    public var nodes: Int
    /// Events before it.
    public var step: UInt64
    /// When, in the run's own time.
    public var moment: Moment
    /// What rule was broken, where it is written, and what was seen.
    public var what: String
    /// The nodes concerned.
    public var concerned: [Int]
    /// The last events of the nodes concerned, oldest first; empty where the run was not read.
    public var lastEvents: [String] = []
    /// How each node stood.
    public var standing: [String] = []
}

extension SimulationFailure: CustomStringConvertible {
    /// All that one needs to start thinking, in some lines.
    public var description: String {
        var lines = [
            "seed \(seed), \(nodes) nodes: failed at step \(step), \(moment.nanoseconds / 1_000_000) ms: \(what)"
        ]
        if !standing.isEmpty { lines += ["nodes:"] + standing.map { "  " + $0 } }
        if !lastEvents.isEmpty { lines += ["last events of \(concerned):"] + lastEvents.map { "  " + $0 } }
        lines.append("again: tollgate-simulator --seed \(seed) --nodes \(nodes) --verbose")
        return lines.joined(separator: "\n")
    }
}
