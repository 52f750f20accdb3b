import Foundation
import Raft
import Testing

@testable import RaftStorage

/// What else is in a log's folders, on a real disk: what an inspection promises of it, the next start does.
@Suite struct ForeignNameTests {
    /// Runs with a log of its own.
    private func withLog(_ body: (_ folder: String, _ paths: StoragePaths) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tollgate-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path(percentEncoded: false)
        var storage = try LogStorage.create(
            directory: path,
            files: PosixFileSystem(),
            identity: Fixture.identity,
            snapshot: Fixture.snapshot(.zero),
            payload: [1],
            settings: Fixture.settings
        )
        storage.close()
        try body(path, StoragePaths(directory: path))
    }

    private func open(_ folder: String) throws {
        var (storage, _) = try LogStorage.open(
            directory: folder,
            files: PosixFileSystem(),
            settings: Fixture.settings
        )
        storage.close()
    }

    private func inspect(_ folder: String) throws -> (unfinished: [String], foreign: [String], problems: [String]) {
        var found: (unfinished: [String], foreign: [String], problems: [String]) = ([], [], [])
        _ = try LogInspector.inspect(directory: folder, files: PosixFileSystem()) { finding in
            switch finding {
            case .unused(let path, isUnfinished: true): found.unfinished.append(path)
            case .unused(let path, isUnfinished: false): found.foreign.append(path)
            case .problem(let error): found.problems.append(error.description)
            default: break
            }
        }
        return found
    }

    @Test func onlyUnfinishedFilesOfTheLogsOwnNamesAreRemoved() throws {
        try withLog { folder, paths in
            let unfinished = ["\(paths.snapshot(Fixture.position(1, 9))).tmp", "\(paths.segment(9)).tmp"]
            for path in unfinished { #expect(FileManager.default.createFile(atPath: path, contents: nil)) }
            try FileManager.default.createDirectory(atPath: "\(paths.log)/x.tmp", withIntermediateDirectories: false)
            // A name that is not UTF-8 cannot be asked for by what is read of it.
            let bytes = Array("\(paths.log)/".utf8) + [0xFF] + Array(".tmp\0".utf8)
            let descriptor = bytes.map { CChar(bitPattern: $0) }.withUnsafeBufferPointer {
                Foundation.open($0.baseAddress!, O_CREAT | O_WRONLY, 0o600)
            }
            #expect(descriptor >= 0)
            Foundation.close(descriptor)

            let found = try inspect(folder)
            #expect(found.unfinished == unfinished)
            #expect(found.foreign.sorted() == ["\(paths.log)/x.tmp", "\(paths.log)/\u{FFFD}.tmp"])
            #expect(found.problems == [])
            try open(folder)
            let after = try inspect(folder)
            #expect(after.unfinished == [])
            #expect(after.foreign == found.foreign)
        }
    }

    @Test func aFolderInThePlaceOfAnUnfinishedFileIsToldByBoth() throws {
        try withLog { folder, paths in
            let path = "\(paths.segment(9)).tmp"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
            let found = try inspect(folder)
            #expect(found.unfinished == [])
            #expect(found.problems.count == 1)
            #expect(found.problems.first?.contains("\(path): open failed: it is a folder; move it away") == true)
            do {
                try open(folder)
                Issue.record("the folder was removed")
            } catch let error as StorageError {
                #expect(error.description.hasPrefix("\(path): unlink failed: it is a folder; move it away"))
            }
        }
    }

    @Test func aLinkInThePlaceOfAnUnfinishedFileIsRemoved() throws {
        try withLog { folder, paths in
            let path = "\(paths.segment(9)).tmp"
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: folder)
            #expect(try inspect(folder).unfinished == [path])
            try open(folder)
            #expect(try inspect(folder).unfinished == [])
        }
    }
}
