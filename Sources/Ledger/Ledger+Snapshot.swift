import Wire

// A snapshot: all of the state, and its digest, in a versioned format. Two replicas in the same state may write its
// entries in different orders; the digest, which comes last, is the same.
//
// Order: format version; header; key epochs; policies, each its definition, then for each limit its own buckets, its
// fallbacks' and the shared one, then its overrides, from format 2 on with their labels; spent records; from format 2 on
// slices, the cluster's factors and the tables of prefixes; sessions with their results; the digest. The format is 2 from the
// version of the ledger on that lends slices.
//
// Both ways go in pieces, so that nobody waits for the whole: see LedgerSnapshotEncoder and LedgerSnapshotDecoder.

extension Ledger {
    /// The latest version of the format that this release writes and reads.
    public static let snapshotVersion: UInt8 = 2

    /// The format's version where the ledger has this one: one that every member reads.
    static func snapshotVersion(ofLedger version: UInt32) -> UInt8 { version < lendingVersion ? 1 : snapshotVersion }

    /// The whole snapshot in one piece.
    public func snapshot() -> [UInt8] {
        var encoder = LedgerSnapshotEncoder(self)
        var all: [UInt8] = []
        while let slice = encoder.next(bytes: 1 << 16) { all.append(contentsOf: slice) }
        return all
    }

    /// The ledger that a snapshot holds, all of which is there. It goes on exactly as the one that wrote it.
    ///
    /// Takes time and memory in proportion to the bytes given.
    /// - Throws: what is wrong with the bytes.
    public init(restoring bytes: [UInt8]) throws(LedgerDecodingError) {
        try self.init(restoring: bytes, checkingDigest: true)
    }

    /// - Parameter checkingDigest: as of ``LedgerSnapshotDecoder``.
    init(restoring bytes: [UInt8], checkingDigest: Bool) throws(LedgerDecodingError) {
        var decoder = LedgerSnapshotDecoder(bytes: bytes.count, checkingDigest: checkingDigest)
        try decoder.take(bytes)
        self = try decoder.finish()
    }

    /// Nothing, to be replaced by what is read.
    static var blank: Ledger {
        Ledger(
            maxRecords: 1,
            standing: LedgerFacts(
                revision: 0,
                policies: [],
                epochs: [],
                clusterID: ClusterID(high: 0, low: 0),
                secret: [],
                ledgerVersion: 0,
                time: .zero,
                generation: 0
            )
        )
    }

    /// The ledger of a snapshot's beginning: version, header, key epochs. Nothing is in its tables.
    init(snapshotHead source: inout FieldSource) throws(LedgerDecodingError) {
        let version = try source.u8()
        guard (1...Self.snapshotVersion).contains(version) else { throw .unsupportedFormat(version) }
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
        guard version == Self.snapshotVersion(ofLedger: standing.ledgerVersion) else {
            throw .invalid(field: "ledger version")
        }
        standing.revision = try source.counter("revision")
        standing.generation = try source.counter("generation")
        now = try source.time()
        lastIndex = try source.u64()
        swept = try source.u64()
        nextPolicyID = try source.u32()
        nextLimitID = try source.u32()
        overrideVersion = try source.counter("override version")
        guard swept <= now.nanoseconds >> LedgerBounds.sweepShift else { throw .invalid(field: "sweep") }
        try restoreEpochs(from: &source)
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
}

extension PolicyState {
    /// What ``writeDefinition(into:)`` wrote: a policy none of whose keys has used anything.
    init(definition source: inout FieldSource) throws(LedgerDecodingError) {
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
        self.init(id: id, name: name, maxKeys: maxKeys, limits: limits)
    }
}

extension OverrideEntry {
    /// Bytes of the shortest: key, version, and a denial for good.
    static let leastBytes = 26

    /// A ledger before the version that lends has no labels.
    func write(into sink: inout some FieldSink, ledgerVersion: UInt32) {
        sink.key(key)
        sink.u64(version)
        value.write(into: &sink)
        if ledgerVersion >= Ledger.lendingVersion { sink.optional(label) { $0.text($1.text) } }
    }

    init(from source: inout FieldSource, ledgerVersion: UInt32) throws(LedgerDecodingError) {
        let key = try source.key()
        let version = try source.u64()
        let value = try OverrideValue(from: &source)
        var label: OverrideLabel?
        if ledgerVersion >= Ledger.lendingVersion {
            label = try source.optional { (from) throws(LedgerDecodingError) in try OverrideLabel(from: &from) }
        }
        if case .free(let interval, let burst) = value, RateTerms(interval: interval, burst: burst) == nil {
            throw .invalid(field: "override")
        }
        guard version > 0 else { throw .invalid(field: "override") }
        self.init(key: key, value: value, version: version, label: label)
    }
}

extension QuotaEntry {
    /// Bytes of one.
    static let bytes = 24

    func write(into sink: inout some FieldSink) {
        sink.key(key)
        sink.u64(tat)
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        self.init(key: try source.key(), tat: try source.u64())
        guard !isVacant, tat <= RateTerms.latest else { throw .invalid(field: "bucket") }
    }
}
