import RaftStorage
import TestSupport
import Testing

/// A small file: the old content or the new one.
@Suite struct DurableFileTests {
    private static let path = "/promise"

    @Test func whatWasWrittenIsReadAndBeforeThatNothing() throws {
        let file = DurableFile(path: Self.path, files: MemoryFileSystem(seed: 1))
        #expect(try file.read() == nil)
        for content in [[], [1], [UInt8](repeating: 0, count: 5_000)] as [[UInt8]] {
            try file.write(content)
            #expect(try file.read() == content)
        }
    }

    @Test func aCrashAtEveryCallLeavesTheOldContentOrTheNewOne() throws {
        let seed = seed()
        let (old, new) = ([UInt8](repeating: 1, count: 700), [UInt8](repeating: 2, count: 2_000))
        for call in 0..<30 {
            for round in 0..<20 as Range<UInt64> {
                let files = MemoryFileSystem(seed: seed &+ round)
                let file = DurableFile(path: Self.path, files: files)
                try file.write(old)
                files.resetCalls()
                files.fault = .crash(call: call)
                let isWritten = (try? file.write(new)) != nil
                files.crash()
                let found = try file.read()
                #expect(isWritten ? found == new : found == old || found == new, "call \(call)")
                // What was read stays.
                files.crash()
                #expect(try file.read() == found)
            }
        }
    }

    @Test func aFullDiskLeavesTheOldContent() throws {
        for call in 0..<30 {
            let files = MemoryFileSystem(seed: 1)
            let file = DurableFile(path: Self.path, files: files)
            try file.write([1])
            files.resetCalls()
            files.fault = .fail(call: call, .full)
            do throws(StorageError) {
                try file.write([2])
                if files.hasFailed { Issue.record("call \(call) failed and nobody was told") }
            } catch {
                files.fault = nil
                #expect(files.openCount == 0)
                if case .full = error { #expect(try file.read() == [1]) }
                try file.write([2])
            }
            files.fault = nil
            #expect(try file.read() == [2])
        }
    }

    @Test func everyFlippedBitAndEveryOtherLengthIsRefused() throws {
        let files = MemoryFileSystem(seed: 1)
        let file = DurableFile(path: Self.path, files: files)
        try file.write((0..<100).map { UInt8($0) })
        let bytes = try #require(files[Self.path])
        for place in bytes.indices {
            for bit in 0..<8 as Range<UInt8> {
                var changed = bytes
                changed[place] ^= 1 << bit
                files[Self.path] = changed
                #expect(throws: StorageError.self) { _ = try file.read() }
            }
            files[Self.path] = Array(bytes[..<place])
            #expect(throws: StorageError.self) { _ = try file.read() }
        }
        files[Self.path] = bytes + [0]
        #expect(throws: StorageError.self) { _ = try file.read() }
    }
}
