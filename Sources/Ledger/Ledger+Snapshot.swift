import Wire

// A snapshot: all of the state, and its digest, in a versioned format. Two replicas in the same state may write its
// entries in different orders; the digest, which comes last, is the same.
//
// Order: format version; header; key epochs; policies, each its definition, then for each limit its own buckets, its
// fallbacks' and the shared one, then its overrides; spent records; sessions with their results; the digest.

extension Ledger {
    /// The version of the format that this release writes and reads.
    public static let snapshotVersion: UInt8 = 1

    /// The whole snapshot in one piece.
    public func snapshot() -> [UInt8] {
        var all: [UInt8] = []
        writeSnapshot { all.append(contentsOf: $0) }
        return all
    }

    /// Writes a snapshot in pieces, in order, so that it need not be in memory as a whole.
    ///
    /// To go on applying meanwhile, call it on a copy, on any thread.
    /// - Parameters:
    ///   - pieceBytes: the size at which a piece is handed on, in bytes; one may be longer by a policy's definition or
    ///     by a session's results.
    ///   - piece: takes the next piece.
    public func writeSnapshot(pieceBytes: Int = 65_536, _ piece: ([UInt8]) -> Void) {
        var writer = ByteWriter(capacity: pieceBytes)
        func handOn(_ writer: inout ByteWriter, evenIfSmall: Bool = false) {
            if evenIfSmall || writer.count >= pieceBytes { piece(writer.take()) }
        }
        writer.u8(Self.snapshotVersion)
        writeHeader(into: &writer)
        writer.count(standing.epochs.count)
        for epoch in standing.epochs { epoch.write(into: &writer) }
        writer.count(policies.count)
        for policy in policies {
            policy.writeDefinition(into: &writer)
            for limit in policy.limits {
                for table in [limit.keys, limit.fallbacks] {
                    writer.count(table.count)
                    table.visit {
                        $0.write(into: &writer)
                        handOn(&writer)
                    }
                }
                writer.u64(limit.shared)
            }
            writer.count(policy.overrides.count)
            policy.overrides.visit {
                $0.write(into: &writer)
                handOn(&writer)
            }
        }
        writer.count(records.count)
        records.visit {
            $0.write(into: &writer)
            handOn(&writer)
        }
        sessions.write(into: &writer) { handOn(&$0) }
        writer.pair(digest.high, digest.low)
        handOn(&writer, evenIfSmall: true)
    }

    /// The ledger that a snapshot holds. It goes on exactly as the one that wrote it.
    ///
    /// Takes time and memory in proportion to the bytes given. Every number is checked against the bounds and the rules
    /// that the ledger itself keeps, and the content against the digest.
    /// - Throws: what is wrong with the bytes.
    public init(restoring bytes: [UInt8]) throws(LedgerDecodingError) {
        try self.init(restoring: bytes, checkingDigest: true)
    }

    /// - Parameter checkingDigest: false lets tests see what the other checks let through, for whoever can write a
    ///   snapshot can write its digest too.
    init(restoring bytes: [UInt8], checkingDigest: Bool) throws(LedgerDecodingError) {
        var source = FieldSource(bytes)
        let version = try source.u8()
        guard version == Self.snapshotVersion else { throw .unsupportedFormat(version) }
        try self.init(header: &source)
        try restoreEpochs(from: &source)
        try restorePolicies(from: &source)
        try restoreRecords(from: &source)
        sessions = try SessionTable(from: &source, lastIndex: lastIndex)
        let digest = LedgerDigest(high: try source.u64(), low: try source.u64())
        try source.finish()
        guard !checkingDigest || digest == self.digest else { throw .digestMismatch }
    }

    private init(header source: inout FieldSource) throws(LedgerDecodingError) {
        let clusterID = ClusterID(high: try source.u64(), low: try source.u64())
        let secret = try source.fixed(LedgerBounds.secretBytes)
        let maxRecords = try source.u32()
        guard (1...LedgerBounds.recordsMaximum).contains(maxRecords) else { throw .invalid(field: "maxRecords") }
        self.init(
            maxRecords: maxRecords,
            standing: LedgerFacts(
                revision: 0,
                policies: [],
                epochs: [],
                clusterID: clusterID,
                secret: secret,
                ledgerVersion: try source.u32(),
                time: .zero,
                generation: 0
            )
        )
        standing.revision = try source.counter("revision")
        standing.generation = try source.counter("generation")
        now = try source.time()
        lastIndex = try source.u64()
        swept = try source.u64()
        nextPolicyID = try source.u32()
        nextLimitID = try source.u32()
        overrideVersion = try source.counter("override version")
        guard swept <= now.nanoseconds >> LedgerBounds.sweepShift else { throw .invalid(field: "sweep") }
    }

    private mutating func restoreEpochs(from source: inout FieldSource) throws(LedgerDecodingError) {
        for _ in 0..<(try source.count(limit: LedgerBounds.epochs, elementBytes: KeyEpoch.bytes)) {
            let epoch = try KeyEpoch(from: &source)
            let last = standing.epochs.last
            guard epoch.number > 0, epoch.began <= now, last == nil || epoch.number - 1 == last?.number else {
                throw .invalid(field: "epoch")
            }
            standing.epochs.append(epoch)
        }
        guard !standing.epochs.isEmpty else { throw .invalid(field: "epochs") }
    }

