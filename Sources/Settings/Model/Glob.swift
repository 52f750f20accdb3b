/// A pattern in which `*` stands for any run of bytes, also an empty one, also across slashes; every other byte stands
/// for itself. There is no escape: a star cannot be asked for. Immutable; usable on any thread.
///
/// Matching is linear in the input whatever the pattern: the pieces between stars are searched one after the other,
/// leftmost first, each with Knuth, Morris and Pratt's table. That the leftmost place is as good as any other holds as
/// the only wildcard takes anything. So there is no backtracking that a client could make expensive.
public final class Glob: Sendable, Equatable {
    /// The pattern as it was given.
    public let pattern: String
    /// What the input must begin with; all of it where there is no star.
    private let head: [UInt8]
    /// What must follow in this order, between the stars. None is empty.
    private let middle: [Needle]
    /// What the input must end with; nil if the pattern has no star.
    private let tail: [UInt8]?

    /// Compiles a pattern. Every text is one.
    public init(_ pattern: String) {
        self.pattern = pattern
        let pieces = pattern.utf8.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
        head = pieces[0]
        tail = pieces.count > 1 ? pieces[pieces.count - 1] : nil
        middle = pieces.dropFirst().dropLast().filter { !$0.isEmpty }.map(Needle.init)
    }

    /// Whether both are the same pattern.
    public static func == (left: Glob, right: Glob) -> Bool { left.pattern == right.pattern }

    /// Whether the pattern is nothing but stars.
    public var matchesEverything: Bool { head.isEmpty && middle.isEmpty && tail?.isEmpty == true }

    /// Whether the whole of `bytes` matches. Linear in their count; allocates nothing.
    public func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= head.count + (tail?.count ?? 0), Self.isSame(bytes, 0, head) else { return false }
        guard let tail else { return bytes.count == head.count }
        let end = bytes.count - tail.count
        guard Self.isSame(bytes, end, tail) else { return false }
        var position = head.count
        for needle in middle {
            guard let next = needle.end(in: bytes, from: position, to: end) else { return false }
            position = next
        }
        return true
    }

    /// Whether these bytes are there from a place on, where there is room for them.
    private static func isSame(_ bytes: UnsafeRawBufferPointer, _ place: Int, _ part: [UInt8]) -> Bool {
        part.withUnsafeBufferPointer { part in
            var index = 0
            while index < part.count, bytes[place + index] == part[index] { index += 1 }
            return index == part.count
        }
    }

    /// As ``matches(_:)-(UnsafeRawBufferPointer)``, of a text's UTF-8.
    public func matches(_ text: some StringProtocol) -> Bool {
        var text = String(text)
        return text.withUTF8 { matches(UnsafeRawBufferPointer($0)) }
    }
}

/// A piece to search for, with its table of borders.
private struct Needle: Sendable, Equatable {
    let bytes: [UInt8]
    /// `borders[i]`: the length of the longest proper prefix of `bytes` that ends `bytes[...i]`.
    let borders: [Int]

    /// Compiles a piece that is not empty.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        var borders = [Int](repeating: 0, count: bytes.count)
        var length = 0
        for index in bytes.indices.dropFirst() {
            while length > 0, bytes[index] != bytes[length] { length = borders[length - 1] }
            if bytes[index] == bytes[length] { length += 1 }
            borders[index] = length
        }
        self.borders = borders
    }

    /// Where the first occurrence within `from..<to` ends.
    func end(in input: UnsafeRawBufferPointer, from: Int, to: Int) -> Int? {
        bytes.withUnsafeBufferPointer { bytes in
            var length = 0
            var index = from
            while index < to {
                let byte = input[index]
                while length > 0, byte != bytes[length] { length = borders[length - 1] }
                if byte == bytes[length] { length += 1 }
                index += 1
                if length == bytes.count { return index }
            }
            return nil
        }
    }
}
