import Raft
import Wire

/// What a snapshot file holds: a head of the replica's, then the state machine's snapshot.
///
/// The head says which version of commands the state may have seen, so that a release that does not know them says so
/// instead of "damaged".
public enum SnapshotPayload<Machine: StateMachine> {
    fileprivate static var formatVersion: UInt8 { 1 }
    fileprivate static var headBytes: Int { 5 }

    /// Writes head and state in pieces.
    public static func write(_ machine: Machine, _ piece: ([UInt8]) -> Void) {
        var encoder = SnapshotPayloadEncoder(machine)
        while let slice = encoder.next(bytes: 1 << 16) { piece(slice) }
    }

    /// All of it at once: of a new cluster's state, which is small.
    static func encode(_ machine: Machine) -> [UInt8] {
        var bytes: [UInt8] = []
        write(machine) { bytes += $0 }
        return bytes
    }

    /// Reads the state, all of which is there.
    /// - Parameter index: the entry that it is said to be the state after.
    public static func decode(_ bytes: [UInt8], at index: LogIndex) throws(SnapshotPayloadFailure) -> Machine {
        var decoder = SnapshotPayloadDecoder<Machine>(bytes: UInt64(bytes.count), index: index)
        try decoder.take(bytes)
        return try decoder.finish()
    }
}

/// Why a payload is of no use.
public enum SnapshotPayloadFailure: Error, Hashable, Sendable {
    /// It is not what was written.
    case invalid(String)
    /// Another release wrote it.
    case unsupported(String)
}

/// Writes a payload in slices, from a copy of the state.
struct SnapshotPayloadEncoder<Machine: StateMachine>: Sendable {
    private var head: [UInt8]
    private var state: Machine.SnapshotEncoder

    init(_ machine: Machine) {
        var writer = ByteWriter(capacity: SnapshotPayload<Machine>.headBytes)
        writer.write(SnapshotPayload<Machine>.formatVersion)
        writer.write(machine.version)
        head = writer.take()
        state = machine.snapshotEncoder()
    }

    /// The next slice, as of ``StateEncoder/next(bytes:)``; the first is longer by the head.
    mutating func next(bytes: Int) -> [UInt8]? {
        guard head.isEmpty else {
            let first = head + (state.next(bytes: bytes) ?? [])
            head = []
            return first
        }
        return state.next(bytes: bytes)
    }
}

/// Reads a payload as it comes.
struct SnapshotPayloadDecoder<Machine: StateMachine>: Sendable {
    /// The head, as far as it has come.
    private var head: [UInt8] = []
    private var state: Machine.SnapshotDecoder
    private let index: LogIndex

    /// - Parameters:
    ///   - bytes: the length of all of it.
    ///   - index: the entry that it is said to be the state after.
    init(bytes: UInt64, index: LogIndex) {
        let headBytes = SnapshotPayload<Machine>.headBytes
        state = Machine.snapshotDecoder(bytes: max(0, Int(clamping: bytes) - headBytes))
        self.index = index
    }

    /// Takes the next bytes. Nothing more is to be asked after an error.
    mutating func take(_ bytes: [UInt8]) throws(SnapshotPayloadFailure) {
        let missing = SnapshotPayload<Machine>.headBytes - head.count
        guard missing > 0 else { return try takeState(bytes) }
        head += bytes.prefix(missing)
        guard bytes.count >= missing else { return }
        var reader = ByteReader(head)
        guard let format = try? reader.readUInt8(), let version = try? reader.readUInt32() else { return }
        guard format == SnapshotPayload<Machine>.formatVersion else { throw .unsupported("its format is \(format)") }
        guard version <= Machine.supportedVersion else { throw .unsupported("it has commands of version \(version)") }
        try takeState(Array(bytes[missing...]))
    }

    /// The state, once all has come.
    func finish() throws(SnapshotPayloadFailure) -> Machine {
        guard head.count == SnapshotPayload<Machine>.headBytes else { throw .invalid("it has no head") }
        let machine: Machine
        do { machine = try state.finish() } catch { throw .invalid(error.explanation) }
        guard machine.lastBatchIndex <= index else { throw .invalid("it holds entries after its position") }
        return machine
    }

    private mutating func takeState(_ bytes: [UInt8]) throws(SnapshotPayloadFailure) {
        do { try state.take(bytes) } catch { throw .invalid(error.explanation) }
    }
}
