extension ChallengeDocument {
    /// Longest field that is read, in bytes: a token of the greatest length and room for its parameters.
    private static let fieldBytesMax = 1_024

    /// Reads the value of the header `PoW-Challenge`:
    /// `<token>;alg="SHA-256";rounds=16;target="000010c6f7a0b5ec";expires-in=300`.
    ///
    /// Parameters may stand in any order, with spaces around the semicolons (RFC 9651, section 3.1.2); those that are not
    /// known are passed over.
    static func read(field: String) throws(Unreadable) -> ChallengeDocument {
        guard field.utf8.count <= fieldBytesMax else {
            throw Unreadable(description: "its header is longer than \(fieldBytesMax) bytes")
        }
        // A token holds no semicolon, and neither does any value of these parameters.
        let parts = field.split(separator: ";", omittingEmptySubsequences: false).map(trimmed)
        var parameters: [Substring: Substring] = [:]
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "=") else { continue }
            parameters[part[..<equals]] = unquoted(part[part.index(after: equals)...])
        }
        guard let rounds = parameters["rounds"].flatMap(number), let target = parameters["target"] else {
            throw Unreadable(description: "its header does not name rounds and target")
        }
        var expiresIn: Int?
        if let text = parameters["expires-in"] {
            guard let seconds = number(text) else {
                throw Unreadable(description: "its header's \"expires-in\" is not a number")
            }
            expiresIn = seconds
        }
        return try ChallengeDocument(
            challenge: String(parts[0]),
            algorithm: parameters["alg"].map(String.init),
            rounds: rounds,
            target: String(target),
            expiresIn: expiresIn
        )
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }

    private static func unquoted(_ text: Substring) -> Substring {
        guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
        return text.dropFirst().dropLast()
    }

    /// Digits only, at most 15 as in RFC 9651, section 3.3.1.
    private static func number(_ text: Substring) -> Int? {
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }
}
