import ArgumentParser
import Raft
import RaftStorage
import Wire

/// `tollgate-benchmark log`: what the log adds to what the disk takes anyway.
struct LogBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Appends a second to the log, against a bare loop of write and fdatasync.",
        discussion: """
            The log runs on a thread of its own with group commit, for 1, 64 and 1024 writers of which each waits until \
            its append is durable before it makes the next. Beside it, in the same run and in turns, a loop writes as \
            many bytes as one record takes into a file of zeros and synchronizes it. Both in a folder of TMPDIR; once \
            as the disk is, and once with 1 ms added to each fdatasync of both sides, which is what the budgets are \
            stated for.
            """
    )

    static let writers = [1, 64, 1_024]
    static let addedNanoseconds = [0, 1_000_000]
    /// With 1 ms added: one writer's append takes at most this many times what the bare loop takes.
    static let timeBudget = 1.1
    /// With 1 ms added: 1,024 writers append at least this many times as often as the bare loop.
    static let rateBudget = 500.0

    @Option(help: "Rounds; each measures everything once.")
    var rounds = 9

    @Option(help: "Milliseconds of each measurement.")
    var duration = 300

    @Option(help: "Bytes of each command.")
    var bytes = 128

    func validate() throws {
        if !(1...1000).contains(rounds) { throw ValidationError("--rounds is from 1 to 1000.") }
        if !(10...60_000).contains(duration) { throw ValidationError("--duration is from 10 to 60000.") }
        if !(1...65_536).contains(bytes) { throw ValidationError("--bytes is from 1 to 65536.") }
    }

    func run() throws {
        Surroundings.enter()
        let folder = try TemporaryFolder()
        print("appends a second of \(bytes) bytes: median (minimum–maximum) of \(rounds) rounds of \(duration) ms")
        for added in Self.addedNanoseconds { try measure(added, folder) }
    }

    private func measure(_ added: Int, _ folder: TemporaryFolder) throws {
        let disk = SlowDisk(addedNanoseconds: added)
        var bare = Self.writers.map { _ in Series() }
        var ours = Self.writers.map { _ in Series() }
        for round in 0..<rounds {
            for (place, writers) in Self.writers.enumerated() {
                let name = "\(folder.path)/\(added)-\(round)-\(writers)"
                // In turns, and each first as often as the other.
                if (round + place) % 2 == 0 {
                    bare[place].add(try runBare("\(name).bare", disk))
                    ours[place].add(try runOurs(name, disk, writers))
                } else {
                    ours[place].add(try runOurs(name, disk, writers))
                    bare[place].add(try runBare("\(name).bare", disk))
                }
            }
        }
        print("\(added / 1_000_000) ms added to each fdatasync")
        print("  writers".padded(12) + "bare loop".padded(28) + "log".padded(36) + "log / bare")
        for (place, writers) in Self.writers.enumerated() {
            print(
                "  \(writers)".padded(12) + bare[place].text(digits: 0).padded(28)
                    + ours[place].text(digits: 0).padded(36)
                    + (ours[place] / bare[place]).text(digits: 2)
            )
        }
        guard added > 0 else { return }
        let time = (bare[0] / ours[0]).median
        let rate = (ours[Self.writers.count - 1] / bare[Self.writers.count - 1]).median
        print(
            "  one writer takes \(Series.decimal(time, 3)) times as long; budget at most \(Series.decimal(Self.timeBudget, 1))"
        )
        print(
            "  1024 writers append \(Series.decimal(rate, 0)) times as often; budget at least \(Series.decimal(Self.rateBudget, 0))"
        )
    }

    private func runBare(_ path: String, _ disk: SlowDisk) throws -> Double {
        // A header, the command, rounded up: what one record takes.
        let record = (40 + bytes + 7) / 8 * 8
        var bare = try BareLog(
            path: path,
            disk: disk,
            recordBytes: record,
            length: UInt64(StorageSettings().segmentBytes)
        )
        defer {
            bare.close()
            try? disk.remove(path)
        }
        return bare.run(nanoseconds: UInt64(duration) * 1_000_000)
    }

    private func runOurs(_ directory: String, _ disk: SlowDisk, _ writers: Int) throws -> Double {
        let storage = try LogStorage.create(
            directory: directory,
            files: disk,
            identity: StorageIdentity(
                cluster: ClusterID(high: 1, low: 1),
                node: "benchmark",
                replica: ReplicaID(high: 1, low: 1)
            ),
            snapshot: SnapshotDescription(position: .zero, configuration: .empty, bytes: 0),
            payload: [],
            settings: StorageSettings()
        )
        let log = LogThread(storage: storage)
        defer {
            log.stop()
            TemporaryFolder.remove(directory)
        }
        let command = (0..<bytes).map { UInt8(truncatingIfNeeded: $0) }
        var last: UInt64 = 0
        func requests(_ count: Int) -> [PersistRequest] {
            (0..<count).map { _ in
                last += 1
                let entry = Entry(
                    position: LogPosition(term: Term(1), index: LogIndex(last)),
                    payload: .command(command)
                )
                return PersistRequest(number: last, hardState: nil, entries: [entry])
            }
        }
        let begin = Clock.nanoseconds()
        let end = begin + UInt64(duration) * 1_000_000
        try log.submit(requests(writers), bytesEach: bytes)
        var durable: UInt64 = 0
        while true {
            let now = try log.waitForMore(than: durable)
            let time = Clock.nanoseconds()
            guard time < end else { return Double(now) * 1e9 / Double(time - begin) }
            try log.submit(requests(Int(now - durable)), bytesEach: bytes)
            durable = now
        }
    }
}
