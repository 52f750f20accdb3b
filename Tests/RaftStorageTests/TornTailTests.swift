import Raft
import RaftStorage
import Testing

/// What a crash leaves at the end of the log, case by case.
@Suite struct TornTailTests {
    /// A log whose segment has the entries 1 to 4 of a sector and more each: 1 and 2 are acknowledged, 3 and 4 are one
    /// group that never was.
    private struct Disk {
        let files = MemoryFileSystem(seed: 1)
        let path: String
        /// Where each entry's record begins, and where the last one ends.
        let offsets: [Int]

        init(settings: StorageSettings) throws {
            var storage = try Fixture.create(files, settings: settings)
            path = storage.paths.segment(1)
            for index in 1...2 as ClosedRange<UInt64> {
                try storage.append(Fixture.request([Self.entry(index)]))
                try storage.synchronize()
            }
            try storage.append(Fixture.request([Self.entry(3), Self.entry(4)]))
            storage.close()
            var offsets: [Int] = []
            var end = 0
            _ = try LogInspector.inspect(directory: Fixture.directory, files: files) { finding in
                if case .record(let record) = finding, record.kind.isEntry { offsets.append(Int(record.offset)) }
                if case .end(let offset, _) = finding { end = Int(offset) }
            }
            self.offsets = offsets + [end]
        }

        static func entry(_ index: UInt64) -> Entry {
            Fixture.command(1, index, [UInt8](repeating: 0, count: 1_200))
        }

        /// Makes sectors what they were before anything was written there.
        func lose(sectors: [Int]) throws {
            var bytes = try #require(files[path])
            for sector in sectors {
                // What was synchronized of the sector is still there.
                let begin = max(sector * 512, offsets[2])
                bytes.replaceSubrange(
                    begin..<(sector + 1) * 512,
                    with: repeatElement(0, count: (sector + 1) * 512 - begin)
                )
            }
            files[path] = bytes
        }
    }

    private static var settings: StorageSettings {
        var settings = Fixture.settings
        settings.segmentBytes = 8_192
        return settings
    }

    /// Every combination of the sectors of a group that was never synchronized: nothing of what was acknowledged is
    /// lost, no record is accepted with a part of it missing, and no combination is taken for damage.
    @Test func anyPartOfAGroupThatWasNeverSynchronizedIsATornTail() throws {
        let whole = try Disk(settings: Self.settings)
        let sectors = Array(whole.offsets[2] / 512...(whole.offsets[4] - 1) / 512)
        for combination in 0..<1 << sectors.count {
            let disk = try Disk(settings: Self.settings)
            let lost = sectors.indices.filter { combination >> $0 & 1 == 1 }.map { sectors[$0] }
            try disk.lose(sectors: lost)
            let (opened, recovered) = try Fixture.open(disk.files, settings: Self.settings)
            let isWhole = [2, 3].map { record in
                lost.allSatisfy { $0 < disk.offsets[record] / 512 || $0 > (disk.offsets[record + 1] - 1) / 512 }
            }
            let count: UInt64 = !isWhole[0] ? 2 : !isWhole[1] ? 3 : 4
            #expect(recovered.restored.entries == (1...count).map(Disk.entry), "without sectors \(lost)")
            // What is left behind the cut would stand in the way of the next record.
            let tail = try #require(disk.files[disk.path])
            #expect(tail[disk.offsets[Int(count)]...].allSatisfy { $0 == 0 }, "without sectors \(lost)")
            #expect((recovered.tornTail != nil) == (count < 4 && lost.count < sectors.count), "without sectors \(lost)")
            var storage = opened
            storage.close()
        }
    }

    /// A later record of the same group is on disk and says nothing of the one before. One that was written after a
    /// synchronization says that what was before it was there: then it is no torn tail.
    @Test func whatALaterRecordKnowsToHaveBeenDurableIsNoTornTail() throws {
        let disk = try Disk(settings: Self.settings)
        var storage = try Fixture.open(disk.files, settings: Self.settings).storage
        try storage.append(Fixture.request([Disk.entry(5)]))
        try storage.synchronize()
        storage.close()
        // Record 5 is good, and knows that 3 and 4 were durable.
        try disk.lose(sectors: [disk.offsets[3] / 512 + 1])
        #expect(throws: StorageError.self) { _ = try Fixture.open(disk.files, settings: Self.settings) }
        // Even where only its header is left.
        let header = disk.offsets[4]
        var bytes = try #require(disk.files[disk.path])
        let end = (header / 512 + 1) * 512
        bytes.replaceSubrange(end..., with: repeatElement(0, count: bytes.count - end))
        disk.files[disk.path] = bytes
        do throws(StorageError) {
            _ = try Fixture.open(disk.files, settings: Self.settings)
            Issue.record("a durable record was cut")
        } catch {
            guard case .damaged(let damage) = error else { throw error }
            #expect(damage.problem == .lostBelowDurable)
            #expect(damage.offset == UInt64(disk.offsets[3]))
        }
    }

    /// The acknowledged last record with a flipped bit in its length, so that it seems to reach into what was never
    /// written: it is damage, not a torn tail.
    @Test func aLengthThatLiesIsNotBelieved() throws {
        let disk = try Disk(settings: Self.settings)
        let good = try #require(disk.files[disk.path])
        for bit in 0..<32 {
            var bytes = good
            bytes[disk.offsets[3] + 4 + bit / 8] ^= 1 << UInt8(bit % 8)
            disk.files[disk.path] = bytes
            do throws(StorageError) {
                _ = try Fixture.open(disk.files, settings: Self.settings)
                Issue.record("bit \(bit) of a length was accepted")
            } catch {
                guard case .damaged(let damage) = error else { throw error }
                #expect(damage.problem == .recordHeader)
            }
        }
    }

    /// A failed synchronization, a new process, and then a loss of power: what could be read in between was not on disk.
    @Test func whatIsReadAfterAFailedSynchronizationIsWrittenAgain() throws {
        for round in 0..<40 as Range<UInt64> {
            let files = MemoryFileSystem(seed: round)
            var storage = try Fixture.create(files, settings: Self.settings)
            files.resetCalls()
            files.fault = .fail(call: 1, .failed(errno: 5))
            try storage.append(Fixture.request((1...4).map(Disk.entry)))
            #expect(throws: StorageError.self) { try storage.synchronize() }
            storage.close()
            files.fault = nil
            var (opened, recovered) = try Fixture.open(files, settings: Self.settings)
            opened.close()
            files.crash()
            let again = try Fixture.open(files, settings: Self.settings).recovered
            #expect(again.restored == recovered.restored)
        }
    }
}
