/// What stands in a request's path and query, decoded.
enum PathText {
    /// A segment of a path as the text that it stands for; nil where it is not encoded as it should be.
    static func decoded(_ segment: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(segment.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                rest.first != UInt8(ascii: "+")
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// The fields of a query, each of which may be there once; nil where it has others, or one twice.
    static func fields(_ query: Substring, known: Set<String>) -> [String: String]? {
        var fields: [String: String] = [:]
        for part in query.split(separator: "&", omittingEmptySubsequences: true) {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, let name = decoded(sides[0]), let value = decoded(sides[1]), known.contains(name),
                fields.updateValue(value, forKey: name) == nil
            else { return nil }
        }
        return fields
    }
}