    private mutating func restorePolicies(from source: inout FieldSource) throws(LedgerDecodingError) {
        var limitIDs: Set<UInt32> = []
        for _ in 0..<(try source.count(limit: LedgerBounds.policies, elementBytes: PolicyState.leastBytes)) {
            let policy = try PolicyState(from: &source, now: now, overrideVersion: overrideVersion)
            guard policy.id.rawValue < nextPolicyID, policies.last.map({ $0.id.rawValue < policy.id.rawValue }) ?? true
            else { throw .invalid(field: "policy id") }
            for limit in policy.limits {
                guard limit.id.rawValue < nextLimitID, limitIDs.insert(limit.id.rawValue).inserted else {
                    throw .invalid(field: "limit id")
                }
            }
            policies.append(policy)
            overrideCount += policy.overrides.count
            tableDigest += Self.tableDigest(of: policy)
            policy.overrides.visit { earliestDenialEnd = min(earliestDenialEnd, $0.denialEnd ?? .max) }
        }
        guard overrideCount <= LedgerBounds.overrides else { throw .invalid(field: "overrides") }
        standing.policies = policies.map(\.facts)
        let definitions = standing.policies.map {
            PolicyDefinition(name: $0.name, maxKeys: $0.maxKeys, limits: $0.limits.map(\.definition))
        }
        guard Self.check(definitions) == nil else { throw .invalid(field: "policies") }
    }

    private mutating func restoreRecords(from source: inout FieldSource) throws(LedgerDecodingError) {
        // The latest expiry of a challenge from as far ahead as is taken, with the longest lifetimes. It bounds the
        // buckets that a snapshot can ask for.
        let latest = now.adding(nanoseconds: LedgerBounds.futureNanoseconds)
            .adding(seconds: LedgerBounds.lifetimeSeconds).adding(seconds: LedgerBounds.lifetimeSeconds)
        for _ in 0..<(try source.count(limit: Int(maxRecords), elementBytes: SpentRecord.leastBytes)) {
            let record = try SpentRecord(from: &source)
            let expiry = LedgerTime(nanoseconds: record.recordExpiry)
            let challenge = ChallengeID(high: record.key.high, low: record.key.low)
            guard expiry <= latest, !RecordStore.isPast(RecordStore.bucket(of: expiry), now: now),
                records.find(challenge, recordExpiry: expiry) == nil, records.insert(record)
            else { throw .invalid(field: "record") }
        }
    }
}

extension PolicyState {
    /// - Parameter overrideVersion: the last version taken; no override can have a later one.
    fileprivate init(
        from source: inout FieldSource,
        now: LedgerTime,
        overrideVersion: UInt64
    ) throws(LedgerDecodingError) {
        let id = PolicyID(rawValue: try source.u32())
        let name = try source.text(limit: LedgerBounds.policyNameBytes)
        let maxKeys = try source.u32()
        var limits: ContiguousArray<LimitTable> = []
        for _ in 0..<(try source.count(limit: LedgerBounds.limits, elementBytes: 4 + LimitDefinition.leastBytes)) {
            let id = LimitID(rawValue: try source.u32())
            let definition = try LimitDefinition(from: &source)
            guard let terms = RateTerms(interval: definition.interval, burst: definition.burst) else {
                throw .invalid(field: "rate")
            }
            limits.append(LimitTable(id: id, definition: definition, terms: terms))
        }
        for index in limits.indices {
            limits[index].keys = try ShardedTable(from: &source)
            limits[index].fallbacks = try ShardedTable(from: &source)
            limits[index].shared = try source.u64()
            guard limits[index].shared <= RateTerms.latest else { throw .invalid(field: "bucket") }
        }
        self.init(id: id, name: name, maxKeys: maxKeys, limits: limits)
        for _ in 0..<(try source.count(limit: LedgerBounds.overrides, elementBytes: OverrideEntry.leastBytes)) {
            let entry = try OverrideEntry(from: &source)
            guard entry.version <= overrideVersion, entry.denialEnd.map({ $0 > now.nanoseconds }) ?? true,
                overrides.find(entry.key) == nil, overrides.hasRoom(for: entry.key, beside: 0)
            else { throw .invalid(field: "override") }
            overrides.insert(entry)
        }
    }
}

extension OverrideEntry {
    /// Bytes of the shortest: key, version, and a denial for good.
    fileprivate static let leastBytes = 26

    fileprivate func write(into sink: inout some FieldSink) {
        sink.key(key)
        sink.u64(version)
        value.write(into: &sink)
    }

    fileprivate init(from source: inout FieldSource) throws(LedgerDecodingError) {
        let key = try source.key()
        let version = try source.u64()
        let value = try OverrideValue(from: &source)
        if case .free(let interval, let burst) = value, RateTerms(interval: interval, burst: burst) == nil {
            throw .invalid(field: "override")
        }
        guard version > 0 else { throw .invalid(field: "override") }
        self.init(key: key, value: value, version: version)
    }
}

extension QuotaEntry {
    fileprivate func write(into sink: inout some FieldSink) {
        sink.key(key)
        sink.u64(tat)
    }
}

extension ShardedTable<QuotaEntry> {
    fileprivate init(from source: inout FieldSource) throws(LedgerDecodingError) {
        let bound = LedgerBounds.slices * Self.maxGroupEntries
        let entries = try source.count(limit: bound, elementBytes: MemoryLayout<QuotaEntry>.size)
        self.init(expecting: entries)
        for _ in 0..<entries {
            let entry = QuotaEntry(key: try source.key(), tat: try source.u64())
            guard !entry.isVacant, entry.tat <= RateTerms.latest, find(entry.key) == nil,
                hasRoom(for: entry.key, beside: 0)
            else { throw .invalid(field: "bucket") }
            insert(entry)
        }
    }
}
