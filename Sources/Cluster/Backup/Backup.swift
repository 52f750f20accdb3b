import CSodium
import Ledger
import Raft
import Replica
import Wire

/// A backup: the state of a cluster after one entry of its log.
///
/// In bytes: a magic number, a head after its length, the state as a snapshot holds it, and BLAKE2b-256 of all before. The
/// checksum tells damage, not forgery. It holds the cluster's secrets.
public struct Backup: Sendable {
    /// What it is of.
    public struct Head: Hashable, Sendable {
        /// The cluster.
        public var cluster: ClusterID
        /// The node that made it.
        public var node: String
        /// The last entry that the state includes.
        public var index: LogIndex
        /// Replicated time when it was made, and the wall clock of that node.
        public var clock: ClockRecord
        /// The membership then.
        public var configuration: Configuration
    }

    /// What it is of.
    public var head: Head
    /// The state.
    public var ledger: Ledger
    /// Of the node that makes it.
    var turn: BackupDesk.Turn?

    private static let magic = Array("TOLLBK01".utf8)
    private static let headBytesMax = 65_536
    static let sumBytes = 32

    /// Writes it in pieces, in order. Takes long, and stops at the first error.
    public func write(_ piece: ([UInt8]) throws -> Void) throws {
        let sum = Checksum()
        var failure: (any Error)?
        func handOn(_ bytes: [UInt8]) {
            guard failure == nil else { return }
            sum.add(bytes[...])
            do { try piece(bytes) } catch { failure = error }
        }
        var writer = ByteWriter()
        writer.write(raw: Self.magic)
        writer.write(lengthPrefixed: head.encode())
        handOn(writer.take())
        SnapshotPayload.write(ledger, handOn)
        // Whoever has the end may ask for the next one.
        turn?.end()
        if failure == nil { handOn(sum.finish()) }
        if let failure { throw failure }
    }

    /// Reads it, and makes sure that it is what was written.
    /// - Parameter path: for what is said of it.
    public init(_ bytes: [UInt8], path: String) throws(BackupError) {
        guard bytes.starts(with: Self.magic) else {
            throw .damaged(path: path, reason: "this is no backup of Tollgate's")
        }
        let covered = bytes.count - Self.sumBytes
        guard covered > Self.magic.count else { throw .damaged(path: path, reason: "its end is missing") }
        let sum = Checksum()
        sum.add(bytes[..<covered])
        guard sum.finish() == Array(bytes[covered...]) else {
            throw .damaged(path: path, reason: "its content does not agree with its checksum, or its end is missing")
        }
        var reader = ByteReader(bytes[Self.magic.count..<covered])
        do {
            head = try Head(decoding: try reader.readLengthPrefixed(limit: Self.headBytesMax))
        } catch {
            throw .damaged(path: path, reason: "its head cannot be read")
        }
        do {
            let payload = try reader.readBytes(count: reader.remaining)
            ledger = try SnapshotPayload<Ledger>.decode(payload, at: head.index)
        } catch SnapshotPayloadFailure.unsupported(let why) {
            throw .laterRelease(path: path, reason: why)
        } catch {
            throw .damaged(path: path, reason: "its state cannot be read")
        }
    }

    init(head: Head, ledger: Ledger) {
        self.head = head
        self.ledger = ledger
    }

    /// BLAKE2b-256, of what comes piece by piece. Use from one thread at a time.
    final class Checksum {
        private let state = UnsafeMutableRawPointer.allocate(
            byteCount: crypto_generichash_statebytes(),
            alignment: 64
        )

        init() {
            crypto_generichash_init(OpaquePointer(state), nil, 0, Backup.sumBytes)
        }

        deinit { state.deallocate() }

        func add(_ bytes: ArraySlice<UInt8>) {
            bytes.withUnsafeBufferPointer { buffer in
                _ = crypto_generichash_update(OpaquePointer(state), buffer.baseAddress, UInt64(buffer.count))
            }
        }

        /// Of all that came. Nothing may be added afterwards.
        func finish() -> [UInt8] {
            var value = [UInt8](repeating: 0, count: Backup.sumBytes)
            crypto_generichash_final(OpaquePointer(state), &value, value.count)
            return value
        }
    }
}

/// A head that is none.
private struct Unreadable: Error {}

extension Backup.Head {
    fileprivate func encode() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(cluster)
        writer.write(text: node)
        writer.write(index.rawValue)
        writer.write(lengthPrefixed: clock.encode())
        writer.write(lengthPrefixed: configuration.encode())
        return writer.take()
    }

    fileprivate init(decoding bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        cluster = try reader.readClusterID()
        node = try reader.readText(limit: Configuration.nameBytesMax)
        index = LogIndex(try reader.readUInt64())
        guard index <= .max, let clock = ClockRecord(decoding: try reader.readLengthPrefixed(limit: 64)) else {
            throw Unreadable()
        }
        self.clock = clock
        configuration = try Configuration(decoding: try reader.readLengthPrefixed(limit: 65_536))
        try reader.finish()
    }
}
