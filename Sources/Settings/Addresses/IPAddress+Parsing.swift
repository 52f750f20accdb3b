// Reading addresses as strictly as they are compared. Lenient readers disagree with each other about `010.0.0.1`, and
// where two readers of one header disagree, one of them can be lied to.

extension IPAddress {
    /// The address in `text`, nil if it is anything but one address. See ``init(utf8:)``.
    public init?(_ text: some StringProtocol) {
        var text = String(text)
        guard let parsed = text.withUTF8({ IPAddress(utf8: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = parsed
    }

    /// The address in these bytes, nil if they are anything but one address.
    ///
    /// IPv4 is four decimal numbers without leading zeros (RFC 6943 section 3.1.1 on why); IPv6 is RFC 4291 section
    /// 2.2: up to four hexadecimal digits a group, `::` at most once and for at least one group, the last 32 bits in
    /// dotted form if wanted. No brackets, zone, port or white space. Bounds: at most 45 bytes are looked at. Allocates
    /// nothing.
    public init?(utf8 bytes: UnsafeRawBufferPointer) {
        // The longest text is `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
        guard bytes.count >= 2, bytes.count <= 45 else { return nil }
        if (0..<min(5, bytes.count)).contains(where: { bytes[$0] == UInt8(ascii: ":") }) {
            guard let (high, low) = Self.parseIPv6(bytes) else { return nil }
            self.init(ipv6High: high, low: low)
        } else {
            guard let bits = Self.parseIPv4(bytes, from: 0) else { return nil }
            self.init(ipv4: bits)
        }
    }

    /// The address in all bytes from `start` on.
    private static func parseIPv4(_ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt32? {
        guard (7...15).contains(bytes.count - start) else { return nil }
        var address: UInt32 = 0
        var octet: UInt32 = 0
        var digits = 0
        var dots = 0
        for index in start..<bytes.count {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                // A second digit after a zero is a leading zero, which some readers take for octal.
                if digits > 0, octet == 0 { return nil }
                octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
                digits += 1
                guard octet <= 255 else { return nil }
            case UInt8(ascii: "."):
                guard digits > 0, dots < 3 else { return nil }
                address = address << 8 | octet
                (octet, digits, dots) = (0, 0, dots + 1)
            default:
                return nil
            }
        }
        guard digits > 0, dots == 3 else { return nil }
        return address << 8 | octet
    }

    private static func parseIPv6(_ bytes: UnsafeRawBufferPointer) -> (high: UInt64, low: UInt64)? {
        // Groups are shifted into `value`; what stood before a `::` is put aside and moved up at the end.
        var value: UInt128 = 0
        var groups = 0
        var before: UInt128 = 0
        var groupsBefore: Int?
        var position = 0
        if bytes[0] == UInt8(ascii: ":") {
            guard bytes[1] == UInt8(ascii: ":") else { return nil }
            groupsBefore = 0
            position = 2
        }
        while position < bytes.count {
            var group: UInt128 = 0
            let start = position
            while position < bytes.count, let digit = hexadecimalValue(bytes[position]) {
                guard position - start < 4 else { return nil }
                group = group << 4 | UInt128(digit)
                position += 1
            }
            if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
                guard groups + (groupsBefore ?? 0) <= 6, let tail = parseIPv4(bytes, from: start) else { return nil }
                value = value << 32 | UInt128(tail)
                groups += 2
                position = bytes.count
                break
            }
            guard position > start, groups + (groupsBefore ?? 0) < 8 else { return nil }
            value = value << 16 | group
            groups += 1
            guard position < bytes.count else { break }
            guard bytes[position] == UInt8(ascii: ":") else { return nil }
            position += 1
            guard position < bytes.count else { return nil }  // ends with a single colon
            if bytes[position] == UInt8(ascii: ":") {
                guard groupsBefore == nil else { return nil }
                (before, groupsBefore) = (value, groups)
                (value, groups) = (0, 0)
                position += 1
            }
        }
        if let groupsBefore {
            guard groupsBefore + groups < 8 else { return nil }
            // With nothing before it the shift would be by 128 bits, which `<<` defines as 0.
            value |= before << UInt128(16 * (8 - groupsBefore))
        } else {
            guard groups == 8 else { return nil }
        }
        return (UInt64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value))
    }
}

/// The value of a hexadecimal digit, in either case.
@inline(__always)
func hexadecimalValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
