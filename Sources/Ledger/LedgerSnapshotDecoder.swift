import Wire

/// Reads a ledger's snapshot as its bytes come, in pieces of any size, so that its owner can do other work between two
/// of them.
///
/// Every number is checked against the bounds and the rules that the ledger itself keeps, and the content against the
/// digest. A value: use from one thread at a time, any thread.
public struct LedgerSnapshotDecoder: Sendable {
    /// What is read next. Elements of which there are many are read one by one; ``left`` says how many are to come.
    private enum Place {
        case head
        case policy
        case table(BucketKind, limit: Int)
        case buckets(BucketKind, limit: Int)
        case overrides
        case records
        case slices
        case prefixes(table: Int)
        case prefixEntries(table: Int)
        case sessions
        case results
        case digest
        case end
    }

    private let checksDigest: Bool
    private var place = Place.head
    private var left = 0
    private var policiesLeft = 0
    private var sessionsLeft = 0
    /// As far as it has been read.
    private var ledger = Ledger.blank
    /// The policy that is being read.
    private var policy: PolicyState?
    private var limitIDs: Set<UInt32> = []
    /// The beginning of something whose end has not come. Shorter than the longest element, some 5 KiB.
    private var pending: [UInt8] = []
    /// Bytes that have not come.
    private var missing: Int

    /// A decoder of a snapshot of that length, of which nothing has come.
    public init(bytes: Int) { self.init(bytes: bytes, checkingDigest: true) }

    /// - Parameter checkingDigest: false lets tests see what the other checks let through, for whoever can write a
    ///   snapshot can write its digest too.
    init(bytes: Int, checkingDigest: Bool) {
        missing = max(bytes, 0)
        checksDigest = checkingDigest
    }

    /// Takes the next bytes. Takes time and memory in proportion to them.
    /// - Throws: what is wrong with them. Nothing more is to be asked then.
    public mutating func take(_ bytes: [UInt8]) throws(LedgerDecodingError) {
        guard bytes.count <= missing else { throw .malformed(.trailingBytes(count: bytes.count - missing)) }
        missing -= bytes.count
        let known = pending.isEmpty ? bytes : pending + bytes
        var source = FieldSource(known, following: missing)
        var remaining = known.count
        while !isAtEnd {
            do throws(LedgerDecodingError) {
                try decodeNext(&source)
                remaining = source.remaining
            } catch {
                // Cut short here, and not by the snapshot's end: it is read again when more of it is there.
                guard missing > 0, case .malformed(.truncated) = error else { throw error }
                pending = Array(known.suffix(remaining))
                return
            }
        }
        pending = []
        guard remaining + missing == 0 else { throw .malformed(.trailingBytes(count: remaining + missing)) }
    }

    /// The ledger, once all bytes have come. It goes on exactly as the one that was written.
    public func finish() throws(LedgerDecodingError) -> Ledger {
        guard isAtEnd else { throw .malformed(.truncated(needed: max(missing, 1), available: 0)) }
        return ledger
    }

    private var isAtEnd: Bool { if case .end = place { true } else { false } }

    /// Reads one thing, or some of one kind. Whatever it reads it reads before it changes anything.
    private mutating func decodeNext(_ source: inout FieldSource) throws(LedgerDecodingError) {
        switch place {
        case .head:
            let read = try Ledger(snapshotHead: &source)
            policiesLeft = try source.count(limit: LedgerBounds.policies, elementBytes: PolicyState.leastBytes)
            ledger = read
            place = .policy
        case .policy: try beginPolicy(&source)
        case .table(let kind, let limit): try beginTable(kind, limit, &source)
        case .buckets(let kind, let limit): try decodeBuckets(kind, limit, &source)
        case .overrides: try decodeOverride(&source)
        case .records:
            guard left > 0 else {
                if ledger.ledgerVersion < Ledger.lendingVersion { return try beginSessions(&source) }
                left = try source.count(limit: LedgerBounds.slicesHeld, elementBytes: SliceRecord.bytes)
                place = .slices
                return
            }
            try decodeRecord(&source)
        case .slices:
            guard left > 0 else {
                try ledger.standing.restorePrices(from: &source)
                place = .prefixes(table: 0)
                return
            }
            try decodeSlice(&source)
        case .prefixes(let table):
            guard table < ledger.prices.tables.count else { return try beginSessions(&source) }
            left = try source.count(limit: ledger.prices.tables[table].bound, elementBytes: QuotaEntry.bytes)
            ledger.prices.expect(left, table: table)
            place = .prefixEntries(table: table)
        case .prefixEntries(let table):
            guard left > 0 else {
                place = .prefixes(table: table + 1)
                return
            }
            let entry = try ledger.prices.tables[table].entry(from: &source, now: ledger.now)
            guard ledger.prices.restore(entry, table: table) else { throw .invalid(field: "prefix") }
            left -= 1
        case .sessions:
            guard sessionsLeft > 0 else {
                place = .digest
                return
            }
            left = try ledger.sessions.restore(from: &source, lastIndex: ledger.lastIndex)
            sessionsLeft -= 1
            place = .results
        case .results:
            guard left > 0 else {
                place = .sessions
                return
            }
            try ledger.sessions.restoreResult(from: &source)
            left -= 1
        case .digest:
            let digest = LedgerDigest(high: try source.u64(), low: try source.u64())
            guard !checksDigest || digest == ledger.digest else { throw .digestMismatch }
            place = .end
        case .end: break
        }
    }

    // MARK: - Policies

