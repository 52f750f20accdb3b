import Ledger
import Raft
import Wire

extension Ledger: StateMachine {
    public typealias Output = CommandResult

    public static func requiredVersion(of command: Command) -> UInt32 { command.leastVersion }

    public static func openSession(owner: ReplicaID) -> Command { .openSession(owner: owner) }

    public static func raiseVersion(to version: UInt32) -> Command { .raiseVersion(to: version) }

    public static func bytes(of command: Command) -> Int? {
        guard command.isWithinBounds else { return nil }
        switch command {
        case .charge(let charge): return 128 + charge.limits.count * 40
        case .setPolicies:
            let bytes = encode([command], session: SessionID(rawValue: 0), sequence: 0, floor: 0).count
            return bytes <= LedgerBounds.batchBytes ? bytes : nil
        // Sessions are the replica's own affair.
        case .openSession: return nil
        case .record(let report): return 128 + report.counts.count * 21
        case .report(let report): return 128 + report.counts.count * AdmittedCount.bytes
        case .setPrices(let change): return 128 + change.factors.count * 8
        case .spend, .rebind, .override, .rotate, .raiseVersion, .lend, .returnUnits, .reset: return 192
        }
    }

    public static func encode(
        _ commands: [Command],
        session: SessionID,
        sequence: UInt64,
        floor: UInt64
    ) -> [UInt8] {
        var batch = Batch(time: .zero, commands: [])
        batch.commands.reserveCapacity(commands.count)
        for (place, command) in commands.enumerated() {
            batch.commands.append(
                SequencedCommand(
                    session: session,
                    sequence: sequence &+ UInt64(place),
                    floor: floor,
                    command: command
                )
            )
        }
        return batch.encode()
    }

    public static func time(of bytes: [UInt8]) -> LedgerTime? { Batch.time(of: bytes) }

    public static func stamp(_ bytes: inout [UInt8], with time: LedgerTime) { Batch.stamp(&bytes, with: time) }

    public static func decode(_ bytes: [UInt8], supportedVersion: UInt32) throws(StateMachineError) -> Batch {
        let batch: Batch
        do { batch = try Batch(decoding: bytes) } catch { throw StateMachineError("\(error)") }
        for command in batch.commands where command.command.leastVersion > supportedVersion {
            throw StateMachineError("a command of version \(command.command.leastVersion)")
        }
        return batch
    }

    public static func count(of batch: Batch) -> Int { batch.commands.count }

    public static func origin(of place: Int, in batch: Batch) -> CommandOrigin {
        let command = batch.commands[place]
        if case .openSession(let owner) = command.command {
            return .opening(owner: owner, number: command.sequence)
        }
        return .session(command.session, sequence: command.sequence)
    }

    public static func openedSession(_ output: CommandResult) -> SessionID? {
        if case .sessionOpened(let session) = output { session } else { nil }
    }

    public static func rejection(_ output: CommandResult) -> Rejection? {
        if case .rejected(let rejection) = output { rejection } else { nil }
    }

    public func snapshotEncoder() -> LedgerSnapshotEncoder { LedgerSnapshotEncoder(self) }

    public static func snapshotDecoder(bytes: Int) -> LedgerStateDecoder { LedgerStateDecoder(bytes: bytes) }

    public mutating func apply(_ batch: Batch, index: LogIndex) -> [CommandResult] {
        apply(batch, index: index.rawValue)
    }

    public var lastBatchIndex: LogIndex { LogIndex(lastIndex) }

    public var version: UInt32 { ledgerVersion }
}

extension LedgerSnapshotEncoder: StateEncoder {}

/// The ledger's own decoder, with the errors of a state machine.
public struct LedgerStateDecoder: StateDecoder {
    private var decoder: LedgerSnapshotDecoder

    /// A decoder of a snapshot of that length.
    public init(bytes: Int) { decoder = LedgerSnapshotDecoder(bytes: bytes) }

    public mutating func take(_ bytes: [UInt8]) throws(StateMachineError) {
        do { try decoder.take(bytes) } catch { throw StateMachineError("\(error)") }
    }

    public func finish() throws(StateMachineError) -> Ledger {
        do { return try decoder.finish() } catch { throw StateMachineError("\(error)") }
    }
}
