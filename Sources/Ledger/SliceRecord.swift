/// A bucket, by whatever it is found under: its limit, which of the limit's buckets it is, and the key.
struct BucketName: Hashable {
    var limit: LimitID
    var kind: BucketKind
    /// The vacant entry's key for the shared one.
    var key: QuotaKey

    /// The name as a key of a table. Two buckets' are as different as hashes of 128 bits are.
    @inline(__always)
    var tableKey: QuotaKey {
        let part = UInt64(limit.rawValue) << 8 | UInt64(kind.rawValue)
        return QuotaKey(
            high: DigestMixer.fold(key.high ^ part, 0xA409_3822_299F_31D1) ^ key.low,
            low: DigestMixer.fold(key.low ^ part, 0x4528_21E6_38D0_1377) &+ key.high
        )
    }
}

/// A slice that was lent, until its time is over. 80 bytes.
struct SliceRecord: TableEntry {
    /// Made of session and sequence, which are what a return names.
    var key: QuotaKey
    /// The log index of the session's opening.
    var session: UInt64
    /// The command that lent it.
    var sequence: UInt64
    var bucketKey: QuotaKey
    /// Units that were lent; 0: it has been returned.
    var units: UInt64
    /// Nanoseconds of replicated time, at most 2⁶².
    var lentAt: UInt64
    /// As if it had been lent then: what its bucket has regained since, in the interval of today. May be before genesis.
    private var regainsFrom: Int64
    private var limit: UInt32
    private var kind: UInt8

    static let vacant = SliceRecord()
    @inline(__always) var isVacant: Bool { lentAt == .max }

    private init() {
        key = QuotaKey(high: 0, low: 0)
        bucketKey = key
        (session, sequence, units, lentAt, regainsFrom, limit, kind) = (0, 0, 0, .max, 0, 0, 0)
    }

    init(session: SessionID, sequence: UInt64, bucket: BucketName, units: UInt64, lentAt: LedgerTime) {
        key = Self.key(session: session, sequence: sequence)
        self.session = session.rawValue
        self.sequence = sequence
        bucketKey = bucket.key
        self.units = units
        self.lentAt = lentAt.nanoseconds
        regainsFrom = Int64(lentAt.nanoseconds)
        limit = bucket.limit.rawValue
        kind = bucket.kind.rawValue
    }

    /// Where a slice lies in a table. One to one: each half tells session and sequence apart with the other's help.
    @inline(__always)
    static func key(session: SessionID, sequence: UInt64) -> QuotaKey {
        QuotaKey(
            high: session.rawValue ^ DigestMixer.fold(sequence ^ 0x243F_6A88_85A3_08D3, 0xA409_3822_299F_31D1),
            low: sequence
        )
    }

    var bucket: BucketName {
        BucketName(limit: LimitID(rawValue: limit), kind: BucketKind(rawValue: kind) ?? .own, key: bucketKey)
    }

    /// Nanoseconds in which its bucket has regained some of its units since it was lent, in the interval of today.
    func regained(now: UInt64) -> UInt64 {
        // Both are at most 2⁶².
        regainsFrom < 0 ? now + regainsFrom.magnitude : now - min(now, UInt64(regainsFrom))
    }

    /// Its bucket has another interval from now on: units that it has regained stay as many.
    mutating func rescale(now: UInt64, from old: UInt64, to new: UInt64) {
        let tat = now + min(regained(now: now), LedgerBounds.fillNanoseconds)
        regainsFrom = Int64(now) - Int64(RateTerms.rescale(tat: tat, now: now, from: old, to: new) - now)
    }

    /// The number of its group: see ``SliceStore``.
    var group: UInt64 { lentAt / LedgerBounds.sliceGroupNanoseconds }

    var digest: LedgerDigest {
        var mixer = DigestMixer(.slice)
        write(into: &mixer)
        return mixer.finish()
    }

    /// Bytes of one.
    static let bytes = 61

    func write(into sink: inout some FieldSink) {
        sink.u64(session)
        sink.u64(sequence)
        sink.u32(limit)
        sink.u8(kind)
        sink.key(bucketKey)
        sink.u64(units)
        sink.u64(lentAt)
        sink.u64(UInt64(bitPattern: regainsFrom))
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        self.init()
        session = try source.u64()
        sequence = try source.u64()
        key = Self.key(session: SessionID(rawValue: session), sequence: sequence)
        limit = try source.u32()
        kind = try source.u8()
        bucketKey = try source.key()
        units = try source.u64()
        lentAt = try source.time().nanoseconds
        regainsFrom = Int64(bitPattern: try source.u64())
        let earliest = -Int64(LedgerBounds.fillNanoseconds)
        guard units <= LedgerBounds.fillNanoseconds, BucketKind(rawValue: kind) != nil, regainsFrom >= earliest,
            regainsFrom <= Int64(LedgerTime.maximumNanoseconds)
        else {
            throw .invalid(field: "slice")
        }
    }
}

/// What of a bucket is out in slices. 32 bytes.
struct Outstanding: TableEntry {
    /// ``BucketName/tableKey``.
    var key: QuotaKey
    /// Of all its slices that have not been returned.
    var units: UInt64
    /// Slices that are held, also those that have been returned; `.max` in no entry.
    var slices: UInt32

    static let vacant = Outstanding(key: QuotaKey(high: 0, low: 0), units: 0, slices: .max)
    @inline(__always) var isVacant: Bool { slices == .max }
}
