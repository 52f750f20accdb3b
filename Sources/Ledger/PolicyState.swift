/// A bucket in a table: a key and its theoretical arrival time. 24 bytes.
struct QuotaEntry: TableEntry {
    var key: QuotaKey
    /// Never 0 in an entry: a unit takes at least a nanosecond.
    var tat: UInt64

    static let vacant = QuotaEntry(key: QuotaKey(high: 0, low: 0), tat: 0)
    @inline(__always) var isVacant: Bool { tat == 0 }
}

/// An override in a table.
struct OverrideEntry: TableEntry {
    var key: QuotaKey
    /// Never 0 in an entry.
    var version: UInt64
    private var first: UInt64
    private var second: UInt64
    private var form: UInt8

    static let vacant = OverrideEntry()
    var isVacant: Bool { version == 0 }

    private init() {
        key = QuotaKey(high: 0, low: 0)
        (version, first, second, form) = (0, 0, 0, 0)
    }

    init(key: QuotaKey, value: OverrideValue, version: UInt64) {
        self.key = key
        self.version = version
        switch value {
        case .free(let interval, let burst): (form, first, second) = (0, interval, burst)
        case .deny(nil): (form, first, second) = (1, 0, 0)
        case .deny(let until?): (form, first, second) = (2, until.nanoseconds, 0)
        }
    }

    var value: OverrideValue {
        switch form {
        case 0: .free(interval: first, burst: second)
        case 1: .deny(until: nil)
        default: .deny(until: LedgerTime(nanoseconds: first))
        }
    }

    /// Nil for a denial.
    var terms: RateTerms? { form == 0 ? RateTerms(interval: first, burst: second) : nil }

    /// The end of a denial that has one.
    var denialEnd: UInt64? { form == 2 ? first : nil }
}

/// Which of a limit's buckets.
enum BucketKind: UInt8 {
    /// The key's own.
    case own = 0
    /// Of the fallback that a key beyond `maxKeys` shares.
    case fallback = 1
    /// The one of the limit, for keys whose fallback has none either.
    case shared = 2
}

/// A limit as it stands, with its buckets.
struct LimitTable: Sendable {
    let id: LimitID
    var definition: LimitDefinition
    /// Checked when the revision was taken.
    var terms: RateTerms
    /// Keys' own buckets.
    var keys = ShardedTable<QuotaEntry>()
    /// Buckets shared by the keys of a fallback.
    var fallbacks = ShardedTable<QuotaEntry>()
    /// The last resort's TAT; 0: never used.
    var shared: UInt64 = 0
    /// Units taken without a pass, as ``PolicyLoad`` tells them. No part of the state.
    var unpaid: UInt64 = 0

    init(id: LimitID, definition: LimitDefinition, terms: RateTerms) {
        self.id = id
        self.definition = definition
        self.terms = terms
    }

    /// The digest's part of one bucket.
    @inline(__always)
    static func digest(_ limit: LimitID, _ kind: BucketKind, _ key: QuotaKey, _ tat: UInt64) -> LedgerDigest {
        var mixer = DigestMixer(.bucket)
        mixer.u64(UInt64(limit.rawValue) << 8 | UInt64(kind.rawValue))
        mixer.key(key)
        mixer.u64(tat)
        return mixer.finish()
    }
}

/// A policy as it stands.
struct PolicyState: Sendable {
    let id: PolicyID
    let name: String
    var maxKeys: UInt32
    var limits: ContiguousArray<LimitTable>
    var overrides = ShardedTable<OverrideEntry>()
    /// Units that passes paid for, and units that passes were opened with, as ``PolicyLoad`` tells them. No part of the state.
    var paid: UInt64 = 0
    var granted: UInt64 = 0

    init(id: PolicyID, name: String, maxKeys: UInt32, limits: ContiguousArray<LimitTable>) {
        self.id = id
        self.name = name
        self.maxKeys = maxKeys
        self.limits = limits
    }

    /// Fallback buckets of one limit at most.
    var maxFallbacks: Int { Int(maxKeys / 8) + 1 }

    func limitIndex(_ id: LimitID) -> Int? { limits.firstIndex { $0.id == id } }

    /// An override's own terms for a key, where the limit heeds them.
    func overridingTerms(_ key: QuotaKey, limit: Int) -> RateTerms? {
        guard overrides.count > 0, limits[limit].definition.role == .free else { return nil }
        return overrides[key]?.terms
    }

    /// The digest's part of one override.
    func digest(of entry: OverrideEntry) -> LedgerDigest {
        var mixer = DigestMixer(.override)
        mixer.u32(id.rawValue)
        mixer.key(entry.key)
        mixer.u64(entry.version)
        entry.value.write(into: &mixer)
        return mixer.finish()
    }
}
