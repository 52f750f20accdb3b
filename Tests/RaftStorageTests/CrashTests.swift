import Raft
import RaftStorage
import TestSupport
import Testing

/// A crash at every call of a long random history, and at every call of the recovery after it: what was acknowledged is
/// there, and nothing is that was not written.
@Suite struct CrashTests {
    @Test func whatWasSynchronizedSurvivesACrashAtEveryCall() throws {
        let seed = seed()
        // Several short ones, as each draws other steps, and a long one.
        for (round, steps) in [30, 30, 40, 40, 120].enumerated() {
            let seed = seed &+ UInt64(round)
            let history = HistoryGenerator(seed: seed, count: steps).steps
            var call = 0
            while try crash(atCall: call, history, seed: seed) { call += 1 }
            #expect(call > steps, "a history makes calls")
        }
    }

    /// Runs a history up to a call, where the machine stops. False where the history ends before.
    private func crash(atCall call: Int, _ history: [Step], seed: UInt64) throws -> Bool {
        let files = MemoryFileSystem(seed: seed ^ UInt64(call) &* 0x9E37_79B9)
        var run = try HistoryRun(files: files)
        files.resetCalls()
        files.fault = .crash(call: call)
        do {
            for step in history { try run.take(step) }
        } catch {
            guard case .fatal = error else { throw error }
        }
        let isOver = !files.hasFailed
        run.storage.close()
        files.crash()
        try recover(files, run.model, seed: seed, isThorough: call % 16 == 3, "call \(call) of seed \(seed)")
        return !isOver
    }

    /// Opens after a crash: with a crash at every call of it, or at one; then without.
    private func recover(
        _ crashed: MemoryFileSystem,
        _ model: Model,
        seed: UInt64,
        isThorough: Bool,
        _ what: String
    ) throws {
        var random = Seeded(seed)
        let probe = crashed.copy(seed: seed)
        try check(probe, model, what)
        guard isThorough || random.oneIn(2) else { return }
        let calls = isThorough ? Array(0..<probe.calls) : [Int(random.below(UInt64(probe.calls)))]
        for call in calls {
            let files = crashed.copy(seed: seed &+ UInt64(call))
            // Once more in what the first crash of the recovery left.
            for again in [call, call / 2] {
                files.resetCalls()
                files.fault = .crash(call: again)
                if var opened = try? Fixture.open(files).storage { opened.close() }
                files.crash()
            }
            files.resetCalls()
            try check(files, model, "\(what), then call \(call) of the recovery")
        }
    }

    /// Opens, holds it against the model, and goes on with it.
    private func check(_ files: MemoryFileSystem, _ model: Model, _ what: String) throws {
        let inspected = try LogInspector.inspect(directory: Fixture.directory, files: files) { _ in }
        #expect(inspected.problems == 0, "\(what): what a start accepts, a look at it accepts")
        var (storage, recovered) = try Fixture.open(files)
        if let contradiction = model.contradiction(recovered.restored) {
            Issue.record("\(what): \(contradiction)")
            return
        }
        #expect(!files.paths.contains { $0.hasSuffix(".tmp") }, "\(what): an unfinished file is left")
        let snapshot = recovered.restored.snapshot
        let payload = try storage.readSnapshot(snapshot.position, offset: 0, count: Int(snapshot.bytes))
        #expect(payload == model.snapshots[snapshot.position], "\(what)")
        let entry = Entry(
            position: LogPosition(term: storage.lastPosition.term, index: storage.lastPosition.index + 1),
            payload: .command([UInt8](repeating: 0, count: 600))
        )
        try storage.append(Fixture.request([entry]))
        try storage.synchronize()
        storage.close()
        // What was returned at the start is durable, whatever became of the machine after it.
        files.crash()
        let again = try Fixture.open(files)
        #expect(again.recovered.restored.entries == recovered.restored.entries + [entry], "\(what)")
        #expect(again.recovered.restored.hardState == recovered.restored.hardState, "\(what)")
        #expect(again.recovered.tornTail == nil, "\(what)")
    }

    @Test func aCreationThatWasCutShortIsAbsentOrWhole() throws {
        let seed = seed()
        for call in 0..<100 {
            let files = MemoryFileSystem(seed: seed &+ UInt64(call))
            files.fault = .crash(call: call)
            let made = try? Fixture.create(files)
            files.crash()
            if made == nil { #expect(call < 60) }
            do {
                let recovered = try Fixture.open(files).recovered
                #expect(recovered.restored.entries.isEmpty)
            } catch StorageError.absent {
                #expect(made == nil)
                var anew = try Fixture.create(files)
                anew.close()
                _ = try Fixture.open(files)
            }
        }
    }
}
