import Raft
import Wire

/// What a snapshot file holds: a head of the replica's, then the state machine's snapshot.
///
/// The head says which version of commands the state may have seen, so that a release that does not know them says so
/// instead of "damaged".
public enum SnapshotPayload {
    private static let formatVersion: UInt8 = 1
    private static let headBytes = 5

    /// Why a payload is of no use.
    public enum Failure: Error, Hashable, Sendable {
        /// It is not what was written.
        case invalid(String)
        /// Another release wrote it.
        case unsupported(String)
    }

    static func head<Machine: StateMachine>(of machine: Machine) -> [UInt8] {
        var writer = ByteWriter(capacity: headBytes)
        writer.write(formatVersion)
        writer.write(machine.version)
        return writer.take()
    }

    /// Writes head and state in pieces.
    public static func write<Machine: StateMachine>(_ machine: Machine, _ piece: ([UInt8]) -> Void) {
        piece(head(of: machine))
        machine.writeSnapshot(piece)
    }

    /// All of it at once: of a new cluster's state, which is small.
    static func encode<Machine: StateMachine>(_ machine: Machine) -> [UInt8] {
        var bytes: [UInt8] = []
        write(machine) { bytes += $0 }
        return bytes
    }

    /// Reads the state.
    /// - Parameter index: the entry that it is said to be the state after.
    public static func decode<Machine: StateMachine>(
        _ bytes: [UInt8],
        at index: LogIndex,
        as: Machine.Type
    ) throws(Failure) -> Machine {
        var reader = ByteReader(bytes)
        guard let format = try? reader.readUInt8(), let version = try? reader.readUInt32() else {
            throw .invalid("it has no head")
        }
        guard format == formatVersion else { throw .unsupported("its format is \(format)") }
        guard version <= Machine.supportedVersion else { throw .unsupported("it has commands of version \(version)") }
        let machine: Machine
        do {
            machine = try Machine(snapshot: Array(bytes[headBytes...]))
        } catch {
            throw .invalid(error.explanation)
        }
        guard machine.lastBatchIndex <= index else { throw .invalid("it holds entries after its position") }
        return machine
    }
}
