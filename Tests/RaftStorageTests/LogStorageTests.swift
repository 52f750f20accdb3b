import Raft
import RaftStorage
import Testing
import Wire

/// What a log keeps, without a fault.
@Suite struct LogStorageTests {
    @Test func aNewLogHasItsFirstSnapshotAndNoEntry() throws {
        let files = MemoryFileSystem(seed: 1)
        var made = try Fixture.create(files)
        made.close()
        let (storage, recovered) = try Fixture.open(files)
        #expect(recovered.identity == Fixture.identity)
        #expect(recovered.restored.hardState == .initial)
        #expect(recovered.restored.snapshot.position == .zero)
        #expect(recovered.restored.entries.isEmpty)
        #expect(recovered.tornTail == nil)
        #expect(try storage.readSnapshot(.zero, offset: 0, count: 100) == Array("genesis".utf8))
    }

    @Test func anotherLogIsNotMadeOverOneThatIsThere() throws {
        let files = MemoryFileSystem(seed: 1)
        var made = try Fixture.create(files)
        made.close()
        #expect(throws: StorageError.exists(directory: Fixture.directory)) { _ = try Fixture.create(files) }
    }

    @Test func nothingIsAbsentAndNotDamaged() throws {
        let files = MemoryFileSystem(seed: 1)
        #expect(throws: StorageError.absent(directory: Fixture.directory)) { _ = try Fixture.open(files) }
    }

    @Test func everyKindOfEntryComesBack() throws {
        let files = MemoryFileSystem(seed: 1)
        var storage = try Fixture.create(files)
        let state = HardState(term: Term(3), vote: ReplicaID(high: 1, low: 2), forgotten: Fixture.position(2, 9))
        let entries = [
            Entry(position: Fixture.position(3, 1), payload: .noOperation),
            Fixture.command(3, 2, []),
            Fixture.command(3, 3, [UInt8](repeating: 0, count: 5_000)),
            Entry(position: Fixture.position(3, 4), payload: .configuration(Fixture.configuration)),
            Fixture.command(3, 5, [UInt8](repeating: 0xFF, count: 511)),
        ]
        try storage.append(Fixture.request(entries, state: state))
        try storage.synchronize()
        storage.close()
        let (reopened, recovered) = try Fixture.open(files)
        #expect(recovered.restored.hardState == state)
        #expect(recovered.restored.entries == entries)
        #expect(reopened.lastPosition == Fixture.position(3, 5))
        #expect(files.openCount == 1)
    }

