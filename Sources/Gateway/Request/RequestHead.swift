/// The head of one request as bytes: what identification, routing and admission read.
///
/// It knows nothing of the HTTP engine that parsed it. Field names are stored in lower case; values are as they came,
/// without surrounding white space. One buffer holds everything, so that a head costs two allocations however many
/// fields it has.
///
/// A value; may be used on any thread.
public struct RequestHead: Sendable {
    /// A run of bytes in the head's storage.
    public struct Slice: Hashable, Sendable {
        var start: Int32
        var end: Int32
        var count: Int { Int(end - start) }

        /// As much of it as that many bytes.
        func prefix(_ bytes: Int) -> Slice { Slice(start: start, end: start + Int32(min(count, bytes))) }
    }

    struct Field: Sendable {
        var name: Slice
        var value: Slice
    }

    private(set) var storage: [UInt8]
    private(set) var method: Slice
    private(set) var target: Slice
    private(set) var fields: [Field]
    /// A bit for each name that a field has, of 64 which names share: most lookups are for what is not there.
    private var names: UInt64 = 0

    /// - Parameters:
    ///   - method: the method token, case kept.
    ///   - target: the request-target as it stood in the request line.
    ///   - fieldCount: an estimate; reserves room.
    public init(method: String, target: String, fieldCount: Int = 16) {
        storage = []
        storage.reserveCapacity(256 + fieldCount * 32)
        fields = []
        fields.reserveCapacity(fieldCount)
        self.method = Slice(start: 0, end: 0)
        self.target = Slice(start: 0, end: 0)
        self.method = append(method.utf8, lowercase: false)
        self.target = append(target.utf8, lowercase: false)
    }

    /// Adds a field. Names and values come from a parser that has checked their characters.
    public mutating func add(name: String, value: String) {
        let nameSlice = append(name.utf8, lowercase: true)
        let valueSlice = append(value.utf8, lowercase: false)
        append(Field(name: nameSlice, value: trimmed(valueSlice)))
    }

    private mutating func append(_ field: Field) {
        fields.append(field)
        guard field.name.count > 0 else { return }
        names |= Self.bit(field.name.count, storage[Int(field.name.start)], storage[Int(field.name.end) - 1])
    }

    /// By a name's length, its first byte and its last.
    @inline(__always)
    private static func bit(_ count: Int, _ first: UInt8, _ last: UInt8) -> UInt64 {
        1 << ((UInt64(truncatingIfNeeded: count) &* 7 &+ UInt64(first) &* 3 &+ UInt64(last)) & 63)
    }

    /// Whether there may be a field of that name; if not there is none.
    @inline(__always)
    private func mayHave(_ name: StaticString) -> Bool {
        let count = name.utf8CodeUnitCount
        return count > 0 && names & Self.bit(count, name.utf8Start[0], name.utf8Start[count - 1]) != 0
    }

    /// Makes of this head that of another request, which it describes in its own fields.
    ///
    /// - Parameters:
    ///   - method: a slice of this head, as the others.
    ///   - host: instead of the `Host` fields; nil to keep them.
    mutating func describe(method: Slice, target: Slice, host: Slice?) {
        self.method = method
        self.target = target
        guard let host else { return }
        fields = fields.filter { !equals($0.name, "host") }
        append(Field(name: append("host".utf8, lowercase: false), value: host))
    }

    private mutating func append(_ bytes: String.UTF8View, lowercase: Bool) -> Slice {
        let start = Int32(storage.count)
        if lowercase {
            for byte in bytes { storage.append(ASCII.lowercased(byte)) }
        } else {
            storage.append(contentsOf: bytes)
        }
        return Slice(start: start, end: Int32(storage.count))
    }

    private func trimmed(_ slice: Slice) -> Slice {
        var slice = slice
        while slice.start < slice.end, ASCII.isWhiteSpace(storage[Int(slice.start)]) { slice.start += 1 }
        while slice.end > slice.start, ASCII.isWhiteSpace(storage[Int(slice.end) - 1]) { slice.end -= 1 }
        return slice
    }

    // MARK: Reading

    /// The bytes of a slice; valid only inside `body`.
    func withBytes<R>(_ slice: Slice, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try storage.withUnsafeBytes {
            try body(UnsafeRawBufferPointer(rebasing: $0[Int(slice.start)..<Int(slice.end)]))
        }
    }

    func string(_ slice: Slice) -> String {
        withBytes(slice) { String(decoding: $0, as: UTF8.self) }
    }

    func equals(_ slice: Slice, _ text: StaticString) -> Bool {
        guard slice.count == text.utf8CodeUnitCount else { return false }
        return storage.withUnsafeBufferPointer { bytes in
            for index in 0..<slice.count where bytes[Int(slice.start) + index] != text.utf8Start[index] { return false }
            return true
        }
    }

    /// The first field of that name (lower case), or nil.
    func first(_ name: StaticString) -> Slice? {
        guard mayHave(name) else { return nil }
        for field in fields where equals(field.name, name) { return field.value }
        return nil
    }

    /// The first field of a name that is only known at run time (lower case).
    func first(named name: String) -> Slice? {
        let wanted = name.utf8
        for field in fields where field.name.count == wanted.count {
            if withBytes(field.name, { $0.elementsEqual(wanted) }) { return field.value }
        }
        return nil
    }

    /// All values of that name, in order.
    func all(_ name: StaticString) -> [Slice] {
        guard mayHave(name) else { return [] }
        return fields.filter { equals($0.name, name) }.map(\.value)
    }

    /// All values of a name that is only known at run time (lower case), in order.
    func all(named name: String) -> [Slice] {
        let wanted = name.utf8
        return fields.filter { field in
            field.name.count == wanted.count && withBytes(field.name) { $0.elementsEqual(wanted) }
        }.map(\.value)
    }

    /// Whether U+FFFD occurs anywhere: what a parser of text leaves of bytes that are not UTF-8.
    var hasReplacementCharacter: Bool {
        storage.withUnsafeBufferPointer { bytes in
            var index = 0
            while index + 2 < bytes.count {
                if bytes[index] == 0xEF, bytes[index + 1] == 0xBF, bytes[index + 2] == 0xBD { return true }
                index += 1
            }
            return false
        }
    }

    var isGetOrHead: Bool { equals(method, "GET") || equals(method, "HEAD") }
}
