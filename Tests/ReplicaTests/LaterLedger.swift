import Ledger
import Raft
import Wire

@testable import Replica

/// A ledger of a later release that only tests know: it has one more kind of command, of the next version.
///
/// A batch with such a command has another first byte, so that the release before cannot read it.
struct LaterLedger: StateMachine {
    enum Command: Hashable, Sendable {
        case known(Ledger.Command)
        /// Of the next version: makes an epoch of this secret.
        case mark(UInt8)
    }

    struct Batch: Sendable {
        var ledger: Ledger.Batch
        var version: UInt32
    }

    typealias Output = CommandResult

    var ledger: Ledger
    static let supportedVersion = Ledger.supportedVersion + 1
    private static let format: UInt8 = 202

    static func requiredVersion(of command: Command) -> UInt32 {
        switch command {
        case .known(let command): Ledger.requiredVersion(of: command)
        case .mark: supportedVersion
        }
    }

    private static func plain(_ command: Command) -> Ledger.Command {
        switch command {
        case .known(let command): command
        case .mark(let mark): .rotate(secret: Array(repeating: mark, count: 32))
        }
    }

    static func openSession(owner: ReplicaID) -> Command { .known(.openSession(owner: owner)) }
    static func raiseVersion(to version: UInt32) -> Command { .known(.raiseVersion(to: version)) }
    static func bytes(of command: Command) -> Int? { Ledger.bytes(of: plain(command)) }

    static func encode(_ commands: [Command], session: SessionID, sequence: UInt64, floor: UInt64) -> [UInt8] {
        var bytes = Ledger.encode(commands.map(plain), session: session, sequence: sequence, floor: floor)
        if commands.contains(where: { requiredVersion(of: $0) == supportedVersion }) { bytes[0] = format }
        return bytes
    }

    private static func known(_ bytes: [UInt8]) -> [UInt8] {
        var known = bytes
        if known.first == format { known[0] = Ledger.Batch.formatVersion }
        return known
    }

    static func time(of bytes: [UInt8]) -> LedgerTime? { Ledger.Batch.time(of: known(bytes)) }

    static func stamp(_ bytes: inout [UInt8], with time: LedgerTime) {
        let first = bytes[0]
        bytes = known(bytes)
        Ledger.Batch.stamp(&bytes, with: time)
        bytes[0] = first
    }

    static func decode(_ bytes: [UInt8], supportedVersion: UInt32) throws(StateMachineError) -> Batch {
        let version = bytes.first == format ? Self.supportedVersion : 1
        guard version <= supportedVersion else { throw StateMachineError("commands of version \(version)") }
        return Batch(ledger: try Ledger.decode(known(bytes), supportedVersion: supportedVersion), version: version)
    }

    static func count(of batch: Batch) -> Int { batch.ledger.commands.count }
    static func origin(of place: Int, in batch: Batch) -> CommandOrigin { Ledger.origin(of: place, in: batch.ledger) }
    static func openedSession(_ output: CommandResult) -> SessionID? { Ledger.openedSession(output) }
    static func rejection(_ output: CommandResult) -> Rejection? { Ledger.rejection(output) }

    init(ledger: Ledger) { self.ledger = ledger }

    func snapshotEncoder() -> LedgerSnapshotEncoder { ledger.snapshotEncoder() }

    struct SnapshotDecoder: StateDecoder {
        var ledger: LedgerStateDecoder

        mutating func take(_ bytes: [UInt8]) throws(StateMachineError) { try ledger.take(bytes) }

        func finish() throws(StateMachineError) -> LaterLedger { LaterLedger(ledger: try ledger.finish()) }
    }

    static func snapshotDecoder(bytes: Int) -> SnapshotDecoder { SnapshotDecoder(ledger: .init(bytes: bytes)) }

    mutating func apply(_ batch: Batch, index: LogIndex) -> [CommandResult] {
        ledger.apply(batch.ledger, index: index.rawValue)
    }

    var lastBatchIndex: LogIndex { ledger.lastBatchIndex }

    var time: LedgerTime { ledger.time }
    var version: UInt32 { ledger.ledgerVersion }
    var keyEpoch: UInt32 { ledger.keyEpoch }
    var digest: LedgerDigest { ledger.digest }
    func session(of owner: ReplicaID) -> SessionID? { ledger.session(of: owner) }
}
