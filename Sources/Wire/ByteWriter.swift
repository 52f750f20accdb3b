/// Writes the fields that ``ByteReader`` reads: integers of fixed width, big-endian, and bytes after their length.
///
/// A value; nothing here can fail. Limits are the reader's: a writer that must respect them checks before it writes.
public struct ByteWriter: Sendable {
    /// What was written so far.
    public private(set) var bytes: [UInt8]

    /// An empty writer.
    /// - Parameter capacity: bytes to reserve; a hint, negative values count as none.
    public init(capacity: Int = 0) {
        bytes = []
        if capacity > 0 { bytes.reserveCapacity(capacity) }
    }

    /// The number of bytes written.
    public var count: Int { bytes.count }

    /// Takes what was written and begins anew with nothing, for output in pieces.
    public mutating func take() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &bytes)
        return taken
    }

    /// One byte.
    @inlinable public mutating func write(_ value: UInt8) { append(value) }

    /// One byte: 0 or 1.
    @inlinable public mutating func write(_ value: Bool) { append(value ? 1 : 0) }

    /// Two bytes.
    public mutating func write(_ value: UInt16) { appendBigEndian(value) }

    /// Four bytes.
    public mutating func write(_ value: UInt32) { appendBigEndian(value) }

    /// Eight bytes.
    public mutating func write(_ value: UInt64) { appendBigEndian(value) }

    /// The bytes themselves, without a length: for fields of fixed width.
    public mutating func write(raw value: some Sequence<UInt8>) { bytes.append(contentsOf: value) }

    /// Four bytes of length, then the bytes.
    /// - Precondition: fewer than 2³² bytes.
    public mutating func write(lengthPrefixed value: some Collection<UInt8>) {
        write(UInt32(value.count))
        bytes.append(contentsOf: value)
    }

    /// A text as UTF-8: four bytes of length, then the bytes.
    public mutating func write(text: String) { write(lengthPrefixed: text.utf8) }

    /// For the inlined one-byte writes.
    @usableFromInline mutating func append(_ value: UInt8) { bytes.append(value) }

    private mutating func appendBigEndian<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
