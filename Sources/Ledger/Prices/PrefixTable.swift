/// Moments under prefixes, as many as there may be; each is forgotten once it has passed.
struct PrefixTable: Sendable {
    /// What the moments mean.
    enum Kind: UInt8 {
        /// See ``Heat``.
        case heat = 0
        /// The theoretical arrival time of a bucket of issued challenges.
        case issued = 1
    }

    let kind: Kind
    let level: PrefixLevel
    private(set) var entries = ShardedTable<QuotaEntry>()
    /// The digest's part of all entries.
    private(set) var digest = LedgerDigest.zero

    init(_ kind: Kind, _ level: PrefixLevel) {
        self.kind = kind
        self.level = level
    }

    /// Entries at most.
    var bound: Int { level == .address ? LedgerBounds.prefixAddresses : LedgerBounds.prefixNeighbourhoods }

    /// A key's moment; 0: it has none.
    subscript(key: QuotaKey) -> UInt64 { entries[key]?.tat ?? 0 }

    /// Changes a key's moment. A key that has none gets none where there is no room for it.
    /// - Parameter change: gets the moment, 0 where there is none, and answers one that is not 0.
    mutating func update(_ key: QuotaKey, _ change: (UInt64) -> UInt64) {
        if let position = entries.find(key) {
            let before = entries[position]
            let after = QuotaEntry(key: key, tat: change(before.tat))
            digest -= part(before)
            digest += part(after)
            entries[position] = after
        } else if entries.count < bound {
            _ = insert(QuotaEntry(key: key, tat: change(0)))
        }
    }

    /// Makes an empty table ready for so many entries.
    mutating func expect(_ entries: Int) { self.entries = ShardedTable(expecting: entries) }

    /// Adds an entry, unless its key is there or there is no room for it.
    /// - Returns: whether it was added.
    mutating func insert(_ entry: QuotaEntry) -> Bool {
        guard entries.count < bound, entries.insertIfNew(entry) else { return false }
        digest += part(entry)
        return true
    }

    /// Forgets what has passed of some slices; see ``Ledger/forget()``.
    mutating func sweep(_ slices: Range<Int>, now: UInt64) {
        var gone = LedgerDigest.zero
        let (kind, level) = (kind, level)
        entries.removeAll(inSlices: slices) {
            $0.tat <= now
        } removed: {
            gone += Self.part($0, kind, level)
        }
        digest -= gone
    }

    private func part(_ entry: QuotaEntry) -> LedgerDigest { Self.part(entry, kind, level) }

    @inline(__always)
    private static func part(_ entry: QuotaEntry, _ kind: Kind, _ level: PrefixLevel) -> LedgerDigest {
        var mixer = DigestMixer(.prefix)
        mixer.u64(UInt64(kind.rawValue) << 8 | UInt64(level.rawValue))
        mixer.key(entry.key)
        mixer.u64(entry.tat)
        return mixer.finish()
    }

    /// The latest moment that an entry of a ledger at this time can have.
    func latest(now: UInt64) -> UInt64 {
        switch kind {
        case .heat: HeatCurve(level).latest(now: now)
        case .issued: now + 2 * LedgerBounds.issueFillNanoseconds
        }
    }
}
