import Wire

/// Writes a ledger's snapshot in slices, so that its owner can do other work between two of them.
///
/// It holds a copy of the ledger, which costs nothing until the original is written to; that one goes on meanwhile. What
/// a slice holds depends on the copy alone. A value: use from one thread at a time, any thread.
public struct LedgerSnapshotEncoder: Sendable {
    /// What is encoded next. None takes more than one array of a table, or one piece of a session's results: 64 KiB or
    /// little more.
    private enum Place: Hashable {
        case head
        case policy(Int)
        case limit(Int, policy: Int)
        case keys(shard: Int, limit: Int, policy: Int)
        case fallbacks(shard: Int, limit: Int, policy: Int)
        case overrides(shard: Int, policy: Int)
        case records
        case slices(array: Int)
        case prefixes(table: Int)
        case prefixEntries(shard: Int, table: Int)
        case session(Int)
        case results(piece: Int, session: Int)
        case digest
        case end
    }

    private let ledger: Ledger
    private var place = Place.head
    private var cursor = RecordStore.Cursor()
    /// Encoded, and handed on up to ``taken``.
    private var writer = ByteWriter()
    private var taken = 0

    /// An encoder of this state, of which nothing is encoded yet. Takes constant time.
    public init(_ ledger: Ledger) { self.ledger = ledger }

    /// The next slice: so many bytes, fewer only at the end; nil after that.
    ///
    /// Takes time in proportion to the bytes and some 64 KiB more.
    /// - Precondition: at least one byte is asked for.
    public mutating func next(bytes: Int) -> [UInt8]? {
        precondition(bytes > 0, "a slice has bytes")
        if writer.count - taken < bytes, place != .end {
            var fuller = ByteWriter(capacity: bytes + 1 << 17)
            fuller.write(raw: writer.bytes[taken...])
            writer = fuller
            taken = 0
            while writer.count < bytes, place != .end { encodeNext() }
        }
        let end = min(taken + bytes, writer.count)
        guard end > taken else { return nil }
        defer { taken = end }
        return Array(writer.bytes[taken..<end])
    }

    private mutating func encodeNext() {
        switch place {
        case .head:
            writer.u8(Ledger.snapshotVersion(ofLedger: ledger.ledgerVersion))
            ledger.writeHeader(into: &writer)
            writer.count(ledger.standing.epochs.count)
            for epoch in ledger.standing.epochs { epoch.write(into: &writer) }
            writer.count(ledger.policies.count)
            place = .policy(0)
        case .policy, .limit, .keys, .fallbacks, .overrides: encodePolicies()
        case .records:
            if ledger.records.visitNext(&cursor, { $0.write(into: &writer) }) { return }
            if ledger.ledgerVersion < Ledger.lendingVersion {
                beginSessions()
            } else {
                writer.count(ledger.slices.count)
                place = .slices(array: 0)
            }
        case .slices(let array):
            guard array < ledger.slices.arrayCount else {
                ledger.standing.writePrices(into: &writer)
                place = .prefixes(table: 0)
                return
            }
            ledger.slices.visit(array: array) { $0.write(into: &writer) }
            place = .slices(array: array + 1)
        case .prefixes(let table):
            guard table < ledger.prices.tables.count else {
                beginSessions()
                return
            }
            writer.count(ledger.prices.tables[table].entries.count)
            place = .prefixEntries(shard: 0, table: table)
        case .prefixEntries(let shard, let table):
            place =
                write(shard: shard, of: ledger.prices.tables[table].entries)
                ? .prefixEntries(shard: shard + 1, table: table) : .prefixes(table: table + 1)
        case .session(let session):
            guard session < ledger.sessions.count else {
                place = .digest
                return
            }
            ledger.sessions.write(session, into: &writer)
            place = .results(piece: 0, session: session)
        case .results(let piece, let session):
            guard piece < SessionTable.pieces else {
                place = .session(session + 1)
                return
            }
            ledger.sessions.write(piece: piece, of: session, into: &writer)
            place = .results(piece: piece + 1, session: session)
        case .digest:
            writer.pair(ledger.digest.high, ledger.digest.low)
            place = .end
        case .end: break
        }
    }

    private mutating func beginSessions() {
        writer.count(ledger.sessions.count)
        place = .session(0)
    }

    private mutating func encodePolicies() {
        switch place {
        case .policy(let policy):
            guard policy < ledger.policies.count else {
                writer.count(ledger.records.count)
                place = .records
                return
            }
            ledger.policies[policy].writeDefinition(into: &writer)
            place = .limit(0, policy: policy)
        case .limit(let limit, let policy):
            guard limit < ledger.policies[policy].limits.count else {
                writer.count(ledger.policies[policy].overrides.count)
                place = .overrides(shard: 0, policy: policy)
                return
            }
            writer.count(ledger.policies[policy].limits[limit].keys.count)
            place = .keys(shard: 0, limit: limit, policy: policy)
        case .keys(let shard, let limit, let policy):
            if write(shard: shard, of: ledger.policies[policy].limits[limit].keys) {
                place = .keys(shard: shard + 1, limit: limit, policy: policy)
            } else {
                writer.count(ledger.policies[policy].limits[limit].fallbacks.count)
                place = .fallbacks(shard: 0, limit: limit, policy: policy)
            }
        case .fallbacks(let shard, let limit, let policy):
            if write(shard: shard, of: ledger.policies[policy].limits[limit].fallbacks) {
                place = .fallbacks(shard: shard + 1, limit: limit, policy: policy)
            } else {
                writer.u64(ledger.policies[policy].limits[limit].shared)
                place = .limit(limit + 1, policy: policy)
            }
        case .overrides(let shard, let policy):
            if shard < ledger.policies[policy].overrides.shardCount {
                let version = ledger.ledgerVersion
                ledger.policies[policy].overrides.visit(shard: shard) {
                    $0.write(into: &writer, ledgerVersion: version)
                }
                place = .overrides(shard: shard + 1, policy: policy)
            } else {
                place = .policy(policy + 1)
            }
        case .head, .records, .slices, .prefixes, .prefixEntries, .session, .results, .digest, .end: break
        }
    }

    /// Returns false where the table has no such array.
    private mutating func write(shard: Int, of table: ShardedTable<QuotaEntry>) -> Bool {
        guard shard < table.shardCount else { return false }
        table.visit(shard: shard) { $0.write(into: &writer) }
        return true
    }
}
