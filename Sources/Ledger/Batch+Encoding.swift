import Wire

/// A batch's bytes, as they stand in the log: version of the format, time, number of commands; then for each command
/// session, sequence, floor and the command itself.
extension Batch {
    /// The version of the format that this release writes and reads.
    public static let formatVersion: UInt8 = 1

    private static let leastCommandBytes = 24 + Command.leastBytes

    /// The batch's bytes. One form only: equal batches have equal bytes.
    ///
    /// What exceeds ``LedgerBounds`` is written as it is, and refused by whoever reads it.
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
