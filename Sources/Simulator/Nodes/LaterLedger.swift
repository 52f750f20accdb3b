import Ledger
import Raft
import Replica
import Wire

/// A later release's ledger: it knows one command more, which adds a number to a sum.
///
/// As long as nobody uses that command, its batches, snapshots and digests are those of this release, byte for byte, so that
/// nodes of both releases make one group. In a batch the command stands as a change of an override of a key that nobody
/// else uses, and its number beside: the override's version tells whether the command is applied for the first time.
struct LaterLedger: SimulatedMachine {
    enum Command: Sendable {
        case known(LedgerCommand)
        case tally(UInt64)
    }

    struct Batch: Sendable {
        var base: LedgerBatch
        /// Places of tallies, and their numbers.
        var tallies: [(place: UInt32, amount: UInt64)]
    }

    typealias Output = CommandResult

    /// No ledger batch begins with it.
    private static let format: UInt8 = 202
    private static let register = QuotaKey(high: 7, low: 7)

    private(set) var ledger: Ledger
    private(set) var tallied: UInt64 = 0
    /// The version of the override of the last tally.
    private var lastTally: UInt64 = 0

    init(genesis: Genesis) { ledger = Ledger(genesis: genesis) }

    // MARK: - Commands

    static let supportedVersion = Ledger.supportedVersion + 1

    static func requiredVersion(of command: Command) -> UInt32 {
        switch command {
        case .known(let command): Ledger.requiredVersion(of: command)
        case .tally: supportedVersion
        }
    }

    static func openSession(owner: ReplicaID) -> Command { .known(Ledger.openSession(owner: owner)) }
    static func raiseVersion(to version: UInt32) -> Command { .known(Ledger.raiseVersion(to: version)) }
    static func command(_ command: LedgerCommand) -> Command { .known(command) }
    static func tally(_ amount: UInt64) -> Command? { .tally(amount) }

    static func bytes(of command: Command) -> Int? {
        switch command {
        case .known(let command): Ledger.bytes(of: command)
        case .tally: 256
        }
    }

    private static func base(_ command: Command) -> LedgerCommand {
        switch command {
        case .known(let command): command
        case .tally:
            .override(
                OverrideChange(
                    policy: PolicyID(rawValue: 1),
                    key: register,
                    value: .free(interval: 1, burst: 1),
                    expectedVersion: nil
                )
            )
        }
    }

    // MARK: - Batches

    static func encode(_ commands: [Command], session: SessionID, sequence: UInt64, floor: UInt64) -> [UInt8] {
        let base = Ledger.encode(commands.map(base), session: session, sequence: sequence, floor: floor)
        var tallies = ByteWriter()
        var count: UInt32 = 0
        for (place, command) in commands.enumerated() {
            guard case .tally(let amount) = command else { continue }
            tallies.write(UInt32(place))
            tallies.write(amount)
            count += 1
        }
        guard count > 0 else { return base }
        var writer = ByteWriter(capacity: base.count + tallies.count + 8)
        writer.write(format)
        writer.write(count)
        writer.write(raw: tallies.bytes)
        writer.write(raw: base)
        return writer.take()
    }

    /// Where the bytes of this release's batch begin.
    private static func baseOffset(_ bytes: [UInt8]) -> Int {
        guard bytes.first == format, bytes.count >= 5 else { return 0 }
        let count = bytes[1...4].reduce(0) { $0 << 8 | Int($1) }
        return min(bytes.count, 5 + 12 * count)
    }

    static func time(of bytes: [UInt8]) -> LedgerTime? { Ledger.time(of: Array(bytes[baseOffset(bytes)...])) }

    static func stamp(_ bytes: inout [UInt8], with time: LedgerTime) {
        let offset = baseOffset(bytes)
        var base = Array(bytes[offset...])
        Ledger.stamp(&base, with: time)
        bytes.replaceSubrange(offset..., with: base)
    }

    static func decode(_ bytes: [UInt8], supportedVersion: UInt32) throws(StateMachineError) -> Batch {
        let offset = baseOffset(bytes)
        guard offset > 0 else {
            return Batch(base: try Ledger.decode(bytes, supportedVersion: supportedVersion), tallies: [])
        }
        guard supportedVersion >= Self.supportedVersion else {
            throw StateMachineError("a command of version \(Self.supportedVersion)")
        }
        var reader = ByteReader(bytes[5..<offset])
        var tallies: [(place: UInt32, amount: UInt64)] = []
        while reader.remaining > 0 {
            guard let place = try? reader.readUInt32(), let amount = try? reader.readUInt64() else {
                throw StateMachineError("a tally is cut short")
            }
            tallies.append((place, amount))
        }
        return Batch(
            base: try Ledger.decode(Array(bytes[offset...]), supportedVersion: supportedVersion),
            tallies: tallies
        )
    }

