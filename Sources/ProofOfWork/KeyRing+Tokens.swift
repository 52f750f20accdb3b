import CSodium

// Sealing and opening of tokens.
//
// The tag is 16 bytes of HMAC-SHA-256 over all bytes before it, under the key of its kind and epoch. See `Authenticator`.

extension KeyRing {
    /// Writes the challenge's text, ``Challenge/textLength`` ASCII characters or 32 more where it has an origin, to the beginning of `output`.
    ///
    /// Its `rounds` must be 1 to 64 and its `price` at least 1: others are our own mistake and stop the process. Same
    /// challenge, same text. Throws ``TokenError/unknownEpoch`` or ``TokenError/laterEpoch`` where the ring does not have
    /// `challenge.epoch`.
    public func seal(_ challenge: Challenge, into output: UnsafeMutableRawBufferPointer) throws(TokenError) {
        try seal(token: challenge, key: Subkey.challenge, into: output)
    }

    /// Writes the pass's text, ``Pass/textLength`` ASCII characters or 32 more where it has an origin, to the beginning of `output`.
    ///
    /// Same pass, same text. Throws ``TokenError/unknownEpoch`` or ``TokenError/laterEpoch`` where the ring does not have
    /// `pass.epoch`.
    public func seal(_ pass: Pass, into output: UnsafeMutableRawBufferPointer) throws(TokenError) {
        try seal(token: pass, key: Subkey.pass, into: output)
    }

    /// The challenge's text. Allocates it.
    public func seal(_ challenge: Challenge) throws(TokenError) -> String {
        try text(Challenge.textLength(isLocal: challenge.origin != nil)) { output throws(TokenError) in
            try seal(challenge, into: output)
        }
    }

    /// The pass's text. Allocates it.
    public func seal(_ pass: Pass) throws(TokenError) -> String {
        try text(Pass.textLength(isLocal: pass.origin != nil)) { output throws(TokenError) in
            try seal(pass, into: output)
        }
    }

    /// Parses a challenge and authenticates it. A forged one costs one tag; nothing is allocated.
    ///
    /// Whether it is still alive, whose it is and whether it was spent is for the caller to ask, in this order.
    public func openChallenge(_ text: UnsafeRawBufferPointer) throws(TokenError) -> Challenge {
        try open(text, key: Subkey.challenge)
    }

    /// Parses a pass and authenticates it. A forged one costs one tag; nothing is allocated.
    public func openPass(_ text: UnsafeRawBufferPointer) throws(TokenError) -> Pass {
        try open(text, key: Subkey.pass)
    }

    /// ``openChallenge(_:)-(UnsafeRawBufferPointer)`` for a text that is a string already.
    public func openChallenge(_ text: String) throws(TokenError) -> Challenge {
        try open(text, key: Subkey.challenge)
    }

    /// ``openPass(_:)-(UnsafeRawBufferPointer)`` for a text that is a string already.
    public func openPass(_ text: String) throws(TokenError) -> Pass {
        try open(text, key: Subkey.pass)
    }

    // MARK: - Both kinds

    private func seal<Token: TokenLayout>(
        token: Token,
        key: Int,
        into output: UnsafeMutableRawBufferPointer
    ) throws(TokenError) {
        let keys = try epochKeys(token.epoch)
        var bytes = TokenBytes(repeating: 0)
        withUnsafeMutableBytes(of: &bytes) { bytes in
            guard let base = bytes.baseAddress else { return }
            let fields = Fields(base: base)
            token.write(to: fields)
            if let origin = token.origin { fields.store(origin, Token.signedCount) }
            let signed = Token.signedCount(isLocal: token.origin != nil)
            Authenticator.tag(
                UnsafeRawBufferPointer(rebasing: bytes[..<signed]),
                states: keys + key,
                into: base + signed
            )
            Base64URL.encode(UnsafeRawBufferPointer(rebasing: bytes[..<(signed + Token.tagCount)]), into: output)
        }
    }

    private func open<Token: TokenLayout>(_ text: UnsafeRawBufferPointer, key: Int) throws(TokenError) -> Token {
        var bytes = TokenBytes(repeating: 0)
        return try withUnsafeMutableBytes(of: &bytes) { bytes throws(TokenError) in
            // The version first, so that a token of a later one, which may be longer, is called what it is.
            guard text.count >= 4, Base64URL.decode(UnsafeRawBufferPointer(rebasing: text[..<4]), into: bytes)
            else { throw .malformed }
            guard bytes[0] == tokenVersion else { throw .unknownVersion }
            let isLocal = bytes[1] == Token.localType
            guard isLocal || bytes[1] == Token.type, text.count == Token.textLength(isLocal: isLocal),
                Base64URL.decode(text, into: bytes), let base = UnsafeRawPointer(bytes.baseAddress)
            else { throw .malformed }

            let fields = Fields(base: base)
            let keys = try epochKeys(fields.load(2))
            let signed = Token.signedCount(isLocal: isLocal)
            guard
                Authenticator.isValid(
                    UnsafeRawBufferPointer(start: base, count: signed),
                    states: keys + key,
                    tag: base + signed
                )
            else { throw .notAuthentic }
            var token = try Token(authentic: fields)
            if isLocal { token.origin = fields.loadOrigin(Token.signedCount) }
            return token
        }
    }

    private func open<Token: TokenLayout>(_ text: String, key: Int) throws(TokenError) -> Token {
        var text = text
        // Through Result, since String's closure does not carry a typed error.
        let result: Result<Token, TokenError> = text.withUTF8 { text in
            Result { () throws(TokenError) in try open(UnsafeRawBufferPointer(text), key: key) }
        }
        return try result.get()
    }

    private func text(
        _ count: Int,
        fill: (UnsafeMutableRawBufferPointer) throws(TokenError) -> Void
    ) throws(TokenError) -> String {
        var failure: TokenError?
        let text = String(unsafeUninitializedCapacity: count) { buffer in
            do throws(TokenError) {
                try fill(UnsafeMutableRawBufferPointer(buffer))
                return count
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        return text
    }
}

/// Room for the longest token, without an allocation.
private typealias TokenBytes = InlineArray<108, UInt8>
