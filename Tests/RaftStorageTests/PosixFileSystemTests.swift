import Foundation
import Raft
import RaftStorage
import TestSupport
import Testing

/// The real calls, on a real folder.
@Suite struct PosixFileSystemTests {
    private let files = PosixFileSystem()

    /// Runs with a folder of its own.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tollgate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path(percentEncoded: false))
    }

    @Test func aFileIsMadeFilledReadMovedAndRemoved() throws {
        try withFolder { folder in
            let path = "\(folder)/a"
            let file = try files.open(path, .createNew)
            try files.allocate(file, length: 3_000_000)
            #expect(try files.length(file) == 3_000_000)
            try files.write(file, [1, 2, 3], at: 2_999_999)
            #expect(try files.length(file) == 3_000_002)
            #expect(try files.read(file, at: 2_999_998, count: 1 << 40) == [0, 1, 2, 3])
            #expect(try files.read(file, at: 4_000_000, count: 10) == [])
            try files.truncate(file, length: 10)
            #expect(try files.read(file, at: 0, count: 100) == [UInt8](repeating: 0, count: 10))
            try files.synchronize(file)
            files.close(file)
            try files.rename(path, to: "\(folder)/b")
            try files.synchronizeDirectory(folder)
            #expect(try files.list(folder) == ["b"])
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/b")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            try files.remove("\(folder)/b")
            #expect(try files.list(folder) == [])
        }
    }

    @Test func failuresSayWhat() throws {
        try withFolder { folder in
            let path = "\(folder)/a"
            func reason(_ body: () throws -> Void) -> FileSystemError.Reason? {
                do { try body() } catch { return (error as? FileSystemError)?.reason }
                return nil
            }
            #expect(reason { _ = try files.open(path, .read) } == .notFound)
            #expect(reason { _ = try files.open(path, .readWrite) } == .notFound)
            #expect(reason { _ = try files.list(path) } == .notFound)
            #expect(reason { try files.remove(path) } == .notFound)
            files.close(try files.open(path, .createNew))
            #expect(reason { _ = try files.open(path, .createNew) } == .exists)
            try files.makeDirectory("\(folder)/d")
            try files.makeDirectory("\(folder)/d")
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(folder)/d")
            #expect(attributes[.posixPermissions] as? Int == 0o700)
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/l", withDestinationPath: path)
            #expect(reason { _ = try files.open("\(folder)/l", .readWrite) } == .failed(errno: ELOOP))
            // A device that has no space, ever.
            let full = OpenFile(rawValue: Foundation.open("/dev/full", O_RDWR))
            defer { files.close(full) }
            #expect(reason { try files.write(full, [1], at: 0) } == .full)
        }
    }

    @Test func aLogOnARealDiskIsTheSameAsOneInMemory() throws {
        try withFolder { folder in
            let history = HistoryGenerator(seed: seed(), count: 300).steps
            let memory = MemoryFileSystem(seed: 1)
            var run = try HistoryRun(files: memory)
            for step in history { try run.take(step) }
            run.storage.close()
            let directory = "\(folder)/node"
            var storage = try LogStorage.create(
                directory: directory,
                files: files,
                identity: Fixture.identity,
                snapshot: Fixture.snapshot(.zero),
                payload: Array("genesis".utf8),
                settings: Fixture.settings
            )
            for step in history {
                switch step {
                case .append(let request): try storage.append(request)
                case .synchronize: try storage.synchronize()
                case .removeSegments(let index): try storage.removeSegments(below: index)
                case .snapshot(let position, let payload), .install(let position, let payload):
                    try storage.beginSnapshot(Fixture.snapshot(position))
                    try storage.appendSnapshot(payload)
                    _ = try storage.finishSnapshot()
                    if case .install = step { try storage.installed(position) }
                }
            }
            storage.close()
            for path in memory.paths {
                let real = FileManager.default.contents(atPath: folder + path)
                #expect(real.map { Array($0) } == memory[path], "\(path)")
            }
            let names = try FileManager.default.subpathsOfDirectory(atPath: directory).filter { $0.contains(".") }
            #expect(names.count == memory.paths.count)
            let expected = try Fixture.open(memory).recovered.restored
            let (reopened, recovered) = try LogStorage.open(
                directory: directory,
                files: files,
                settings: Fixture.settings
            )
            #expect(recovered.restored == expected)
            var again = reopened
            again.close()
        }
    }
}
