import ArgumentParser
import CAllocations
import Raft

/// `tollgate-benchmark raft`: what the consensus core costs, with everything that is not the core left out.
struct RaftBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "raft",
        abstract: "Entries a second through three cores in memory, against copying them into three arrays.",
        discussion: """
            One thread, by its own time on a processor. Three cores pass each other messages as values; a write is \
            durable at once. An entry is done when it is applied on all three. So many entries are always under way: \
            those that were committed are replaced by one proposal. Beside it, in the same windows, the same entries \
            are appended to three arrays that are read and emptied: the least that three logs could cost. With --etcd \
            the program of Tests/Etcd, which does the same with etcd's core, runs in turns with it.
            """
    )

    @Option(help: "Rounds; each measures everything once.")
    var rounds = 11

    @Option(help: "Entries in a round.")
    var count = 200_000

    @Option(help: "Bytes of an entry's command.")
    var bytes = 128

    @Option(help: "The program that Tests/Etcd/build.sh builds.")
    var etcd: String?

    @Option(name: .customLong("in-flight"), help: "Entries under way; may be given several times.")
    var windows = [1, 64, 4_096]

    func validate() throws {
        if !(1...1000).contains(rounds) { throw ValidationError("--rounds is from 1 to 1000.") }
        if !(4_096...100_000_000).contains(count) { throw ValidationError("--count is from 4096 to 100000000.") }
        if windows.isEmpty || !windows.allSatisfy((1...100_000).contains) {
            throw ValidationError("--in-flight is from 1 to 100000.")
        }
        if !(0...65_536).contains(bytes) { throw ValidationError("--bytes is from 0 to 65536.") }
    }

    func run() throws {
        Surroundings.enter()
        let command = [UInt8](repeating: 7, count: bytes)
        var results = windows.map { Result(window: $0) }
        for _ in 0..<rounds {
            for index in results.indices { try measure(command, &results[index]) }
            if let etcd { try measure(program: etcd, &results) }
        }
        report(results)
    }

    private func measure(_ command: [UInt8], _ result: inout Result) throws(BenchmarkError) {
        var trio = try RaftTrio()
        // Buffers reach their size first.
        try trio.replicate(command, count: result.window + 1_000, window: result.window)
        let allocations = tollgate_allocations()
        let begin = ProcessorTime.ofThisThread()
        try trio.replicate(command, count: count, window: result.window)
        result.raft.add(Double(ProcessorTime.ofThisThread() - begin) / Double(count))
        result.allocations.add(Double(tollgate_allocations() - allocations) / Double(count))

        let beginOfCopy = ProcessorTime.ofThisThread()
        let sum = copyIntoArrays(command, count: count, window: result.window)
        result.copy.add(Double(ProcessorTime.ofThisThread() - beginOfCopy) / Double(count))
        guard sum == 3 * count else { throw BenchmarkError("\(sum) entries were copied") }
    }

    /// One round of etcd's core: a line for each window, of the window, nanoseconds and allocations an entry.
    private func measure(program: String, _ results: inout [Result]) throws(BenchmarkError) {
        let folder = try TemporaryFolder()
        let output = "\(folder.path)/etcd.txt"
        let arguments = [1, count, bytes] + windows
        let process = try ChildProcess(program, arguments.map { "\($0)" }, output: output)
        let status = try process.wait(secondsMax: 600)
        let lines = (File.read(output) ?? "").split(separator: "\n").map { $0.split(separator: " ") }
        guard status == 0, lines.count == results.count else { throw BenchmarkError("\(program) failed") }
        for (index, line) in lines.enumerated() {
            guard line.count == 3, Int(line[0]) == results[index].window, let time = Double(line[1]),
                let allocations = Double(line[2])
            else { throw BenchmarkError("\(program) printed '\(line.joined(separator: " "))'") }
            results[index].etcd.add(time)
            results[index].etcdAllocations.add(allocations)
        }
    }

    private func report(_ results: [Result]) {
        print("ns an entry of \(bytes) bytes: median (minimum–maximum) of \(rounds) rounds of \(count)")
        print("in flight".padded(12) + "three cores".padded(24) + "three arrays".padded(24) + "ratio")
        for result in results {
            print(
                "\(result.window)".padded(12) + result.raft.text(digits: 0).padded(24)
                    + result.copy.text(digits: 1).padded(24) + "× " + (result.raft / result.copy).text(digits: 1)
            )
        }
        for result in results {
            print(
                "\(result.window) in flight: \(Series.decimal(1e9 / result.raft.median, 0)) entries a second, "
                    + "\(Series.decimal(result.allocations.median, 2)) allocations an entry"
            )
        }
        guard etcd != nil else { return }
        print("in flight".padded(12) + "etcd's cores".padded(24) + "allocations".padded(24) + "three cores over etcd's")
        for result in results {
            print(
                "\(result.window)".padded(12) + result.etcd.text(digits: 0).padded(24)
                    + Series.decimal(result.etcdAllocations.median, 2).padded(24) + "× "
                    + (result.raft / result.etcd).text(digits: 2)
            )
        }
    }

    private struct Result {
        let window: Int
        var raft = Series()
        var copy = Series()
        var allocations = Series()
        var etcd = Series()
        var etcdAllocations = Series()
    }

    /// The measure: entries appended to three arrays, so many at a time, and read again.
    /// - Returns: entries that were read.
    private func copyIntoArrays(_ command: [UInt8], count: Int, window: Int) -> Int {
        var logs: [[Entry]] = [[], [], []]
        var sum = 0
        var index: UInt64 = 0
        while index < count {
            for _ in 0..<min(UInt64(window), UInt64(count) - index) {
                index += 1
                let position = LogPosition(term: Term(1), index: LogIndex(index))
                for log in logs.indices { logs[log].append(Entry(position: position, payload: .command(command))) }
            }
            for log in logs.indices {
                for entry in logs[log] where entry.position.index.rawValue <= index { sum += 1 }
                logs[log].removeAll(keepingCapacity: true)
            }
        }
        return sum
    }
}
