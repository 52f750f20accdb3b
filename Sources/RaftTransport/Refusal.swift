import Wire

/// Why one side does not talk to the other, as it tells it before it closes.
public struct Refusal: Hashable, Sendable {
    /// Longest text that is sent or read, in bytes of UTF-8.
    public static let textBytesMax = 512

    /// What a refusal is about. A number that this release does not know is kept as it is.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The number itself, as it is sent.
        public var rawValue: UInt8

        /// A value of this number.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// What was sent breaks the protocol.
        public static let malformed = Code(rawValue: 1)
        /// No version in common.
        public static let version = Code(rawValue: 2)
        /// The certificate does not name the node that the sender says it is.
        public static let certificate = Code(rawValue: 3)
        /// Another cluster.
        public static let cluster = Code(rawValue: 4)
        /// Another node than the one that was dialled, or another lane.
        public static let node = Code(rawValue: 5)
        /// The owner of the transport says no.
        public static let unauthorized = Code(rawValue: 6)
        /// The refuser has said of itself what is no longer so. To dial again helps.
        public static let outdated = Code(rawValue: 7)
    }

    /// What it is about.
    public var code: Code
    /// One sentence for the operator of the other side. Printable: control characters are replaced.
    public let text: String

    /// A refusal. The text is cut to ``textBytesMax`` and made printable.
    public init(_ code: Code, _ text: String) {
        self.code = code
        self.text = Self.printable(text)
    }

    /// The refusal's bytes.
    func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 1 + 4 + text.utf8.count)
        writer.write(code.rawValue)
        writer.write(text: text)
        return writer.bytes
    }

    /// Reads a refusal.
    init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = ByteReader(bytes)
        let code = Code(rawValue: try reader.readUInt8())
        let text = try reader.readText(limit: Self.textBytesMax)
        try reader.finish()
        self.init(code, text)
    }

    /// A text that may be shown in a log whoever wrote it: bounded, and without control characters.
    static func printable(_ text: String) -> String {
        var result = ""
        var bytes = 0
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control || scalar.properties.isBidiControl
            let kept: Unicode.Scalar = isControl || scalar == "\u{2028}" || scalar == "\u{2029}" ? "?" : scalar
            bytes += UTF8.width(kept)
            guard bytes <= textBytesMax else { break }
            result.unicodeScalars.append(kept)
        }
        return result
    }
}
