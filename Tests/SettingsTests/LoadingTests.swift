import Foundation
import Testing

@testable import Settings

/// Loading from real files.
@Suite struct LoadingTests {
    /// A folder of the test's own, removed after it.
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "tollgate-settings-\(UUID().uuidString)"
        ).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func write(_ bytes: some Sequence<UInt8>, _ path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// What is said about the file at `path`.
    private func problem(_ path: String) -> String {
        do {
            _ = try Configuration.load(path: path)
            return ""
        } catch {
            return error.description
        }
    }

    @Test func `A file is loaded with the files beside it`() throws {
        try withFolder { folder in
            let text =
                "upstream: \"http://127.0.0.1:3000\"\nroutes:\n  - { match: { clients: { file: lists/bad.txt } }, deny: true }\n  - { policy: default }\n"
            try FileManager.default.createDirectory(atPath: folder + "/lists", withIntermediateDirectories: true)
            try write(text.utf8, folder + "/t.yaml")
            try write("192.0.2.0/24\n".utf8, folder + "/lists/bad.txt")
            let loaded = try Configuration.load(path: folder + "/t.yaml")
            #expect(loaded.configuration.routes[0].match.clients?.prefixes.map(\.description) == ["192.0.2.0/24"])
            #expect(loaded.files == [folder + "/t.yaml", folder + "/lists/bad.txt"])
            #expect(!loaded.configuration.node.name.isEmpty)
        }
    }

    @Test func `What cannot be read is said to be`() throws {
        try withFolder { folder in
            #expect(
                problem(folder + "/none.yaml")
                    == "\(folder)/none.yaml: the configuration file does not exist; create it, or name another file"
            )
            #expect(problem(folder).contains("is not a regular file"))
            #expect(mkfifo(folder + "/fifo", 0o600) == 0)
            #expect(problem(folder + "/fifo").contains("is not a regular file"))
            try write([UInt8](repeating: 0x0A, count: 1_048_577), folder + "/large.yaml")
            #expect(problem(folder + "/large.yaml").contains("is larger than 1048576 bytes"))
            #expect(problem("/dev/zero").contains("is not a regular file"))
            let loop = folder + "/loop.yaml"
            try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: loop)
            #expect(problem(loop).contains("is a link that leads back to itself; name the file itself"))
            #expect(problem(folder + "/large.yaml/x.yaml").contains("lies in what is no folder"))
        }
    }

    @Test func `Bytes that are not UTF-8 are found by line`() throws {
        try withFolder { folder in
            try write(Array("upstream: \"http://127.0.0.1:3000\"\n# ".utf8) + [0xC3, 0x28, 0x0A], folder + "/t.yaml")
            #expect(
                problem(folder + "/t.yaml") == "\(folder)/t.yaml:2: the file is not UTF-8 text here; save it as UTF-8"
            )
        }
    }

    @Test func `A file that says it is empty but is not is read`() throws {
        // Files of /proc have size 0: what is read counts, not what was announced.
        let bytes = try LoadingEnvironment.machine.readFile("/proc/self/status", 65_536)
        #expect(String(decoding: bytes, as: UTF8.self).contains("Pid:"))
        #expect(throws: LoadingEnvironment.FileFault.self) {
            try LoadingEnvironment.machine.readFile("/proc/self/status", 16)
        }
    }

    @Test(arguments: [1, 2, 65_536, 65_537, 200_000])
    func `A file of exactly the bound is read, of one byte more refused`(count: Int) throws {
        try withFolder { folder in
            try write((0..<count).map { UInt8(truncatingIfNeeded: $0) }, folder + "/f")
            #expect(try LoadingEnvironment.machine.readFile(folder + "/f", count).count == count)
            #expect(throws: LoadingEnvironment.FileFault.self) {
                try LoadingEnvironment.machine.readFile(folder + "/f", count - 1)
            }
        }
    }
}
