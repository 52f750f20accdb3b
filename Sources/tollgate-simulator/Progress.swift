import Foundation
import Simulator

/// Hands out seeds, prints their lines in order, and says now and then how far it is.
actor Progress {
    private static let secondsBetweenLines = 5.0

    private let runs: UInt64
    private let started = Date()
    private var lastLine = Date()
    private var handedOut: UInt64 = 0
    private var printed: UInt64 = 0
    private var done: UInt64 = 0
    private var failed: [UInt64] = []
    private var virtualNanoseconds: UInt64 = 0
    /// Finished before one of an earlier seed.
    private var early: [UInt64: Result<SimulationReport, SimulationFailure>] = [:]

    init(runs: UInt64) { self.runs = runs }

    /// The next run, from 0; nil: no more.
    func next(keepGoing: Bool) -> UInt64? {
        guard handedOut < runs, keepGoing || failed.isEmpty else { return nil }
        handedOut += 1
        return handedOut - 1
    }

    /// A run is over.
    func finished(_ run: UInt64, _ outcome: Result<SimulationReport, SimulationFailure>) {
        early[run] = outcome
        done += 1
        if case .failure = outcome { failed.append(run) }
        while let outcome = early.removeValue(forKey: printed) {
            switch outcome {
            case .success(let report):
                virtualNanoseconds += report.end.nanoseconds
                Output.line("\(report)")
            case .failure(let failure): Output.line("FAILED \(failure)")
            }
            printed += 1
        }
        let now = Date()
        guard now.timeIntervalSince(lastLine) >= Self.secondsBetweenLines else { return }
        lastLine = now
        Output.progress("\(done) of \(runs) seeds, \(failed.count) failed, \(rate(now)) a second")
    }

    /// The last line. Returns whether all was well.
    func summarize(first: UInt64, of runs: UInt64, nodes: Int) -> Bool {
        let now = Date()
        let seconds = now.timeIntervalSince(started)
        Output.progress(
            "\(done) seeds of \(nodes) nodes from \(first), \(failed.count) failed, in "
                + String(format: "%.1f s", seconds) + ", \(rate(now)) a second, "
                + "\(virtualNanoseconds / 1_000_000_000) s of virtual time"
        )
        if !failed.isEmpty {
            Output.progress("failed: " + failed.sorted().map { "\(first + $0)" }.joined(separator: " "))
        }
        return failed.isEmpty
    }

    private func rate(_ now: Date) -> String {
        String(format: "%.1f", Double(done) / max(0.001, now.timeIntervalSince(started)))
    }
}
