import NIOCore
import Testing

@testable import Gateway

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The files of sockets: which are replaced and removed, and that nobody else may connect to a private one at any moment.
@Suite struct SocketFileTests {
    private func inFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/tollgate-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer {
            unlink(folder + "/s")
            rmdir(folder)
        }
        try body(folder + "/s")
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    @Test func itsModeIsTheOwnersAloneBeforeItListens() throws {
        try inFolder { path in
            let descriptor = try SocketFile.bind(path, isPrivate: true, replacing: false)
            defer { close(descriptor) }
            #expect(mode(path) == 0o600)
        }
    }

    @Test func whatStandsThereIsLeftAloneUnlessItIsToBeReplaced() throws {
        try inFolder { path in
            close(try SocketFile.bind(path, isPrivate: true, replacing: false))
            #expect(throws: IOError.self) { try SocketFile.bind(path, isPrivate: true, replacing: false) }
            let descriptor = try SocketFile.bind(path, isPrivate: true, replacing: true)
            #expect(mode(path) == 0o600)
            close(descriptor)
        }
    }

    @Test func noOtherFileIsEverReplaced() throws {
        try inFolder { path in
            let descriptor = open(path, O_CREAT | O_WRONLY, 0o644)
            try #require(descriptor >= 0)
            close(descriptor)
            #expect(throws: IOError.self) { try SocketFile.bind(path, isPrivate: true, replacing: true) }
            #expect(mode(path) == 0o644)
        }
    }

    @Test func aFolderThatIsNotThereIsAnError() throws {
        #expect(throws: IOError.self) { try SocketFile.bind("/nowhere/at/all", isPrivate: true, replacing: false) }
    }

    @Test func onlyTheOwnFileIsRemoved() throws {
        try inFolder { path in
            close(try SocketFile.bind(path, isPrivate: true, replacing: false))
            let file = SocketFile(path: path)
            // Kept open, so that the new file gets another inode.
            let kept = path + "-kept"
            rename(path, kept)
            defer { unlink(kept) }
            close(try SocketFile.bind(path, isPrivate: true, replacing: false))
            file?.remove()
            #expect(mode(path) == 0o600)
            SocketFile(path: path)?.remove()
            #expect(SocketFile(path: path) == nil)
        }
    }
}
