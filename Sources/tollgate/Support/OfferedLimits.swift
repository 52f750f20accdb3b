import NIOConcurrencyHelpers
import RaftStorage
import Settings

/// The limits that this node last offered to the cluster, on its disk: it offers those of its file when they have changed
/// since, or when it is not known what became of the offer. Any thread.
final class OfferedLimits: Sendable {
    private let path: String
    /// What the disk did not take.
    private let unwritten = NIOLockedValueBox<[UInt8]?>(nil)

    /// - Parameter directory: the data folder, which is there.
    init(directory: String) { path = directory + "/limits" }

    /// Whether anything was noted yet.
    var hasRecord: Bool { last != nil }

    private var last: [UInt8]? {
        if let text = unwritten.withLockedValue({ $0 }) { return text }
        return (try? DurableFile(path: path, files: PosixFileSystem()).read()) ?? nil
    }

    /// Where limits that the file has no more were still in force when the last was noted: the revision with which the
    /// file's were offered.
    var retiring: UInt64? {
        guard let line = last?.prefix(while: { $0 != UInt8(ascii: "\n") }), line.starts(with: Self.retiring) else {
            return nil
        }
        return UInt64(String(decoding: line.dropFirst(Self.retiring.count), as: UTF8.self))
    }

    /// Whether the limits of this configuration are others than those that were offered last, or it is open what became of
    /// those: they may come into force yet, whatever the file says now. A node that has never offered any has no news: it
    /// follows those in force.
    func isNews(_ configuration: Configuration) -> Bool {
        guard let last else { return false }
        if last.starts(with: Self.offering) { return true }
        let isMarked = last.starts(with: Self.retiring)
        let text = isMarked ? last.drop { $0 != UInt8(ascii: "\n") }.dropFirst() : last[...]
        return !text.elementsEqual(Self.text(configuration))
    }

    /// Notes that they are about to be offered.
    /// - Throws: `StorageError`. It is known until the process ends all the same.
    func begin(_ configuration: Configuration) throws(StorageError) {
        try write(Self.offering + Self.text(configuration))
    }

    /// Notes that they were offered, or are in force.
    /// - Parameter revision: limits that the file has no more are still in force, to be retired unless others are offered
    ///   after this revision; nil: there are none.
    /// - Throws: `StorageError`. It is known until the process ends all the same.
    func record(_ configuration: Configuration, retiring revision: UInt64?) throws(StorageError) {
        var text = Self.text(configuration)
        if let revision { text = Self.retiring + Array("\(revision)\n".utf8) + text }
        try write(text)
    }

    /// Notes what could not be noted, if the disk takes it now.
    func noteAgain() {
        unwritten.withLockedValue { held in
            guard let text = held, (try? store(text)) != nil else { return }
            held = nil
        }
    }

    /// One after the other, or an older text could come last.
    private func write(_ text: [UInt8]) throws(StorageError) {
        let failure = unwritten.withLockedValue { held -> StorageError? in
            do throws(StorageError) { try store(text) } catch {
                held = text
                return error
            }
            held = nil
            return nil
        }
        if let failure { throw failure }
    }

    private func store(_ text: [UInt8]) throws(StorageError) {
        try DurableFile(path: path, files: PosixFileSystem()).write(text)
    }

    private static let offering = Array("offering\n".utf8)
    private static let retiring = Array("retiring ".utf8)

    /// What the ledger is told of a configuration, a line a limit.
    private static func text(_ configuration: Configuration) -> [UInt8] {
        var text = ""
        for policy in configuration.policies {
            text += "policy \(policy.name) \(policy.maxKeys)\n"
            for (role, limits) in [("free", policy.free), ("ceiling", policy.ceiling)] {
                for limit in limits { text += "\(role) \(limit.identity) \(limit.interval) \(limit.burst)\n" }
            }
        }
        return Array(text.utf8)
    }
}
