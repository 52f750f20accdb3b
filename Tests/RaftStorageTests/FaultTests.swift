import Raft
import RaftStorage
import TestSupport
import Testing

/// A call that fails, at each call of a long random history.
@Suite struct FaultTests {
    private static let steps = 50

    /// Nothing of a request that found no space counts; the same request succeeds later; at the end nothing is missing.
    @Test func aFullDiskAtEveryCallIsSurvivedUnlessItIsASynchronization() throws {
        let seed = seed()
        for round in 0..<3 as Range<UInt64> {
            let history = HistoryGenerator(seed: seed &+ round, count: Self.steps).steps
            var call = 0
            while try fail(call, .full, history, seed: seed &+ round) { call += 1 }
            #expect(call > Self.steps)
        }
    }

    /// The storage stops; what was acknowledged is there when the process starts again, with and without a loss of power.
    @Test func anErrorOfTheDeviceAtEveryCallStopsTheStorageAndLosesNothing() throws {
        let seed = seed()
        for round in 0..<3 as Range<UInt64> {
            let history = HistoryGenerator(seed: seed &+ round, count: Self.steps).steps
            var call = 0
            while try fail(call, .failed(errno: 5), history, seed: seed &+ round) { call += 1 }
            #expect(call > Self.steps)
        }
    }

    private func fail(
        _ call: Int,
        _ reason: FileSystemError.Reason,
        _ history: [Step],
        seed: UInt64
    ) throws -> Bool {
        let files = MemoryFileSystem(seed: seed ^ UInt64(call) &* 0x9E37_79B9)
        var run = try HistoryRun(files: files)
        files.resetCalls()
        files.fault = .fail(call: call, reason)
        var isStopped = false
        do throws(StorageError) {
            for step in history { try run.takeUntilDone(step) }
        } catch {
            guard case .fatal = error else { throw error }
            isStopped = true
        }
        let hasFailed = files.hasFailed
        let what = "call \(call) of seed \(seed): \(files.log.indices.contains(call) ? files.log[call] : "none")"
        if isStopped {
            #expect(throws: StorageError.stopped, "\(what)") { try run.storage.synchronize() }
            #expect(throws: StorageError.stopped, "\(what)") {
                try run.storage.append(Fixture.request([], state: .initial))
            }
            #expect(throws: StorageError.stopped, "\(what)") { try run.storage.removeSegments(below: LogIndex(1)) }
        } else if reason == .full {
            #expect(run.model.versions.count == 1, "\(what)")
        } else {
            #expect(!hasFailed, "\(what): an error of the device was passed over")
        }
        run.storage.close()
        #expect(files.openCount == 0, "\(what)")
        files.fault = nil
        if call % 2 == 0 { files.crash() }
        var (storage, recovered) = try Fixture.open(files)
        if let contradiction = run.model.contradiction(recovered.restored) {
            Issue.record("\(what): \(contradiction)")
        }
        storage.close()
        // The start has promised what it returned: it is on disk, even where a failed synchronization had lost it.
        files.crash()
        let again = try Fixture.open(files).recovered
        #expect(again.restored == recovered.restored, "\(what)")
        return hasFailed
    }

    /// What a long append that found no space has left is gone before something shorter is written in its place.
    @Test func nothingOfAnAppendThatFoundNoSpaceIsLeftBehindAShorterOne() throws {
        let seed = seed()
        var settings = Fixture.settings
        settings.segmentBytes = 16_384
        let long = Fixture.command(1, 1, [UInt8](repeating: 0xFF, count: 5_000))
        let short = Fixture.command(1, 1, [1])
        for round in 0..<30 as Range<UInt64> {
            // The write, and as many tries to make what it left zero again.
            for failures in 1...4 {
                let files = MemoryFileSystem(seed: seed &+ round)
                var storage = try Fixture.create(files, settings: settings)
                files.resetCalls()
                files.fault = .failAll(calls: 0..<failures, .full)
                #expect(throws: StorageError.self) { try storage.append(Fixture.request([long])) }
                while files.calls < failures {
                    #expect(throws: StorageError.self) { try storage.append(Fixture.request([short])) }
                }
                try storage.append(Fixture.request([short]))
                if round % 2 == 0 { try storage.synchronize() }
                storage.close()
                files.crash()
                let recovered = try Fixture.open(files, settings: settings).recovered
                let isThere = recovered.restored.entries == [short]
                #expect(isThere || round % 2 == 1 && recovered.restored.entries.isEmpty, "\(failures) failures")
                if round % 2 == 0 { #expect(recovered.tornTail == nil) }
            }
        }
    }

    @Test func aCreationSurvivesAFullDiskAtEveryCall() throws {
        let seed = seed()
        for call in 0..<60 {
            let files = MemoryFileSystem(seed: seed &+ UInt64(call))
            files.fault = .fail(call: call, .full)
            do throws(StorageError) {
                var made = try Fixture.create(files)
                made.close()
                files.fault = nil
            } catch {
                #expect(files.openCount == 0)
                files.fault = nil
                if case .full = error {
                    var made = try Fixture.create(files)
                    made.close()
                } else {
                    files.crash()
                    if (try? Fixture.open(files)) == nil { _ = try Fixture.create(files) }
                }
            }
            #expect(try Fixture.open(files).recovered.restored.entries.isEmpty)
        }
    }

    @Test func anOpeningThatFailsChangesNothingThatCountsAndLeavesNoFileOpen() throws {
        let seed = seed()
        for reason in [FileSystemError.Reason.full, .failed(errno: 5)] {
            for call in 0..<200 {
                let files = MemoryFileSystem(seed: seed &+ UInt64(call))
                var run = try HistoryRun(files: files)
                for step in HistoryGenerator(seed: seed, count: 30).steps { try run.take(step) }
                try run.storage.append(Fixture.request([], state: HardState(term: Term(1_000), vote: nil)))
                run.model.written(Fixture.request([], state: HardState(term: Term(1_000), vote: nil)))
                run.storage.close()
                files.crash()
                files.resetCalls()
                files.fault = .fail(call: call, reason)
                do {
                    var opened = try Fixture.open(files).storage
                    opened.close()
                    if !files.hasFailed { break }
                } catch {
                    #expect(files.hasFailed)
                }
                #expect(files.openCount == 0)
                files.fault = nil
                let recovered = try Fixture.open(files).recovered
                #expect(run.model.contradiction(recovered.restored) == nil)
            }
        }
    }
}
