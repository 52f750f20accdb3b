import Wire

/// Where the fields of a piece of state go: into bytes, or into a digest.
///
/// Each piece of state is written by one routine for both, so the digest covers exactly what a snapshot holds.
protocol FieldSink {
    mutating func u8(_ value: UInt8)
    mutating func u32(_ value: UInt32)
    mutating func u64(_ value: UInt64)
    /// Bytes of a width that the reader knows.
    mutating func fixed(_ value: [UInt8])
    /// UTF-8 after its length.
    mutating func text(_ value: String)
}

extension FieldSink {
    mutating func flag(_ value: Bool) { u8(value ? 1 : 0) }
    mutating func count(_ value: Int) { u32(UInt32(clamping: value)) }
    mutating func time(_ value: LedgerTime) { u64(value.nanoseconds) }
    mutating func key(_ value: QuotaKey) { pair(value.high, value.low) }

    mutating func pair(_ high: UInt64, _ low: UInt64) {
        u64(high)
        u64(low)
    }

    /// A byte that says whether there is a value, then the value.
    mutating func optional<Value>(_ value: Value?, _ write: (inout Self, Value) -> Void) {
        flag(value != nil)
        if let value { write(&self, value) }
    }
}

extension ByteWriter: FieldSink {
    mutating func u8(_ value: UInt8) { write(value) }
    mutating func u32(_ value: UInt32) { write(value) }
    mutating func u64(_ value: UInt64) { write(value) }
    mutating func fixed(_ value: [UInt8]) { write(raw: value) }
    mutating func text(_ value: String) { write(text: value) }
}

/// Reads back what a ``FieldSink`` of bytes took, with the ledger's own errors.
struct FieldSource {
    private var reader: ByteReader
    private let following: Int

    /// - Parameter following: bytes that come after these and are not there yet.
    init(_ bytes: [UInt8], following: Int = 0) {
        reader = ByteReader(bytes)
        self.following = following
    }

    var remaining: Int { reader.remaining }

    mutating func u8() throws(LedgerDecodingError) -> UInt8 {
        do { return try reader.readUInt8() } catch { throw .malformed(error) }
    }

    mutating func u32() throws(LedgerDecodingError) -> UInt32 {
        do { return try reader.readUInt32() } catch { throw .malformed(error) }
    }

    mutating func u64() throws(LedgerDecodingError) -> UInt64 {
        do { return try reader.readUInt64() } catch { throw .malformed(error) }
    }

    mutating func flag() throws(LedgerDecodingError) -> Bool {
        do { return try reader.readBool() } catch { throw .malformed(error) }
    }

    mutating func fixed(_ count: Int) throws(LedgerDecodingError) -> [UInt8] {
        do { return try reader.readBytes(count: count) } catch { throw .malformed(error) }
    }

    mutating func text(limit: Int) throws(LedgerDecodingError) -> String {
        do { return try reader.readText(limit: limit) } catch { throw .malformed(error) }
    }

    mutating func count(limit: Int, elementBytes: Int) throws(LedgerDecodingError) -> Int {
        do {
            return try reader.readCount(limit: limit, elementBytes: elementBytes, following: following)
        } catch { throw .malformed(error) }
    }

    func finish() throws(LedgerDecodingError) {
        do { try reader.finish() } catch { throw .malformed(error) }
    }

    /// A time has one form: what would be clamped is refused.
    mutating func time() throws(LedgerDecodingError) -> LedgerTime {
        let nanoseconds = try u64()
        guard nanoseconds <= LedgerTime.maximumNanoseconds else { throw .invalid(field: "time") }
        return LedgerTime(nanoseconds: nanoseconds)
    }

    mutating func key() throws(LedgerDecodingError) -> QuotaKey {
        QuotaKey(high: try u64(), low: try u64())
    }

    /// A counter that only the ledger raises.
    mutating func counter(_ field: String) throws(LedgerDecodingError) -> UInt64 {
        let value = try u64()
        guard value < LedgerBounds.counterMaximum else { throw .invalid(field: field) }
        return value
    }

    mutating func optional<Value>(
        _ read: (inout FieldSource) throws(LedgerDecodingError) -> Value
    ) throws(LedgerDecodingError) -> Value? {
        try flag() ? try read(&self) : nil
    }
}
