import Settings

/// Writes one line of members, as a JSON object or as `name=value` pairs. ASCII only: whatever a client has put into a
/// value can neither end the line nor move a terminal's cursor.
struct LineText {
    /// Longest value, in bytes as written; what is longer ends with an ellipsis.
    static let valueBytesMax = 2_048

    private let format: LogSettings.Format
    private(set) var bytes: [UInt8]
    private var isFirst = true

    /// - Parameter bytes: what the line is written behind.
    init(format: LogSettings.Format, after bytes: consuming [UInt8] = []) {
        self.format = format
        self.bytes = bytes
        if format == .json { self.bytes.append(UInt8(ascii: "{")) }
    }

    /// Ends the line and hands it out.
    consuming func finished() -> [UInt8] {
        if format == .json { bytes.append(UInt8(ascii: "}")) }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// A value of ours that needs no escaping: letters, digits and a few signs.
    mutating func member(_ name: StaticString, word: String) {
        begin(name)
        if format == .json { bytes.append(UInt8(ascii: "\"")) }
        bytes.append(contentsOf: word.utf8)
        if format == .json { bytes.append(UInt8(ascii: "\"")) }
    }

    mutating func member(_ name: StaticString, number: UInt64) {
        begin(name)
        bytes.append(contentsOf: String(number).utf8)
    }

    /// A number with at most three digits behind the point.
    mutating func member(_ name: StaticString, thousandths: UInt64) {
        begin(name)
        bytes.append(contentsOf: String(thousandths / 1_000).utf8)
        let rest = thousandths % 1_000
        guard rest > 0 else { return }
        bytes.append(UInt8(ascii: "."))
        for divisor: UInt64 in [100, 10, 1] { bytes.append(UInt8(ascii: "0") + UInt8(rest / divisor % 10)) }
    }

    /// A value of anybody's.
    mutating func member(_ name: StaticString, text: [UInt8]) {
        text.withUnsafeBufferPointer { member(name, $0) }
    }

    mutating func member(_ name: StaticString, text: String) {
        var text = text
        text.withUTF8 { member(name, $0) }
    }

    private mutating func member(_ name: StaticString, _ text: UnsafeBufferPointer<UInt8>) {
        begin(name)
        if format == .text, !text.isEmpty, text.count <= Self.valueBytesMax, text.allSatisfy(Self.isPlain) {
            bytes.append(contentsOf: text)
        } else {
            Self.appendQuoted(text, to: &bytes)
        }
    }

    private mutating func begin(_ name: StaticString) {
        if !isFirst { bytes.append(format == .json ? UInt8(ascii: ",") : UInt8(ascii: " ")) }
        isFirst = false
        if format == .json { bytes.append(UInt8(ascii: "\"")) }
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        if format == .json { bytes.append(UInt8(ascii: "\"")) }
        bytes.append(format == .json ? UInt8(ascii: ":") : UInt8(ascii: "="))
    }

    /// What may stand in a pair without quotes.
    private static func isPlain(_ byte: UInt8) -> Bool {
        isOwn(byte) && byte != 0x20 && byte != UInt8(ascii: "=")
    }

    /// What stands for itself between quotes.
    private static func isOwn(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    // MARK: Quoting

    /// Appends a JSON string of printable ASCII (RFC 8259 section 7): everything else is written by number, and bytes
    /// that are not UTF-8 become U+FFFD.
    static func appendQuoted(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        if text.count <= valueBytesMax, text.allSatisfy(isOwn) {
            bytes.append(contentsOf: text)
        } else {
            appendEscaped(text, to: &bytes)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func appendEscaped(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        let end = bytes.count + valueBytesMax
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            if bytes.count >= end {
                appendUnit(0x2026, to: &bytes)
                return
            }
            switch scalar {
            case "\"", "\\":
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case _ where scalar.value >= 0x20 && scalar.value < 0x7F:
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            default:
                for unit in String(scalar).utf16 { appendUnit(unit, to: &bytes) }
            }
        }
    }

    private static func appendUnit(_ unit: UInt16, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(UInt8(ascii: "u"))
        for shift: UInt16 in [12, 8, 4, 0] { bytes.append(ASCII.lowerHex[Int(unit >> shift & 15)]) }
    }
}