    private mutating func beginPolicy(_ source: inout FieldSource) throws(LedgerDecodingError) {
        guard policiesLeft > 0 else {
            left = try source.count(limit: Int(ledger.maxRecords), elementBytes: SpentRecord.leastBytes)
            try endPolicies()
            place = .records
            return
        }
        let next = try PolicyState(definition: &source)
        guard next.id.rawValue < ledger.nextPolicyID,
            ledger.policies.last.map({ $0.id.rawValue < next.id.rawValue }) ?? true
        else { throw .invalid(field: "policy id") }
        for limit in next.limits {
            guard limit.id.rawValue < ledger.nextLimitID, limitIDs.insert(limit.id.rawValue).inserted else {
                throw .invalid(field: "limit id")
            }
        }
        policy = next
        policiesLeft -= 1
        place = .table(.own, limit: 0)
    }

    private mutating func beginTable(
        _ kind: BucketKind,
        _ limit: Int,
        _ source: inout FieldSource
    ) throws(LedgerDecodingError) {
        guard let policy, limit < policy.limits.count else {
            left = try source.count(limit: LedgerBounds.overrides, elementBytes: OverrideEntry.leastBytes)
            place = .overrides
            return
        }
        let bound = LedgerBounds.slices * ShardedTable<QuotaEntry>.maxGroupEntries
        left = try source.count(limit: bound, elementBytes: QuotaEntry.bytes)
        if kind == .own {
            self.policy?.limits[limit].keys = ShardedTable(expecting: left)
        } else {
            self.policy?.limits[limit].fallbacks = ShardedTable(expecting: left)
        }
        place = .buckets(kind, limit: limit)
    }

    private mutating func decodeBuckets(
        _ kind: BucketKind,
        _ limit: Int,
        _ source: inout FieldSource
    ) throws(LedgerDecodingError) {
        guard left > 0 else {
            if kind == .own {
                place = .table(.fallback, limit: limit)
            } else {
                let shared = try source.u64()
                guard shared <= RateTerms.latest, let id = policy?.limits[limit].id else {
                    throw .invalid(field: "bucket")
                }
                policy?.limits[limit].shared = shared
                if shared > 0 {
                    ledger.tableDigest += LimitTable.digest(id, .shared, QuotaEntry.vacant.key, shared)
                }
                place = .table(.own, limit: limit + 1)
            }
            return
        }
        // As many as are there: their table is taken out for so long.
        guard var table = policy?.limits[limit] else { return }
        policy?.limits[limit].keys = ShardedTable()
        policy?.limits[limit].fallbacks = ShardedTable()
        defer { policy?.limits[limit] = table }
        repeat {
            let entry = try QuotaEntry(from: &source)
            let isNew = kind == .own ? table.keys.insertIfNew(entry) : table.fallbacks.insertIfNew(entry)
            guard isNew else { throw .invalid(field: "bucket") }
            ledger.tableDigest += LimitTable.digest(table.id, kind, entry.key, entry.tat)
            left -= 1
        } while left > 0 && source.remaining >= QuotaEntry.bytes
    }

    private mutating func decodeOverride(_ source: inout FieldSource) throws(LedgerDecodingError) {
        guard left > 0 else {
            if let policy { ledger.policies.append(policy) }
            policy = nil
            place = .policy
            return
        }
        let entry = try OverrideEntry(from: &source, ledgerVersion: ledger.ledgerVersion)
        guard entry.version <= ledger.overrideVersion,
            entry.denialEnd.map({ $0 > ledger.now.nanoseconds }) ?? true,
            policy?.overrides.insertIfNew(entry) == true, let digest = policy?.digest(of: entry)
        else { throw .invalid(field: "override") }
        ledger.tableDigest += digest
        ledger.overrideCount += 1
        ledger.earliestDenialEnd = min(ledger.earliestDenialEnd, entry.denialEnd ?? .max)
        left -= 1
    }

    /// All policies have been read.
    private mutating func endPolicies() throws(LedgerDecodingError) {
        guard ledger.overrideCount <= LedgerBounds.overrides else { throw .invalid(field: "overrides") }
        ledger.standing.policies = ledger.policies.map(\.facts)
        let definitions = ledger.standing.policies.map {
            PolicyDefinition(name: $0.name, maxKeys: $0.maxKeys, limits: $0.limits.map(\.definition))
        }
        guard Ledger.check(definitions) == nil else { throw .invalid(field: "policies") }
    }

    // MARK: - Records

    private mutating func decodeRecord(_ source: inout FieldSource) throws(LedgerDecodingError) {
        // The latest expiry of a challenge from as far ahead as is taken, with the longest lifetimes. It bounds the
        // buckets that a snapshot can ask for.
        let latest = ledger.now.adding(nanoseconds: LedgerBounds.futureNanoseconds)
            .adding(seconds: LedgerBounds.lifetimeSeconds).adding(seconds: LedgerBounds.lifetimeSeconds)
        let record = try SpentRecord(from: &source)
        let expiry = LedgerTime(nanoseconds: record.recordExpiry)
        guard expiry <= latest, record.granted == nil || ledger.ledgerVersion >= Ledger.lendingVersion,
            !RecordStore.isPast(RecordStore.bucket(of: expiry), now: ledger.now),
            ledger.records.insert(record)
        else { throw .invalid(field: "record") }
        left -= 1
    }

    private mutating func decodeSlice(_ source: inout FieldSource) throws(LedgerDecodingError) {
        let slice = try SliceRecord(from: &source)
        // The oldest group comes first, as it does where they are lent. Of those whose time is over some may be left.
        guard slice.lentAt <= ledger.now.nanoseconds,
            ledger.slices.newestGroup.map({ $0 <= slice.group }) ?? true, ledger.slices.insert(slice)
        else { throw .invalid(field: "slice") }
        left -= 1
    }

    private mutating func beginSessions(_ source: inout FieldSource) throws(LedgerDecodingError) {
        sessionsLeft = try source.count(limit: LedgerBounds.sessions, elementBytes: 44)
        place = .sessions
    }
}
