import Paxos
import Raft
import Wire

/// Why bytes are not a founding message, value or record. An ordinary value: the bytes may come from anywhere.
public enum FoundingDecodingError: Error, Hashable, Sendable {
    /// A field is cut short, too long or misformed, or bytes are left over.
    case malformed(WireError)
    /// What the vote's part holds is wrong.
    case paxos(PaxosDecodingError)
    /// The format's version is not one of ours: another release wrote it.
    case unsupportedFormat(UInt8)
    /// No message, or no stage, has this tag.
    case unknownTag(UInt8)
    /// A field holds a value that it cannot have.
    case invalid(field: String)
}

/// Reads what founding writes.
struct FoundingReader {
    private var reader: ByteReader

    init(_ bytes: [UInt8]) { reader = ByteReader(bytes) }

    mutating func read<Value>(
        _ body: (inout ByteReader) throws(WireError) -> Value
    ) throws(FoundingDecodingError) -> Value {
        do { return try body(&reader) } catch { throw .malformed(error) }
    }

    mutating func byte() throws(FoundingDecodingError) -> UInt8 {
        try read { reader throws(WireError) in try reader.readUInt8() }
    }

    mutating func replica() throws(FoundingDecodingError) -> ReplicaID {
        try read { reader throws(WireError) in try reader.readReplicaID() }
    }

    mutating func version(_ expected: UInt8) throws(FoundingDecodingError) {
        let version = try byte()
        guard version == expected else { throw .unsupportedFormat(version) }
    }

    /// A name or an address.
    mutating func name() throws(FoundingDecodingError) -> String {
        let name = try read { reader throws(WireError) in try reader.readText(limit: Configuration.nameBytesMax) }
        guard !name.isEmpty else { throw .invalid(field: "name") }
        return name
    }

    mutating func instance() throws(FoundingDecodingError) -> FoundingInstance {
        try read { reader throws(WireError) in
            FoundingInstance(high: try reader.readUInt64(), low: try reader.readUInt64())
        }
    }

    mutating func seeds() throws(FoundingDecodingError) -> [FoundingSeed] {
        // Two lengths and a byte of text each.
        let count = try read { reader throws(WireError) in
            try reader.readCount(limit: Configuration.membersMax, elementBytes: 10)
        }
        var seeds: [FoundingSeed] = []
        for _ in 0..<count { seeds.append(FoundingSeed(name: try name(), address: try name())) }
        return seeds
    }

    /// Members in the order of their ids, none twice.
    mutating func members() throws(FoundingDecodingError) -> [Member] {
        let count = try read { reader throws(WireError) in
            try reader.readCount(limit: Configuration.membersMax, elementBytes: 26)
        }
        var members: [Member] = []
        for _ in 0..<count {
            let member = Member(id: try replica(), name: try name(), address: try name())
            guard members.last.map({ $0.id < member.id }) ?? true else { throw .invalid(field: "members") }
            members.append(member)
        }
        return members
    }

    func finish() throws(FoundingDecodingError) {
        do { try reader.finish() } catch { throw .malformed(error) }
    }
}

extension ByteWriter {
    mutating func write(members: [Member]) {
        write(UInt32(members.count))
        for member in members {
            write(member.id)
            write(text: member.name)
            write(text: member.address)
        }
    }

    mutating func write(_ instance: FoundingInstance) {
        write(instance.high)
        write(instance.low)
    }
}
