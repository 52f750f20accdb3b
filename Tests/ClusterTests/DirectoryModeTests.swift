import Glibc
import Testing

@testable import Cluster

/// Who may look into the data folder.
@Suite struct DirectoryModeTests {
    @Test func aFolderThatItMakesIsItsOwnersAlone() throws {
        let parent = try TestFolder()
        defer { parent.remove() }
        let lock = try DirectoryLock(directory: parent.path + "/data")
        var status = stat()
        #expect(stat(parent.path + "/data", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o700)
        #expect(lock.openMode == nil)
    }

    @Test(arguments: [0o755, 0o750, 0o711, 0o702] as [mode_t]) func oneThatLetsOthersInIsTold(_ mode: mode_t) throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        #expect(chmod(folder.path, mode) == 0)
        let lock = try DirectoryLock(directory: folder.path)
        #expect(lock.openMode == "0" + String(mode, radix: 8))
        lock.release()
        #expect(chmod(folder.path, 0o700) == 0)
        #expect(try DirectoryLock(directory: folder.path).openMode == nil)
    }
}
