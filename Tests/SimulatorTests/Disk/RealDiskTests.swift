import Foundation
import RaftStorage
import Testing

/// What the simulated disk does as long as nothing fails, the real one does too.
@Suite struct RealDiskTests {
    @Test func worksLikeAFileSystem() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "tollgate-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileSystemConformance(files: PosixFileSystem(), root: folder.path(percentEncoded: false)).check()
    }
}
