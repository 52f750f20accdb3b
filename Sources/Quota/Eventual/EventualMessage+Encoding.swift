import Ledger
import Wire

/// Why bytes are not a message of a peer about eventual limits. Whoever wrote them is at fault.
public enum EventualMessageError: Error, Hashable, Sendable {
    /// A field is cut short, too long or misformed, or bytes are left over.
    case malformed(WireError)
    /// More bytes than a message may have.
    case tooLarge(bytes: Int)
    /// Written by a release that this one does not know.
    case unknownVersion(UInt8)
    /// A field holds a value that it cannot have.
    case invalid(field: String)
    /// It names another sender than the one it came from.
    case otherSender
}

extension EventualMessage {
    static let encodingVersion: UInt8 = 1
    /// Bytes of the longest message that is read: 64 KiB.
    static let encodedBytesMax = 65_536
    /// Origins that one message names at most.
    static let originsMax = 16
    /// Bytes of a message around its entries, at most.
    static let overheadBytes = 128 + originsMax * 24
    private static let entryBytes = 44

    /// Bytes of one entry.
    static func entryBytes(origins: Int) -> Int { entryBytes + 8 * origins }

    /// The message's bytes. One form only.
    func encode() -> [UInt8] {
        let entries = part.map { $0.entries.count * Self.entryBytes(origins: $0.origins.count) } ?? 0
        var writer = ByteWriter(capacity: Self.overheadBytes + entries)
        writer.write(Self.encodingVersion)
        writer.write(from)
        writer.write(boot)
        writer.write(to)
        writer.write(uptime)
        writer.write(token)
        writer.write(echo)
        writer.write(receipt.latest)
        writer.write(receipt.taken)
        writer.write(part != nil)
        guard let part else { return writer.take() }
        writer.write(part.sequence)
        writer.write(part.isState)
        writer.write(UInt32(part.origins.count))
        for origin in part.origins {
            writer.write(origin.replica)
            writer.write(origin.boot)
        }
        writer.write(UInt32(part.entries.count))
        for entry in part.entries {
            writer.write(entry.limit.rawValue)
            writer.write(entry.bucket.rawValue)
            writer.write(entry.fallback.rawValue)
            writer.write(UInt64(bitPattern: entry.ahead))
            writer.write(entry.own.count)
            writer.write(entry.own.units)
            for count in entry.heard { writer.write(count) }
        }
        return writer.take()
    }

    /// Reads a message. Takes memory in proportion to the bytes given.
    init(decoding bytes: [UInt8]) throws(EventualMessageError) {
        guard bytes.count <= Self.encodedBytesMax else { throw .tooLarge(bytes: bytes.count) }
        var reader = ByteReader(bytes)
        do {
            let version = try reader.readUInt8()
            guard version == Self.encodingVersion else { throw EventualMessageError.unknownVersion(version) }
            from = try reader.readReplicaID()
            boot = try reader.readUInt64()
            to = try reader.readUInt64()
            uptime = try reader.readUInt64()
            token = try reader.readUInt32()
            echo = try reader.readUInt32()
            receipt = Receipt(latest: try reader.readUInt64(), taken: try reader.readUInt64())
            part = try reader.readBool() ? try Self.readPart(&reader) : nil
            try reader.finish()
        } catch let error as WireError {
            throw .malformed(error)
        } catch let error as EventualMessageError {
            throw error
        } catch {
            throw .invalid(field: "message")
        }
        guard boot != 0 else { throw .invalid(field: "boot") }
    }

    private static func readPart(_ reader: inout ByteReader) throws -> Part {
        let sequence = try reader.readUInt64()
        guard sequence > 0 else { throw EventualMessageError.invalid(field: "sequence") }
        let isState = try reader.readBool()
        var origins: [Origin] = []
        for _ in 0..<(try reader.readCount(limit: originsMax, elementBytes: 24)) {
            origins.append(Origin(replica: try reader.readReplicaID(), boot: try reader.readUInt64()))
        }
        let bytes = entryBytes(origins: origins.count)
        let count = try reader.readCount(limit: encodedBytesMax / bytes, elementBytes: bytes)
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count { entries.append(try readEntry(&reader, origins: origins.count)) }
        return Part(sequence: sequence, isState: isState, origins: origins, entries: entries)
    }

    private static func readEntry(_ reader: inout ByteReader, origins: Int) throws -> Entry {
        let limit = LimitID(rawValue: try reader.readUInt32())
        let bucket = EventualBucketID(rawValue: try reader.readUInt64())
        let fallback = EventualBucketID(rawValue: try reader.readUInt64())
        let ahead = Int64(bitPattern: try reader.readUInt64())
        let own = Component(count: try reader.readUInt64(), units: try reader.readUInt64())
        guard bucket.isValid else { throw EventualMessageError.invalid(field: "bucket") }
        guard fallback.isValid, fallback.kind != .own else { throw EventualMessageError.invalid(field: "fallback") }
        guard own.units <= own.count else { throw EventualMessageError.invalid(field: "units") }
        var heard: [UInt64] = []
        for _ in 0..<origins { heard.append(try reader.readUInt64()) }
        return Entry(limit: limit, bucket: bucket, fallback: fallback, ahead: ahead, own: own, heard: heard)
    }
}
