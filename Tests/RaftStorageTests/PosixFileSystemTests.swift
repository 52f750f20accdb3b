import Foundation
import Raft
import RaftStorage
import TestSupport
import Testing

/// The real calls, on a real folder.
@Suite struct PosixFileSystemTests {
    private let files = PosixFileSystem()

    /// Runs with a folder of its own.
    private func withFolder(
        in parent: URL = FileManager.default.temporaryDirectory,
        _ body: (String) throws -> Void
    ) throws {
        let folder = parent.appending(path: "tollgate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path(percentEncoded: false))
    }

    /// Why a call failed; nil if it did not.
    private func reason(_ body: () throws -> Void) -> FileSystemError.Reason? {
        do { try body() } catch { return (error as? FileSystemError)?.reason }
        return nil
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

    @Test func aFolderIsNoFileAndAFileNoFolder() throws {
        try withFolder { folder in
            let within = "\(folder)/within"
            let file = "\(folder)/file"
            try files.makeDirectory(within)
            files.close(try files.open(file, .createNew))
            #expect(reason { _ = try files.open(within, .read) } == .failed(errno: EISDIR))
            #expect(reason { _ = try files.open(within, .readWrite) } == .failed(errno: EISDIR))
            #expect(reason { _ = try files.open(within, .createNew) } == .exists)
            #expect(reason { try files.remove(within) } == .failed(errno: EISDIR))
            #expect(reason { try files.rename(file, to: within) } == .failed(errno: EISDIR))
            #expect(reason { _ = try files.open("\(file)/a", .read) } == .failed(errno: ENOTDIR))
            #expect(reason { _ = try files.list(file) } == .failed(errno: ENOTDIR))
            #expect(reason { try files.synchronizeDirectory(file) } == .failed(errno: ENOTDIR))
            #expect(reason { try files.makeDirectory("\(file)/a") } == .failed(errno: ENOTDIR))
            #expect(try files.list(folder) == ["file", "within"])
            #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
            #expect(reason { _ = try files.open("\(folder)/pipe", .read) } == .failed(errno: ENXIO))
        }
    }

    @Test func aLinkToAFolderIsOneAndALinkToNothingIsNot() throws {
        try withFolder { folder in
            try files.makeDirectory("\(folder)/there")
            for (link, target) in [("link", "there"), ("astray", "nowhere"), ("loop", "loop")] {
                try FileManager.default.createSymbolicLink(
                    atPath: "\(folder)/\(link)",
                    withDestinationPath: "\(folder)/\(target)"
                )
            }
            #expect(reason { try files.makeDirectory("\(folder)/link") } == nil)
            #expect(try files.list("\(folder)/link") == [])
            #expect(reason { try files.makeDirectory("\(folder)/astray") } == .exists)
            #expect(reason { try files.makeDirectory("\(folder)/loop") } == .exists)
            #expect(reason { _ = try files.list("\(folder)/loop") } == .failed(errno: ELOOP))
        }
    }

    // To root, everything is permitted.
    @Test(.enabled(if: geteuid() != 0))
    func whatIsNotPermittedFails() throws {
        try withFolder { folder in
            let closed = "\(folder)/closed"
            try files.makeDirectory(closed)
            files.close(try files.open("\(closed)/file", .createNew))
            func permit(_ path: String, _ mode: Int) throws {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            }
            defer { try? permit(closed, 0o700) }
            let denied = FileSystemError.Reason.failed(errno: EACCES)
            try permit("\(closed)/file", 0o400)
            #expect(reason { _ = try files.open("\(closed)/file", .readWrite) } == denied)
            #expect(reason { files.close(try files.open("\(closed)/file", .read)) } == nil)
            try permit(closed, 0o500)
            #expect(reason { try files.makeDirectory("\(closed)/folder") } == denied)
            #expect(reason { _ = try files.open("\(closed)/new", .createNew) } == denied)
            #expect(reason { try files.rename("\(closed)/file", to: "\(closed)/other") } == denied)
            #expect(reason { try files.remove("\(closed)/file") } == denied)
            #expect(try files.list(closed) == ["file"])
            try permit(closed, 0)
            #expect(reason { _ = try files.list(closed) } == denied)
            #expect(reason { _ = try files.open("\(closed)/file", .read) } == denied)
            #expect(reason { try files.synchronizeDirectory(closed) } == denied)
        }
    }

    private static let memory = URL(filePath: "/dev/shm")
    private static let moreThanMemory: UInt64 = 1 << 40

    /// Whether there is a file system in memory whose bound is known: it refuses what is beyond it before it takes any.
    private static var hasBoundedMemory: Bool {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: memory.path)
        guard let bound = attributes?[.systemSize] as? NSNumber else { return false }
        return bound.uint64Value > 0 && bound.uint64Value < moreThanMemory
    }

    @Test(.enabled(if: hasBoundedMemory))
    func aFileThatFindsNoSpaceStaysAsItWas() throws {
        try withFolder(in: Self.memory) { folder in
            let file = try files.open("\(folder)/file", .createNew)
            defer { files.close(file) }
            try files.write(file, [1, 2, 3], at: 0)
            #expect(reason { try files.allocate(file, length: Self.moreThanMemory) } == .full)
            #expect(try files.length(file) == 3)
            try files.allocate(file, length: 5_000)
            #expect(try files.length(file) == 5_000)
            #expect(try files.read(file, at: 0, count: 4) == [1, 2, 3, 0])
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
                case .beginSnapshot(let position): try storage.beginSnapshot(Fixture.snapshot(position))
                case .snapshotSlice(let bytes): try storage.appendSnapshot(bytes)
                case .finishSnapshot: _ = try storage.finishSnapshot()
                case .install(let position, let payload):
                    try storage.beginSnapshot(Fixture.snapshot(position))
                    try storage.appendSnapshot(payload)
                    _ = try storage.finishSnapshot()
                    try storage.installed(position)
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
