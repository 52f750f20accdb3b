import RaftStorage
import Testing

/// What every ``FileSystem`` must do as long as nothing fails.
struct FileSystemConformance<Files: FileSystem> {
    let files: Files
    /// An empty folder.
    let root: String

    func check() throws {
        try foldersAreMadeAndListed()
        try filesAreMadeOnce()
        try whatIsWrittenIsRead()
        try filesGrowWithZeros()
        try truncatedBytesAreGone()
        try aRenamedFileTakesThePlaceOfTheOther()
        try aRemovedFileStaysOpen()
        try onlyAnEmptyFolderIsRemoved()
        try whatIsNotThereIsNotFound()
    }

    private func foldersAreMadeAndListed() throws {
        let folder = root + "/folder"
        try files.makeDirectory(folder)
        try files.makeDirectory(folder)
        try files.makeDirectory(folder + "/within")
        files.close(try files.open(folder + "/b", .createNew))
        files.close(try files.open(folder + "/a", .createNew))
        #expect(try files.list(folder) == ["a", "b", "within"])
        #expect(try files.list(folder + "/within") == [])
        try files.synchronizeDirectory(folder)
        #expect(reason { try files.makeDirectory(root + "/nowhere/within") } == .notFound)
        #expect(reason { try files.makeDirectory(folder + "/a") } == .exists)
    }

    private func onlyAnEmptyFolderIsRemoved() throws {
        let folder = root + "/leaving"
        try files.makeDirectory(folder)
        files.close(try files.open(folder + "/file", .createNew))
        #expect(reason { try files.removeDirectory(folder) } == .failed(errno: 39))
        try files.remove(folder + "/file")
        try files.removeDirectory(folder)
        #expect(try !files.list(root).contains("leaving"))
        #expect(reason { try files.removeDirectory(folder) } == .notFound)
    }

    private func filesAreMadeOnce() throws {
        let path = root + "/once"
        files.close(try files.open(path, .createNew))
        #expect(reason { _ = try files.open(path, .createNew) } == .exists)
        let file = try files.open(path, .read)
        #expect(try files.length(file) == 0)
        files.close(file)
    }

    private func whatIsWrittenIsRead() throws {
        let path = root + "/data"
        let file = try files.open(path, .createNew)
        try files.write(file, [1, 2, 3, 4], at: 0)
        try files.write(file, [9], at: 2)
        #expect(try files.read(file, at: 0, count: 4) == [1, 2, 9, 4])
        #expect(try files.read(file, at: 1, count: 2) == [2, 9])
        #expect(try files.read(file, at: 3, count: 10) == [4])
        #expect(try files.read(file, at: 40, count: 10) == [])
        try files.write(file, [], at: 0)
        try files.synchronize(file)
        files.close(file)
        let again = try files.open(path, .readWrite)
        #expect(try files.read(again, at: 0, count: 4) == [1, 2, 9, 4])
        try files.write(again, [7], at: 0)
        files.close(again)
        let third = try files.open(path, .read)
        #expect(try files.read(third, at: 0, count: 1) == [7])
        #expect(reason { try files.write(third, [7], at: 0) } != nil)
        files.close(third)
    }

    private func filesGrowWithZeros() throws {
        let file = try files.open(root + "/grown", .createNew)
        try files.write(file, [1], at: 0)
        try files.allocate(file, length: 2_000)
        #expect(try files.length(file) == 2_000)
        #expect(try files.read(file, at: 0, count: 2_000) == [1] + Array(repeating: 0, count: 1_999))
        try files.write(file, [5], at: 2_500)
        #expect(try files.length(file) == 2_501)
        #expect(try files.read(file, at: 1_999, count: 502) == Array(repeating: 0, count: 501) + [5])
        // To allocate less than there is cuts nothing.
        try files.allocate(file, length: 10)
        #expect(try files.length(file) == 2_501)
        files.close(file)
    }

    private func truncatedBytesAreGone() throws {
        let file = try files.open(root + "/cut", .createNew)
        try files.write(file, Array(repeating: 7, count: 1_500), at: 0)
        try files.truncate(file, length: 700)
        #expect(try files.length(file) == 700)
        try files.allocate(file, length: 1_500)
        #expect(
            try files.read(file, at: 0, count: 1_500)
                == Array(repeating: 7, count: 700) + Array(repeating: 0, count: 800)
        )
        files.close(file)
    }

    private func aRenamedFileTakesThePlaceOfTheOther() throws {
        for (name, byte) in [("old", UInt8(1)), ("new", 2)] {
            let file = try files.open(root + "/" + name, .createNew)
            try files.write(file, [byte], at: 0)
            files.close(file)
        }
        try files.rename(root + "/old", to: root + "/new")
        #expect(reason { _ = try files.open(root + "/old", .read) } == .notFound)
        let file = try files.open(root + "/new", .read)
        #expect(try files.read(file, at: 0, count: 5) == [1])
        files.close(file)
        try files.synchronizeDirectory(root)
    }

    private func aRemovedFileStaysOpen() throws {
        let file = try files.open(root + "/removed", .createNew)
        try files.write(file, [3], at: 0)
        try files.remove(root + "/removed")
        #expect(reason { _ = try files.open(root + "/removed", .read) } == .notFound)
        try files.synchronizeDirectory(root)
        #expect(try files.read(file, at: 0, count: 1) == [3])
        files.close(file)
    }

    private func whatIsNotThereIsNotFound() throws {
        #expect(reason { _ = try files.open(root + "/none", .read) } == .notFound)
        #expect(reason { _ = try files.open(root + "/none", .readWrite) } == .notFound)
        #expect(reason { _ = try files.open(root + "/nowhere/none", .createNew) } == .notFound)
        #expect(reason { _ = try files.list(root + "/none") } == .notFound)
        #expect(reason { try files.remove(root + "/none") } == .notFound)
        #expect(reason { try files.rename(root + "/none", to: root + "/other") } == .notFound)
        #expect(reason { try files.synchronizeDirectory(root + "/none") } == .notFound)
    }

    private func reason(_ call: () throws -> Void) -> FileSystemError.Reason? {
        do {
            try call()
            return nil
        } catch {
            return (error as? FileSystemError)?.reason
        }
    }
}
