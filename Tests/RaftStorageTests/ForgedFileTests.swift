import Raft
import Testing

@testable import RaftStorage

/// Files whose checksums agree, and which no log would have written: a start refuses them, and an inspection tells of
/// them.
@Suite struct ForgedFileTests {
    private let paths = StoragePaths(directory: Fixture.directory)
    private let files = MemoryFileSystem(seed: 1)

    init() throws {
        var storage = try Fixture.create(files)
        storage.close()
    }

    private func head(length: UInt64) -> SegmentHead {
        SegmentHead(identity: Fixture.identity, number: 1, length: length, previousEnd: 0, previousSum: 0)
    }

    /// Puts a segment in the place of the only one.
    private func forge(_ contents: [RecordContent]) {
        let (bytes, salt) = head(length: 2_048).encode()
        var writer = RecordWriter(start: SegmentHead.bytes, previous: salt, salt: salt, durable: SegmentHead.bytes)
        for content in contents { writer.append(content) }
        let free = [UInt8](repeating: 0, count: 2_048 - bytes.count - writer.bytes.count)
        files[paths.segment(1)] = bytes + writer.bytes + free
    }

    private func expectDamage(_ problem: StorageError.Problem, _ what: String) throws {
        var found: [StorageError.Problem] = []
        _ = try LogInspector.inspect(directory: Fixture.directory, files: files) { finding in
            if case .problem(.damaged(let damage)) = finding { found.append(damage.problem) }
        }
        #expect(found == [problem], "\(what)")
        do throws(StorageError) {
            _ = try Fixture.open(files)
            Issue.record("\(what): it was opened")
        } catch {
            guard case .damaged(let damage) = error else { throw error }
            #expect(damage.problem == problem, "\(what)")
        }
    }

    @Test func aSegmentIsNeitherShorterThanItsFirstRecordNorLongerThanTheLongest() throws {
        let longest = UInt64(StorageSettings.segmentBytesMax)
        for length in [0, 511, 512, 551, 567, longest + 1, 1 << 40, .max] as [UInt64] {
            let sector = head(length: length).encode().bytes
            #expect(throws: StorageError.damage("a", 0, .headContent), "\(length)") {
                _ = try SegmentHead.read(sector, path: "a")
            }
        }
        for length in [568, longest] {
            #expect(try SegmentHead.read(head(length: length).encode().bytes, path: "a").head.length == length)
        }
        for length in [512, 551] as [UInt64] {
            let sector = head(length: length).encode().bytes
            files[paths.segment(1)] = sector + [UInt8](repeating: 0, count: Int(length) - sector.count)
            try expectDamage(.headContent, "\(length) bytes")
        }
    }

    @Test func aSegmentDoesNotEndBeforeItsFirstRecord() {
        let (bytes, salt) = head(length: 2_048).encode()
        let close = SegmentScan.Close(end: SegmentHead.bytes, sum: salt)
        let unwritten = bytes + [UInt8](repeating: 0, count: 1_536)
        for (content, close) in [(unwritten, close), (unwritten, nil), (bytes, nil), (bytes, close)] {
            var scan = SegmentScan(bytes: content, salt: salt, close: close)
            #expect(scan.next() == nil)
            guard case .damaged(at: SegmentHead.bytes, _) = scan.ending else {
                Issue.record("\(content.count) bytes, \(close == nil ? "the last" : "not the last") segment: no damage")
                continue
            }
        }
    }

    @Test func noRecordIsBeyondTheLastIndexAndTheLastTerm() throws {
        let index = LogIndex.max.rawValue + 1
        let term = Term.max.rawValue + 1
        let start = RecordContent.start(.initial, last: .zero)
        let cases: [[RecordContent]] = [
            [.start(.initial, last: Fixture.position(1, index))],
            [.start(.initial, last: Fixture.position(1, .max - 1))],
            [.start(.initial, last: Fixture.position(term, 1))],
            [.start(HardState(term: Term(term), vote: nil), last: .zero)],
            [start, .hardState(HardState(term: Term(term), vote: nil))],
            [start, .hardState(HardState(term: Term(1), vote: nil, forgotten: Fixture.position(1, index)))],
            [.start(HardState(term: Term(1), vote: nil, forgotten: Fixture.position(term, 1)), last: .zero)],
            [start, .reset(Fixture.position(1, index))],
            [start, .entry(Fixture.command(term, 1, []))],
        ]
        for (number, contents) in cases.enumerated() {
            forge(contents)
            try expectDamage(.recordContent, "case \(number)")
        }
    }

    @Test func noSnapshotIsBeyondTheLastIndexAndTheLastTerm() throws {
        func head(_ term: UInt64, _ index: UInt64) -> [UInt8] {
            SnapshotHead(identity: Fixture.identity, description: Fixture.snapshot(Fixture.position(term, index)))
                .encode()
        }
        let (term, index) = (Term.max.rawValue, LogIndex.max.rawValue)
        for bytes in [head(1, index + 1), head(1, .max - 1), head(term + 1, 1)] {
            #expect(throws: StorageError.damage("a", 0, .headContent)) { _ = try SnapshotHead.read(bytes, path: "a") }
        }
        let last = try SnapshotHead.read(head(term, index), path: "a").description.position
        #expect(last == Fixture.position(term, index))
    }
}
