/// One JSON object whose members are text, numbers or literals: all that `redeem` and the tools' answers hold at the top.
///
/// A reader for small bodies from anybody: no recursion, nothing after the object, no name twice, and the number of
/// members is bounded (RFC 8259). Members that are not text are checked and passed over.
package struct FlatJSON {
    package static let membersMax = 32

    /// The members that are text.
    package private(set) var texts: [String: String] = [:]

    package init?(_ bytes: [UInt8], membersMax: Int = FlatJSON.membersMax) {
        var reader = Reader(bytes: bytes)
        reader.skipSpace()
        guard reader.take("{") else { return nil }
        reader.skipSpace()
        if !reader.take("}") {
            var count = 0
            var names: Set<String> = []
            repeat {
                count += 1
                reader.skipSpace()
                guard count <= membersMax, let name = reader.text(), names.insert(name).inserted else {
                    return nil
                }
                reader.skipSpace()
                guard reader.take(":") else { return nil }
                reader.skipSpace()
                if reader.peek == UInt8(ascii: "\"") {
                    guard let value = reader.text() else { return nil }
                    texts[name] = value
                } else {
                    guard reader.scalar() else { return nil }
                }
                reader.skipSpace()
            } while reader.take(",")
            guard reader.take("}") else { return nil }
        }
        reader.skipSpace()
        guard reader.isAtEnd else { return nil }
    }

    package subscript(name: String) -> String? { texts[name] }

    private struct Reader {
        let bytes: [UInt8]
        var index = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        var isAtEnd: Bool { index == bytes.count }
        var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

        mutating func skipSpace() {
            while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { index += 1 }
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard peek == UInt8(ascii: character) else { return false }
            index += 1
            return true
        }

        mutating func text() -> String? {
            guard take("\"") else { return nil }
            var output: [UInt8] = []
            while let byte = peek {
                index += 1
                switch byte {
                case UInt8(ascii: "\""):
                    return String(validating: output, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let scalar = escape() else { return nil }
                    output.append(contentsOf: String(Character(scalar)).utf8)
                case 0..<0x20:
                    return nil
                default:
                    output.append(byte)
                }
            }
            return nil
        }

        private mutating func escape() -> Unicode.Scalar? {
            guard let byte = peek else { return nil }
            index += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
            case UInt8(ascii: "b"): return "\u{8}"
            case UInt8(ascii: "f"): return "\u{C}"
            case UInt8(ascii: "n"): return "\n"
            case UInt8(ascii: "r"): return "\r"
            case UInt8(ascii: "t"): return "\t"
            case UInt8(ascii: "u"):
                guard let first = hex4() else { return nil }
                guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
                guard take("\\"), take("u"), let second = hex4(), (0xDC00..<0xE000).contains(second) else { return nil }
                return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            default: return nil
            }
        }

        private mutating func hex4() -> UInt32? {
            var value: UInt32 = 0
            for _ in 0..<4 {
                guard let byte = peek, let digit = ASCII.hexValue(byte) else { return nil }
                value = value << 4 | UInt32(digit)
                index += 1
            }
            return value
        }

        /// A number, `true`, `false` or `null`.
        mutating func scalar() -> Bool {
            let start = index
            while let byte = peek,
                ASCII.isUnreserved(byte) || byte == UInt8(ascii: "+"), index - start < 64
            { index += 1 }
            let word = String(decoding: bytes[start..<index], as: UTF8.self)
            return word == "true" || word == "false" || word == "null" || isNumber(bytes[start..<index])
        }

        private func isNumber(_ bytes: ArraySlice<UInt8>) -> Bool {
            var rest = bytes
            func digits() -> Int {
                let count = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }.count
                rest = rest.dropFirst(count)
                return count
            }
            if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            let leadingZero = rest.first == UInt8(ascii: "0")
            let whole = digits()
            guard whole > 0, !(leadingZero && whole > 1) else { return false }
            if rest.first == UInt8(ascii: ".") {
                rest = rest.dropFirst()
                guard digits() > 0 else { return false }
            }
            if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
                rest = rest.dropFirst()
                if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
                guard digits() > 0 else { return false }
            }
            return rest.isEmpty
        }
    }
}
