import Foundation
import Simulator
import Testing

/// The same seed gives the same trace, byte for byte, in another process: nothing depends on addresses, on the order of
/// hash tables, which differs from process to process, or on the clock.
@Suite struct TwoProcessesTests {
    private func trace(_ seed: UInt64) throws -> Data {
        let process = Process()
        let simulator = try #require(Self.simulator)
        process.executableURL = simulator
        process.arguments = ["--seed", "\(seed)", "--nodes", "3", "--verbose"]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let trace = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return trace
    }

    /// Beside the tests' own bundle.
    static var simulator: URL? {
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for folder in [bundle, Bundle.main.bundleURL, Bundle.main.executableURL?.deletingLastPathComponent() ?? bundle]
        {
            let candidate = folder.appendingPathComponent("tollgate-simulator")
            if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
        }
        return nil
    }

    @Test func haveTheSameTrace() throws {
        for seed in [3, 4] as [UInt64] {
            let first = try trace(seed)
            #expect(first.count > 100_000)
            #expect(try trace(seed) == first)
            var lines = Data()
            let report = try Simulation.run(seed: seed, nodes: 3, reader: .all { lines += Data(($0 + "\n").utf8) })
            #expect(lines + Data("\(report)\n".utf8) == first)
        }
    }
}