    static func count(of batch: Batch) -> Int { Ledger.count(of: batch.base) }
    static func ledgerBatch(_ batch: Batch) -> LedgerBatch { batch.base }
    static func origin(of place: Int, in batch: Batch) -> CommandOrigin { Ledger.origin(of: place, in: batch.base) }
    static func openedSession(_ output: CommandResult) -> SessionID? { Ledger.openedSession(output) }
    static func rejection(_ output: CommandResult) -> Rejection? { Ledger.rejection(output) }
    static func result(_ output: CommandResult) -> CommandResult { output }

    // MARK: - State

    mutating func apply(_ batch: Batch, index: LogIndex) -> [CommandResult] {
        let results = ledger.apply(batch.base, index: index)
        for tally in batch.tallies where Int(tally.place) < results.count {
            guard case .overridden(.set(let version)) = results[Int(tally.place)], version > lastTally else { continue }
            lastTally = version
            tallied &+= tally.amount
        }
        return results
    }

    var lastBatchIndex: LogIndex { ledger.lastBatchIndex }

    var time: LedgerTime { ledger.time }
    var version: UInt32 { ledger.version }
    var keyEpoch: UInt32 { ledger.keyEpoch }
    func session(of owner: ReplicaID) -> SessionID? { ledger.session(of: owner) }

    var digest: LedgerDigest {
        var digest = ledger.digest
        digest.high &+= lastTally &* 0x9E37_79B9_7F4A_7C15
        digest.low &+= tallied &* 0xBF58_476D_1CE4_E5B9
        return digest
    }

    // MARK: - Snapshots

    private static let snapshotFormat: [UInt8] = [0xFE, 202]

    func snapshotEncoder() -> LaterLedgerEncoder {
        guard lastTally > 0 else { return LaterLedgerEncoder(head: [], ledger: ledger.snapshotEncoder()) }
        var writer = ByteWriter()
        writer.write(raw: Self.snapshotFormat)
        writer.write(lastTally)
        writer.write(tallied)
        return LaterLedgerEncoder(head: writer.take(), ledger: ledger.snapshotEncoder())
    }

    static func snapshotDecoder(bytes: Int) -> LaterLedgerDecoder { LaterLedgerDecoder(bytes: bytes) }

    /// What a snapshot's beginning says, if there are tallies in it, and the ledger.
    fileprivate init(head: [UInt8], ledger: Ledger) throws(StateMachineError) {
        self.ledger = ledger
        guard !head.isEmpty else { return }
        var reader = ByteReader(head[Self.snapshotFormat.count...])
        guard let version = try? reader.readUInt64(), let sum = try? reader.readUInt64() else {
            throw StateMachineError("a snapshot with tallies is cut short")
        }
        lastTally = version
        tallied = sum
    }

    fileprivate static var headBytes: Int { snapshotFormat.count + 16 }

    fileprivate static func isHead(_ bytes: [UInt8]) -> Bool { bytes.starts(with: snapshotFormat) }
}

/// Writes a snapshot: where there are tallies their numbers, then the ledger's own snapshot.
struct LaterLedgerEncoder: StateEncoder {
    fileprivate var head: [UInt8]
    fileprivate var ledger: LedgerSnapshotEncoder

    mutating func next(bytes: Int) -> [UInt8]? {
        guard !head.isEmpty else { return ledger.next(bytes: bytes) }
        let first = Array(head.prefix(bytes))
        head.removeFirst(first.count)
        return first
    }
}

/// Reads a snapshot, with tallies or without.
struct LaterLedgerDecoder: StateDecoder {
    private let bytes: Int
    /// The beginning, until it is known whether it is of tallies.
    private var head: [UInt8] = []
    private var ledger: LedgerStateDecoder?

    fileprivate init(bytes: Int) { self.bytes = bytes }

    mutating func take(_ bytes: [UInt8]) throws(StateMachineError) {
        if ledger != nil {
            try ledger?.take(bytes)
            return
        }
        head += bytes
        guard head.count >= min(LaterLedger.headBytes, self.bytes) else { return }
        let headBytes = LaterLedger.isHead(head) ? min(LaterLedger.headBytes, head.count) : 0
        let rest = Array(head[headBytes...])
        head = Array(head[..<headBytes])
        ledger = LedgerStateDecoder(bytes: self.bytes - headBytes)
        try ledger?.take(rest)
    }

    func finish() throws(StateMachineError) -> LaterLedger {
        guard let ledger else { throw StateMachineError("a snapshot is cut short") }
        return try LaterLedger(head: head, ledger: try ledger.finish())
    }
}
