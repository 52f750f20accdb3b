import Raft
import RaftStorage
import Testing

/// A flipped bit at every byte of every file: refused, or in a place that nothing uses. Never another state than the one
/// that was written, and never one with less in it.
@Suite struct FlippedBitTests {
    /// Two segments and a snapshot, all of it synchronized. The last segment has room left.
    private static func disk() throws -> MemoryFileSystem {
        let files = MemoryFileSystem(seed: 1)
        var storage = try Fixture.create(files)
        let state = HardState(term: Term(1), vote: Fixture.identity.replica)
        try storage.append(Fixture.request([Fixture.command(1, 1, [])], state: state))
        try storage.append(Fixture.request([Fixture.command(1, 2, [UInt8](repeating: 0, count: 700))]))
        try storage.synchronize()
        try storage.append(
            Fixture.request([
                Fixture.command(1, 3, (0..<100).map { UInt8($0) }),
                Entry(position: Fixture.position(1, 4), payload: .configuration(Fixture.configuration)),
            ])
        )
        try storage.synchronize()
        try storage.append(Fixture.request([Fixture.command(1, 5, [UInt8](repeating: 0, count: 520))]))
        try storage.synchronize()
        #expect(storage.segmentCount == 2)
        storage.close()
        return files
    }

    private enum Outcome {
        case refused
        case harmless
    }

    /// What becomes of a disk with a file that has these bytes.
    private func outcome(
        _ disk: MemoryFileSystem,
        _ path: String,
        _ bytes: [UInt8],
        _ expected: RestoredState,
        _ what: String
    ) throws -> Outcome {
        let files = disk.copy(seed: 1)
        files[path] = bytes
        let inspected = try LogInspector.inspect(directory: Fixture.directory, files: files) { _ in }
        let (opened, recovered): (LogStorage<MemoryFileSystem>, RecoveredState)
        do throws(StorageError) {
            (opened, recovered) = try Fixture.open(files)
        } catch {
            switch error {
            case .damaged: break
            default: Issue.record("\(what): \(error)")
            }
            #expect(files[path] == bytes, "\(what): a damaged file was changed")
            #expect(inspected.problems > 0, "\(what): refused, and a look at it says nothing")
            return .refused
        }
        #expect(recovered.restored == expected, "\(what): another state was accepted")
        #expect(inspected.problems == 0, "\(what)")
        // What was accepted is whole: it goes on, and comes back.
        var storage = opened
        let entry = Fixture.command(2, storage.lastPosition.index.rawValue + 1, [UInt8](repeating: 0, count: 30))
        try storage.append(Fixture.request([entry]))
        try storage.synchronize()
        storage.close()
        files.crash()
        #expect(try Fixture.open(files).recovered.restored.entries == expected.entries + [entry], "\(what)")
        return .harmless
    }

    @Test func everyBitOfTheLastSegmentIsRefusedOrUnused() throws {
        let disk = try Self.disk()
        let path = try #require(disk.paths.filter { $0.hasSuffix(".log") }.last)
        try flipEverything(disk, path, bitsOfAByte: Array(0..<8))
    }

    @Test func everyByteOfAnOlderSegmentIsRefusedOrUnused() throws {
        let disk = try Self.disk()
        let path = try #require(disk.paths.first { $0.hasSuffix(".log") })
        try flipEverything(disk, path, bitsOfAByte: [0, 7])
    }

    private func flipEverything(_ disk: MemoryFileSystem, _ path: String, bitsOfAByte bits: [Int]) throws {
        let expected = try Fixture.open(disk.copy(seed: 1)).recovered.restored
        let bytes = try #require(disk[path])
        let lastUsed = try #require(bytes.lastIndex { $0 != 0 })
        var refused = 0
        var harmless: [Int] = []
        for place in bytes.indices {
            for bit in bits {
                var changed = bytes
                changed[place] ^= 1 << UInt8(bit)
                let what = "bit \(bit) of byte \(place) of \(path)"
                switch try outcome(disk, path, changed, expected, what) {
                case .refused: refused += 1
                case .harmless: harmless.append(place)
                }
            }
        }
        // By proof: nothing but zeros is in what is harmless, behind the records or at the end of a sector where no
        // header has room. Everything else that was written is covered by a checksum.
        #expect(refused > bits.count * lastUsed * 8 / 10)
        #expect(harmless.allSatisfy { bytes[$0] == 0 })
        for place in Set(harmless) where place < lastUsed {
            #expect(place % 512 >= 512 - 40, "byte \(place) of \(path) is in use and unprotected")
        }
    }

