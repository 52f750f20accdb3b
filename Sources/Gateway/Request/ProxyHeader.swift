import Settings

/// The PROXY protocol's header. Pure.
enum ProxyHeader {
    enum Result: Equatable {
        case incomplete
        case malformed
        case complete(length: Int, address: IPAddress?)
    }

    /// Longest header of version 2 that is taken, in bytes: addresses and room for what proxies attach.
    static let version2BytesMax = 4_096
    /// Longest line of version 1, with its end (section 2.1).
    static let version1BytesMax = 107

    private static let signature2: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let signature1 = Array("PROXY ".utf8)

    static func parse(_ view: some Collection<UInt8>) -> Result {
        let bytes = Array(view.prefix(version2BytesMax + 16))
        if bytes.starts(with: signature2) { return parse2(bytes) }
        if bytes.starts(with: signature1) { return parse1(bytes) }
        let isBeginning = signature2.starts(with: bytes) || signature1.starts(with: bytes)
        return isBeginning ? .incomplete : .malformed
    }

    private static func parse1(_ bytes: [UInt8]) -> Result {
        let line = bytes.prefix(version1BytesMax)
        guard let end = line.firstIndex(of: 0x0A) else {
            return bytes.count < version1BytesMax ? .incomplete : .malformed
        }
        guard end > 0, line[end - 1] == 0x0D else { return .malformed }
        let words = line[..<(end - 1)].split(separator: 0x20, omittingEmptySubsequences: false)
        let family = String(decoding: words.count > 1 ? words[1] : [], as: UTF8.self)
        if family == "UNKNOWN" { return .complete(length: end + 1, address: nil) }
        guard words.count == 6, family == "TCP4" || family == "TCP6",
            let source = address(words[2], isIPv4: family == "TCP4"),
            address(words[3], isIPv4: family == "TCP4") != nil, isPort(words[4]), isPort(words[5])
        else { return .malformed }
        return .complete(length: end + 1, address: source)
    }

    /// An address in the notation of its family. An IPv4-mapped one is written as IPv6 and becomes IPv4.
    private static func address(_ word: ArraySlice<UInt8>, isIPv4: Bool) -> IPAddress? {
        guard word.contains(UInt8(ascii: ":")) != isIPv4 else { return nil }
        return IPAddress(String(decoding: word, as: UTF8.self))
    }

    private static func isPort(_ word: ArraySlice<UInt8>) -> Bool {
        word.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && UInt16(String(decoding: word, as: UTF8.self)) != nil
    }

    private static func parse2(_ bytes: [UInt8]) -> Result {
        guard bytes.count >= 16 else { return .incomplete }
        let length = Int(bytes[14]) << 8 | Int(bytes[15])
        guard length <= version2BytesMax, bytes[12] >> 4 == 2 else { return .malformed }
        guard bytes.count >= 16 + length else { return .incomplete }
        let total = 16 + length
        func word(_ start: Int, _ count: Int) -> UInt64 {
            bytes[start..<start + count].reduce(0) { $0 << 8 | UInt64($1) }
        }
        switch (bytes[12] & 0x0F, bytes[13]) {
        case (0, _):
            // LOCAL: the proxy speaks for itself.
            return .complete(length: total, address: nil)
        case (1, 0x11), (1, 0x12):
            guard length >= 12 else { return .malformed }
            return .complete(length: total, address: IPAddress(ipv4: UInt32(word(16, 4))))
        case (1, 0x21), (1, 0x22):
            guard length >= 36 else { return .malformed }
            return .complete(length: total, address: IPAddress(ipv6High: word(16, 8), low: word(24, 8)))
        case (1, 0x00), (1, 0x31), (1, 0x32):
            // Unspecified, or a Unix socket: no address of the Internet.
            return .complete(length: total, address: nil)
        default:
            return .malformed
        }
    }
}
