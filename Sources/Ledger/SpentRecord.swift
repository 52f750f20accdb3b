/// A challenge that was spent, and the pass that it opened. 88 bytes.
struct SpentRecord: TableEntry {
    /// The challenge.
    var key: QuotaKey
    /// Meaningless without ``hasIdempotencyKey``.
    private var idempotency: QuotaKey
    /// The client it is bound to now; 0: any.
    var binding: UInt64
    /// Nanoseconds: the pass is good before this moment.
    var passExpiry: UInt64
    /// Nanoseconds; see ``Spend/recordExpiry``.
    var recordExpiry: UInt64
    /// Nanoseconds: no rebind before this moment.
    var nextRebind: UInt64
    var policy: UInt32
    /// Units left.
    var remaining: UInt32
    /// What a price settled the grant at; 0: it was not settled.
    private var settled: UInt32
    /// Key epoch at the spend.
    var epoch: UInt32
    var rebindsLeft: UInt8
    private var form: UInt8

    static let vacant = SpentRecord()
    @inline(__always) var isVacant: Bool { form == 0 }

    private var hasIdempotencyKey: Bool { form == 2 }

    private init() {
        key = QuotaKey(high: 0, low: 0)
        idempotency = key
        (binding, passExpiry, recordExpiry, nextRebind) = (0, 0, 0, 0)
        (policy, remaining, settled, epoch, rebindsLeft, form) = (0, 0, 0, 0, 0, 0)
    }

    init(_ spend: Spend, granted: UInt32, now: LedgerTime, epoch: UInt32) {
        self.init()
        key = spend.challenge.tableKey
        binding = spend.binding
        recordExpiry = spend.recordExpiry.nanoseconds
        passExpiry = min(now.adding(seconds: spend.passLifetime).nanoseconds, recordExpiry)
        policy = spend.policy.rawValue
        remaining = granted
        settled = spend.pricing == nil ? 0 : granted
        self.epoch = epoch
        rebindsLeft = LedgerBounds.rebinds
        idempotencyKey = spend.idempotencyKey
    }

    var idempotencyKey: QuotaKey? {
        get { hasIdempotencyKey ? idempotency : nil }
        set {
            form = newValue == nil ? 1 : 2
            idempotency = newValue ?? QuotaKey(high: 0, low: 0)
        }
    }

    /// See ``PassState/granted``.
    var granted: UInt32? { settled > 0 ? settled : nil }

    var pass: PassState {
        PassState(
            remaining: remaining,
            expires: LedgerTime(nanoseconds: passExpiry),
            epoch: epoch,
            binding: binding,
            recordExpiry: LedgerTime(nanoseconds: recordExpiry),
            granted: granted
        )
    }

    var digest: LedgerDigest {
        var mixer = DigestMixer(.record)
        write(into: &mixer)
        return mixer.finish()
    }

    /// Bytes of the shortest record.
    static let leastBytes = 62

    func write(into sink: inout some FieldSink) {
        sink.key(key)
        sink.optional(idempotencyKey) { $0.key($1) }
        sink.u64(binding)
        sink.u64(passExpiry)
        sink.u64(recordExpiry)
        sink.u64(nextRebind)
        sink.u32(policy)
        sink.u32(remaining)
        sink.u32(epoch)
        sink.u8(rebindsLeft | (settled > 0 ? Self.isSettled : 0))
        if settled > 0 { sink.u32(settled) }
    }

    /// Beside ``rebindsLeft``: what the grant was settled at follows.
    private static let isSettled: UInt8 = 0x80

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        self.init()
        key = try source.key()
        idempotencyKey = try source.optional { (from) throws(LedgerDecodingError) in try from.key() }
        binding = try source.u64()
        passExpiry = try source.time().nanoseconds
        recordExpiry = try source.time().nanoseconds
        nextRebind = try source.time().nanoseconds
        policy = try source.u32()
        remaining = try source.u32()
        epoch = try source.u32()
        let last = try source.u8()
        rebindsLeft = last & ~Self.isSettled
        if last & Self.isSettled != 0 {
            settled = try source.u32()
            guard settled > 0, remaining <= settled else { throw .invalid(field: "grant") }
        }
        guard passExpiry <= recordExpiry, rebindsLeft <= LedgerBounds.rebinds else { throw .invalid(field: "record") }
    }
}

extension ChallengeID {
    @inline(__always) var tableKey: QuotaKey { QuotaKey(high: high, low: low) }
}
