import Foundation
import Testing

@testable import Cluster

/// What stands where a data folder is meant.
@Suite struct DirectoryLockTests {
    private func failure(_ path: String) -> String? {
        do {
            _ = try DirectoryLock(directory: path)
            return nil
        } catch { return error.description }
    }

    @Test func whatIsNoFolderIsToldAsWhatItIs() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let path = folder.path + "/data"
        let files = FileManager.default
        try files.createSymbolicLink(atPath: path, withDestinationPath: folder.path + "/nowhere")
        #expect(failure(path)?.contains("\(path): it is a link that leads to nothing") == true)
        try files.removeItem(atPath: path)
        try files.createSymbolicLink(atPath: path, withDestinationPath: path)
        #expect(failure(path)?.contains("\(path): it is a link that leads to nothing") == true)
        try files.removeItem(atPath: path)
        try Data().write(to: URL(fileURLWithPath: path))
        #expect(failure(path)?.contains("\(path): it is no folder") == true)
        try files.removeItem(atPath: path)
        try files.createSymbolicLink(atPath: path, withDestinationPath: folder.path)
        #expect(failure(path) == nil, "a link to a folder is one")
        try files.removeItem(atPath: path)
    }
}