    @Test func everyBitOfTheNewestSnapshotIsRefused() throws {
        let disk = try Self.disk()
        let path = try #require(disk.paths.first { $0.hasSuffix(".snapshot") })
        let bytes = try #require(disk[path])
        let expected = try Fixture.open(disk.copy(seed: 1)).recovered.restored
        for place in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[place] ^= 1 << UInt8(bit)
                let what = "bit \(bit) of byte \(place) of \(path)"
                #expect(try outcome(disk, path, changed, expected, what) == .refused, "\(what)")
            }
        }
    }

    /// A follower gets nothing of a snapshot that is not what was written.
    @Test func aDamagedPartOfASnapshotIsNotRead() throws {
        let files = MemoryFileSystem(seed: 1)
        var storage = try Fixture.create(files)
        let payload = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        try storage.append(Fixture.request([Fixture.command(1, 1, [])]))
        try storage.beginSnapshot(Fixture.snapshot(Fixture.position(1, 1)))
        for begin in stride(from: 0, to: payload.count, by: 7_777) {
            try storage.appendSnapshot(Array(payload[begin..<min(begin + 7_777, payload.count)]))
        }
        let description = try storage.finishSnapshot()
        #expect(description.bytes == UInt64(payload.count))
        func read(_ offset: Int, _ count: Int) throws -> [UInt8] {
            try storage.readSnapshot(description.position, offset: UInt64(offset), count: count)
        }
        for offset in [0, 1, 65_535, 65_536, 65_537, 131_072, 199_999, 200_000, 300_000] {
            for count in [0, 1, 65_536, 65_537, 150_000, 1 << 40] {
                let end = min(payload.count, offset + count)
                #expect(try read(offset, count) == Array(payload[min(offset, end)..<end]))
            }
        }
        let path = storage.paths.snapshot(description.position)
        let bytes = try #require(files[path])
        // In the second block, and in the checksum before it: the first block is good, or is not either.
        for (place, isFirstGood) in [(bytes.count - 130_000, true), (bytes.count - 200_000 + 65_536 - 12, false)] {
            var changed = bytes
            changed[place] ^= 0x10
            files[path] = changed
            if isFirstGood { #expect(try read(0, 65_536) == Array(payload[..<65_536])) }
            #expect(throws: StorageError.self) { _ = try read(65_536, 10) }
            #expect(throws: StorageError.self) { _ = try read(0, payload.count) }
        }
    }

    /// A sector of the log that the disk gives back as zeros, though it was synchronized: found wherever a later record
    /// tells of it.
    @Test func aSectorThatWasLostAfterItWasSynchronizedIsRefusedIfAnythingTellsOfIt() throws {
        let disk = try Self.disk()
        let path = try #require(disk.paths.filter { $0.hasSuffix(".log") }.last)
        let bytes = try #require(disk[path])
        let used = try #require(bytes.lastIndex { $0 != 0 })
        // The last record is a sector and a bit; what is before it is known to be durable.
        for sector in 0..<(used / 512 - 1) {
            var changed = bytes
            changed.replaceSubrange(sector * 512..<sector * 512 + 512, with: repeatElement(0, count: 512))
            let files = disk.copy(seed: 1)
            files[path] = changed
            #expect(throws: StorageError.self, "sector \(sector)") { _ = try Fixture.open(files) }
        }
    }

    @Test func aFileOfAnotherLengthIsRefused() throws {
        let disk = try Self.disk()
        for path in disk.paths {
            let bytes = try #require(disk[path])
            for length in stride(from: 0, to: bytes.count, by: 61) {
                let files = disk.copy(seed: 1)
                files[path] = Array(bytes[..<length])
                #expect(throws: StorageError.self, "\(path) cut to \(length)") { _ = try Fixture.open(files) }
            }
            let files = disk.copy(seed: 1)
            files[path] = bytes + [0]
            #expect(throws: StorageError.self, "\(path) with a byte more") { _ = try Fixture.open(files) }
        }
    }

    @Test func aFileThatIsMissingIsRefused() throws {
        let disk = try Self.disk()
        for path in disk.paths where path != disk.paths.filter({ $0.hasSuffix(".log") }).last {
            let files = disk.copy(seed: 1)
            files[path] = nil
            #expect(throws: StorageError.self, "\(path)") { _ = try Fixture.open(files) }
        }
    }

    /// A segment of this very replica, but of another history: as from a backup. Each record in it is good.
    @Test func aSegmentOfAnotherTimeIsRefused() throws {
        let disks = try (0..<2).map { fill in
            let files = MemoryFileSystem(seed: 1)
            var storage = try Fixture.create(files)
            try storage.append(Fixture.request([Fixture.command(1, 1, [UInt8(fill)])]))
            try storage.append(Fixture.request([Fixture.command(1, 2, [UInt8](repeating: 3, count: 1_000))]))
            try storage.append(Fixture.request([Fixture.command(1, 3, [UInt8](repeating: 3, count: 1_000))]))
            try storage.synchronize()
            #expect(storage.segmentCount == 2)
            storage.close()
            return files
        }
        let paths = disks[0].paths.filter { $0.hasSuffix(".log") }
        #expect(disks[0][paths[0]]?.count == disks[1][paths[0]]?.count)
        disks[0][paths[0]] = disks[1][paths[0]]
        #expect(throws: StorageError.self) { _ = try Fixture.open(disks[0]) }
    }

    @Test func aFileOfAnotherReplicaIsRefused() throws {
        let disk = try Self.disk()
        let files = MemoryFileSystem(seed: 2)
        var other = Fixture.identity
        other.replica.low += 1
        var storage = try LogStorage.create(
            directory: Fixture.directory,
            files: files,
            identity: other,
            snapshot: Fixture.snapshot(.zero),
            payload: Array("genesis".utf8),
            settings: Fixture.settings
        )
        storage.close()
        for path in files.paths {
            let mixed = disk.copy(seed: 1)
            mixed[path] = files[path]
            do throws(StorageError) {
                _ = try Fixture.open(mixed)
                Issue.record("\(path) of another replica was taken")
            } catch {
                guard case .wrongIdentity = error else {
                    Issue.record("\(path): \(error)")
                    continue
                }
            }
        }
    }
}
