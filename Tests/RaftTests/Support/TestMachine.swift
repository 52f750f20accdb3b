import Raft
import Wire

/// A state machine that remembers the commands it applied, in order. What it holds can be a snapshot.
struct TestMachine: Equatable {
    private(set) var commands: [[UInt8]] = []
    private(set) var appliedIndex = LogIndex.zero

    init() {}

    /// Applies one entry. Entries come one after the other, none twice.
    mutating func apply(_ entry: Entry) {
        precondition(entry.position.index.rawValue == appliedIndex.rawValue + 1, "applied out of order")
        appliedIndex = entry.position.index
        if case .command(let bytes) = entry.payload { commands.append(bytes) }
    }

    /// The state as bytes.
    func encode() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(appliedIndex.rawValue)
        for command in commands { writer.write(lengthPrefixed: command) }
        return writer.take()
    }

    /// The state that bytes hold.
    init(decoding bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        appliedIndex = LogIndex(try reader.readUInt64())
        while reader.remaining > 0 { commands.append(try reader.readLengthPrefixed(limit: 1 << 20)) }
    }
}
