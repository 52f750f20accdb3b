/// Reads fields from bytes that someone else wrote: every length is checked against what is there and against a limit
/// before anything is allocated, so that reading costs at most what the bytes themselves cost.
///
/// A value. A read that throws leaves the position where it was.
public struct ByteReader: Sendable {
    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    /// Reads all of `bytes`.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = 0
        end = bytes.count
    }

    /// Reads a part of an array.
    public init(_ slice: ArraySlice<UInt8>) {
        bytes = Array(slice)
        position = 0
        end = bytes.count
    }

    /// The number of bytes not yet read.
    public var remaining: Int { end - position }

    /// One byte.
    public mutating func readUInt8() throws(WireError) -> UInt8 { try readBigEndian() }

    /// Two bytes.
    public mutating func readUInt16() throws(WireError) -> UInt16 { try readBigEndian() }

    /// Four bytes.
    public mutating func readUInt32() throws(WireError) -> UInt32 { try readBigEndian() }

    /// Eight bytes.
    public mutating func readUInt64() throws(WireError) -> UInt64 { try readBigEndian() }

    /// One byte that must be 0 or 1, so that a message has one form only.
    public mutating func readBool() throws(WireError) -> Bool {
        let start = position
        let value = try readUInt8()
        guard value <= 1 else {
            position = start
            throw .invalidBoolean(value)
        }
        return value == 1
    }

    /// A field of fixed width.
    /// - Precondition: `count` is not negative; it is the caller's constant, not the sender's number.
    public mutating func readBytes(count: Int) throws(WireError) -> [UInt8] {
        precondition(count >= 0, "a field's width is not negative")
        guard count <= remaining else { throw .truncated(needed: count, available: remaining) }
        let field = Array(bytes[position..<position + count])
        position += count
        return field
    }

    /// Bytes after a length of four bytes.
    /// - Parameter limit: the longest that is accepted, in bytes.
    public mutating func readLengthPrefixed(limit: Int) throws(WireError) -> [UInt8] {
        let start = position
        let length = try readUInt32()
        guard UInt64(length) <= UInt64(max(limit, 0)) else {
            position = start
            throw .tooLong(length: UInt64(length), limit: limit)
        }
        do {
            return try readBytes(count: Int(length))
        } catch {
            position = start
            throw error
        }
    }

    /// UTF-8 text after a length of four bytes.
    /// - Parameter limit: the longest that is accepted, in bytes.
    public mutating func readText(limit: Int) throws(WireError) -> String {
        let start = position
        let field = try readLengthPrefixed(limit: limit)
        guard let text = String(validating: field, as: UTF8.self) else {
            position = start
            throw .invalidText
        }
        return text
    }

    /// A count of four bytes, of elements that follow.
    ///
    /// A count that the bytes left could not hold is refused here, before a caller reserves room for it.
    /// - Parameters:
    ///   - limit: the most that is accepted.
    ///   - elementBytes: the least that one element takes, in bytes, at least 1.
    ///   - following: bytes that come after these and are not there yet, where the whole comes in pieces.
    public mutating func readCount(limit: Int, elementBytes: Int, following: Int = 0) throws(WireError) -> Int {
        precondition(elementBytes >= 1, "elements take room")
        let start = position
        let count = try readUInt32()
        guard UInt64(count) <= UInt64(max(limit, 0)) else {
            position = start
            throw .tooLong(length: UInt64(count), limit: limit)
        }
        let (needed, overflow) = Int(count).multipliedReportingOverflow(by: elementBytes)
        let (left, isMore) = remaining.addingReportingOverflow(following)
        guard !overflow, isMore || needed <= left else {
            let available = left
            position = start
            throw .truncated(needed: overflow ? .max : needed, available: available)
        }
        return Int(count)
    }

    /// The end of the message: nothing may be left.
    public func finish() throws(WireError) {
        guard remaining == 0 else { throw .trailingBytes(count: remaining) }
    }

    private mutating func readBigEndian<Value: FixedWidthInteger>() throws(WireError) -> Value {
        let width = MemoryLayout<Value>.size
        guard width <= remaining else { throw .truncated(needed: width, available: remaining) }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: Value.self) }
        position += width
        return Value(bigEndian: value)
    }
}