    @Test func anEntryReplacesThoseAtAndAboveItsIndex() throws {
        let files = MemoryFileSystem(seed: 1)
        var storage = try Fixture.create(files)
        try storage.append(Fixture.request((1...40).map { Fixture.command(1, $0, [UInt8($0)]) }))
        try storage.append(Fixture.request([Fixture.command(2, 5, [99])]))
        try storage.synchronize()
        #expect(storage.lastPosition == Fixture.position(2, 5))
        storage.close()
        let recovered = try Fixture.open(files).recovered
        #expect(
            recovered.restored.entries
                == (1...4).map { Fixture.command(1, $0, [UInt8($0)]) } + [Fixture.command(2, 5, [99])]
        )
    }

    @Test func segmentsBelowTheSnapshotAreRemovedAndTermAndVoteStay() throws {
        let files = MemoryFileSystem(seed: 1)
        var storage = try Fixture.create(files)
        let state = HardState(term: Term(1), vote: ReplicaID(high: 1, low: 2), forgotten: Fixture.position(1, 9))
        try storage.append(Fixture.request([], state: state))
        for index in 1...100 as ClosedRange<UInt64> {
            try storage.append(Fixture.request([Fixture.command(1, index, [UInt8](repeating: 7, count: 100))]))
        }
        try storage.synchronize()
        let before = storage.segmentCount
        try storage.removeSegments(below: LogIndex(1_000))
        #expect(storage.segmentCount == before, "no snapshot covers them")
        try storage.beginSnapshot(Fixture.snapshot(Fixture.position(1, 80)))
        try storage.appendSnapshot([1, 2, 3])
        _ = try storage.finishSnapshot()
        try storage.removeSegments(below: LogIndex(1_000))
        #expect(storage.segmentCount < before)
        storage.close()
        let (reopened, recovered) = try Fixture.open(files)
        #expect(recovered.restored.hardState == state)
        #expect(recovered.restored.snapshot.position == Fixture.position(1, 80))
        let first = try #require(recovered.restored.entries.first)
        #expect(first.position.index == reopened.firstIndex)
        #expect(first.position.index > LogIndex(1) && first.position.index <= LogIndex(81))
        #expect(recovered.restored.entries.count == Int(101 - first.position.index.rawValue))
    }

    @Test func ofASnapshotNoMoreThanASliceWaitsForItsSynchronization() throws {
        let files = MemoryFileSystem(seed: 1)
        var settings = Fixture.settings
        settings.snapshotSliceBytes = 3 << 16
        var storage = try Fixture.create(files, settings: settings)
        try storage.append(Fixture.request([Fixture.command(1, 1, [1])]))
        try storage.synchronize()
        let payload = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        try storage.beginSnapshot(Fixture.snapshot(Fixture.position(1, 1)))
        for begin in stride(from: 0, to: payload.count, by: 50_000) {
            try storage.appendSnapshot(Array(payload[begin..<begin + 50_000]))
            let waiting = files.open.values.flatMap(\.node.unsynced).reduce(0) { $0 + $1.bytes.count }
            #expect(waiting <= 3 << 16 + 50_000)
        }
        let description = try storage.finishSnapshot()
        let count = files.log.count { $0.hasPrefix("synchronize /node/snapshots/") && $0.hasSuffix(".tmp") }
        #expect(count >= payload.count >> 18)
        #expect(try storage.readSnapshot(description.position, offset: 0, count: payload.count) == payload)
    }

    @Test func aSegmentWhoseEntriesWereReplacedCanGoAndTheLogBeginsWithTheReplacement() throws {
        let files = MemoryFileSystem(seed: 1)
        var storage = try Fixture.create(files)
        for index in 1...30 as ClosedRange<UInt64> {
            try storage.append(Fixture.request([Fixture.command(1, index, [UInt8](repeating: 7, count: 100))]))
        }
        // 10 and all after it are replaced; the segments of 11 … 30 hold nothing any more.
        for index in 10...12 as ClosedRange<UInt64> {
            try storage.append(Fixture.request([Fixture.command(2, index, [UInt8](repeating: 8, count: 900))]))
        }
        try storage.synchronize()
        try storage.beginSnapshot(Fixture.snapshot(Fixture.position(1, 9)))
        _ = try storage.finishSnapshot()
        try storage.removeSegments(below: LogIndex(10))
        storage.close()
        let recovered = try Fixture.open(files).recovered
        #expect(recovered.restored.entries.suffix(3).map(\.position) == (10...12).map { Fixture.position(2, $0) })
        #expect(recovered.restored.entries.allSatisfy { $0.position.index >= LogIndex(10) })
    }

    @Test func aLogGoesOnAfterALeadersSnapshot() throws {
        let files = MemoryFileSystem(seed: 1)
        var storage = try Fixture.create(files)
        try storage.append(Fixture.request((1...5).map { Fixture.command(1, $0, [UInt8($0)]) }))
        try storage.beginSnapshot(Fixture.snapshot(Fixture.position(3, 50)))
        try storage.appendSnapshot([9])
        _ = try storage.finishSnapshot()
        try storage.installed(Fixture.position(3, 50))
        #expect(storage.lastPosition == Fixture.position(3, 50))
        try storage.append(Fixture.request([Fixture.command(3, 51, [1])]))
        try storage.synchronize()
        storage.close()
        let recovered = try Fixture.open(files).recovered
        #expect(recovered.restored.snapshot.position == Fixture.position(3, 50))
        #expect(recovered.restored.entries == [Fixture.command(3, 51, [1])])
    }

    @Test func aLogThatHasTheSnapshotsLastEntryKeepsWhatFollowsIt() throws {
        let files = MemoryFileSystem(seed: 1)
        var storage = try Fixture.create(files)
        try storage.append(Fixture.request((1...5).map { Fixture.command(1, $0, [UInt8($0)]) }))
        try storage.beginSnapshot(Fixture.snapshot(Fixture.position(1, 3)))
        _ = try storage.finishSnapshot()
        try storage.installed(Fixture.position(1, 3))
        try storage.synchronize()
        storage.close()
        #expect(try Fixture.open(files).recovered.restored.entries.count == 5)
    }

    @Test func aRequestLongerThanASegmentGetsOneOfItsOwnLength() throws {
        let files = MemoryFileSystem(seed: 1)
        var storage = try Fixture.create(files)
        let entry = Fixture.command(1, 1, (0..<100_000).map { UInt8(truncatingIfNeeded: $0) })
        try storage.append(Fixture.request([entry]))
        try storage.append(Fixture.request([Fixture.command(1, 2, [2])]))
        try storage.synchronize()
        storage.close()
        #expect(try Fixture.open(files).recovered.restored.entries == [entry, Fixture.command(1, 2, [2])])
    }

    @Test func oneSynchronizationMakesAllThatWaitsDurable() throws {
        let files = MemoryFileSystem(seed: 1)
        var settings = Fixture.settings
        settings.segmentBytes = 1 << 20
        var storage = try Fixture.create(files, settings: settings)
        files.resetCalls()
        for index in 1...100 as ClosedRange<UInt64> {
            try storage.append(Fixture.request([Fixture.command(1, index, [1])]))
        }
        try storage.synchronize()
        try storage.synchronize()
        #expect(files.log.filter { $0.hasPrefix("synchronize") }.count == 1)
        #expect(files.log.filter { $0.hasPrefix("write") }.count == 100)
        #expect(files.calls == 101)
    }

    @Test func anErasedLogIsAbsentAndCanBeMadeAnew() throws {
        let files = MemoryFileSystem(seed: 1)
        var storage = try Fixture.create(files)
        storage.close()
        try LogStorage<MemoryFileSystem>.erase(directory: Fixture.directory, files: files)
        #expect(throws: StorageError.absent(directory: Fixture.directory)) { _ = try Fixture.open(files) }
        var anew = try Fixture.create(files)
        anew.close()
        #expect(try Fixture.open(files).recovered.restored.entries.isEmpty)
    }
}
