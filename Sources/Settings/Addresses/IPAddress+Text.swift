extension IPAddress: CustomStringConvertible {
    /// The canonical text: dotted decimal, or RFC 5952 (lower case, no leading zeros, the longest run of two or more
    /// zero groups, the first of equals, as `::`). Reading it again gives the same value.
    public var description: String {
        isIPv4 ? ipv4Text : ipv6Text
    }

    private var ipv4Text: String {
        "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)"
    }

    private func group(_ index: Int) -> UInt64 {
        (index < 4 ? high >> UInt64(48 - 16 * index) : low >> UInt64(48 - 16 * (index - 4))) & 0xFFFF
    }

    private var ipv6Text: String {
        var longest = 0..<0
        var index = 0
        while index < 8 {
            var end = index
            while end < 8, group(end) == 0 { end += 1 }
            // A single zero group is not shortened (RFC 5952 section 4.2.2).
            if end - index > max(longest.count, 1) { longest = index..<end }
            index = max(end, index + 1)
        }
        var text = ""
        index = 0
        while index < 8 {
            if index == longest.lowerBound, !longest.isEmpty {
                text += "::"
                index = longest.upperBound
                continue
            }
            if !text.isEmpty, !text.hasSuffix(":") { text += ":" }
            text += String(group(index), radix: 16)
            index += 1
        }
        return text
    }
}
