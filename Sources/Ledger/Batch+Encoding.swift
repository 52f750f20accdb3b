import Wire

/// A batch's bytes, as they stand in the log: version of the format, time, number of commands; then for each command
/// session, sequence, floor and the command itself.
extension Batch {
    /// The version of the format that this release writes and reads.
    public static let formatVersion: UInt8 = 1

    private static let leastCommandBytes = 24 + Command.leastBytes

    /// The batch's bytes. One form only: equal batches have equal bytes.
    ///
    /// What exceeds ``LedgerBounds`` is written as it is, and refused by whoever reads it: who proposes a batch asks
    /// ``isWithinBounds`` first, for a committed entry that nobody can read stops every replica.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 16 + commands.count * 96)
        writer.u8(Self.formatVersion)
        writer.time(time)
        writer.count(commands.count)
        for command in commands {
            writer.u64(command.session.rawValue)
            writer.u64(command.sequence)
            writer.u64(command.floor)
            command.command.write(into: &writer)
        }
        return writer.take()
    }

    /// Whether the batch's bytes can be read again: every text, list and secret has at most its bound, and all of it at
    /// most ``LedgerBounds/batchBytes``.
    public var isWithinBounds: Bool {
        guard commands.count <= LedgerBounds.batchCommands, commands.allSatisfy(\.command.isWithinBounds) else {
            return false
        }
        // Few commands are longer than this.
        guard commands.count > LedgerBounds.batchBytes / 1_024 || commands.contains(where: \.command.isLong) else {
            return true
        }
        return encode().count <= LedgerBounds.batchBytes
    }

    /// Reads a batch.
    ///
    /// Takes time and memory in proportion to the bytes given, and nothing for bytes above
    /// ``LedgerBounds/batchBytes``.
    /// - Throws: what is wrong with the bytes. A replica that reads a committed entry and cannot decode it must stop:
    ///   another release wrote it.
    public init(decoding bytes: [UInt8]) throws(LedgerDecodingError) {
        guard bytes.count <= LedgerBounds.batchBytes else { throw .tooLarge(bytes: bytes.count) }
        var source = FieldSource(bytes)
        let version = try source.u8()
        guard version == Self.formatVersion else { throw .unsupportedFormat(version) }
        time = try source.time()
        let count = try source.count(limit: LedgerBounds.batchCommands, elementBytes: Self.leastCommandBytes)
        commands = []
        commands.reserveCapacity(count)
        for _ in 0..<count {
            commands.append(
                SequencedCommand(
                    session: SessionID(rawValue: try source.u64()),
                    sequence: try source.u64(),
                    floor: try source.u64(),
                    command: try Command(from: &source)
                )
            )
        }
        try source.finish()
    }
}

extension Command {
    /// Whether the command's bytes can be read again.
    public var isWithinBounds: Bool {
        switch self {
        case .charge(let charge): charge.limits.count <= LedgerBounds.limits
        case .rotate(let secret): secret.count <= LedgerBounds.secretBytes
        case .setPolicies(_, let policies):
            policies.count <= LedgerBounds.policies
                && policies.allSatisfy {
                    $0.name.utf8.count <= LedgerBounds.policyNameBytes && $0.limits.count <= LedgerBounds.limits
                        && $0.limits.allSatisfy { $0.key.utf8.count <= LedgerBounds.keyExpressionBytes }
                }
        case .spend(let spend): spend.pricing?.keys.isWithinBounds ?? true
        case .record(let report): report.counts.count <= LedgerBounds.issueCounts
        case .setPrices(let change): change.factors.count <= LedgerBounds.policies
        case .report(let report): report.counts.count <= LedgerBounds.reportCounts
        case .openSession, .rebind, .override, .raiseVersion, .lend, .returnUnits, .reset: true
        }
    }

    /// Whether it can take more than 1 KiB; a charge of 16 limits takes about 700 bytes.
    fileprivate var isLong: Bool { tag == .setPolicies || tag == .record || tag == .setPrices || tag == .report }
}
