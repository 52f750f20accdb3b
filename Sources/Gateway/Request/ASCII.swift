/// The few character classes that the gateway needs (RFC 9110 section 5.6, RFC 3986 section 2).
enum ASCII {
    static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    static func isWhiteSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    /// The value of a hexadecimal digit, or nil.
    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// Whether a text is this one in lower case.
    @inline(__always)
    static func isSame(_ text: String, _ lower: String) -> Bool {
        text.utf8.count == lower.utf8.count
            && zip(text.utf8, lower.utf8).allSatisfy { lowercased($0) == $1 }
    }

    static let lowerHex: [UInt8] = Array("0123456789abcdef".utf8)
    static let upperHex: [UInt8] = Array("0123456789ABCDEF".utf8)
}

extension String {
    /// Without spaces, tabs and line breaks at its ends.
    func trimmingWhiteSpaceAndLineBreaks() -> Substring {
        func isOuter(_ byte: UInt8) -> Bool { ASCII.isWhiteSpace(byte) || byte == 0x0A || byte == 0x0D }
        var text = self[...]
        while let first = text.utf8.first, isOuter(first) { text.unicodeScalars.removeFirst() }
        while let last = text.utf8.last, isOuter(last) { text.unicodeScalars.removeLast() }
        return text
    }
}

extension Substring {
    func trimmingASCIIWhiteSpace() -> Substring {
        var text = self
        while let first = text.utf8.first, ASCII.isWhiteSpace(first) { text = text.dropFirst() }
        while let last = text.utf8.last, ASCII.isWhiteSpace(last) { text = text.dropLast() }
        return text
    }
}
