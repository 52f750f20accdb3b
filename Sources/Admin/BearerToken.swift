import CSodium

/// The secret that whoever asks must show (RFC 6750 section 2.1). A value.
struct BearerToken: Sendable {
    private let bytes: [UInt8]

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// Whether a request's only `Authorization` field shows it. How long the comparison takes says nothing but the length
    /// of the token.
    func isShown(by authorization: [String]) -> Bool {
        guard authorization.count == 1, let field = authorization.first else { return false }
        let scheme = "bearer "
        guard field.utf8.count > scheme.utf8.count, field.prefix(scheme.count).lowercased() == scheme else {
            return false
        }
        let shown = Array(field.utf8.dropFirst(scheme.utf8.count))
        return shown.count == bytes.count && sodium_memcmp(shown, bytes, bytes.count) == 0
    }
}
