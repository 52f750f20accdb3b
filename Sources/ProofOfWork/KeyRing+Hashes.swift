import CSodium

// The keyed hashes that never rotate: what a client is known by in tokens and in the ledger, so that neither holds an
// address or a header's value. SipHash-2-4 under keys that no client sees; no client sees its results in full either.

extension KeyRing {
    /// What binds a token to a client: a keyed hash of its address, already cut to the prefix that counts as one
    /// client. Never 0.
    ///
    /// - Parameters:
    ///   - high: an IPv6 address's first eight bytes, big-endian; 0 for IPv4.
    ///   - low: an IPv6 address's last eight bytes, or the IPv4 address.
    ///   - isIPv4: keeps 0.0.0.1 and ::1 apart.
    public func binding(high: UInt64, low: UInt64, isIPv4: Bool) -> UInt64 {
        let hash = addressHash(high: high, low: low, isIPv4: isIPv4, key: (keys.bytes + Subkey.binding).bound)
        return hash == 0 ? 1 : hash
    }

    /// The ledger's key for what a limit counts, from bytes of any length: a header's value, a pass.
    ///
    /// The bytes are hashed first, and the kind, the form and the count with that hash: all of fixed width, and no
    /// copy. Two inputs have the same key with the probability 2^−128 and no client can look for one.
    ///
    /// - Parameter kind: what sort of thing the bytes are; the caller numbers them and never changes the numbers.
    public func quotaKey(kind: UInt8, bytes: UnsafeRawBufferPointer) -> (high: UInt64, low: UInt64) {
        let inner = hash(bytes, key: Subkey.quotaInner)
        return outer(kind: kind, form: 1, inner.high, inner.low, UInt64(bytes.count))
    }

    /// The ledger's key for what a limit counts, from two words: an address cut to a prefix.
    ///
    /// Never the key that ``quotaKey(kind:bytes:)`` gives for any bytes.
    ///
    /// - Parameter kind: as there.
    public func quotaKey(kind: UInt8, high: UInt64, low: UInt64) -> (high: UInt64, low: UInt64) {
        outer(kind: kind, form: 2, high, low, 0)
    }

    /// What an idempotency key is kept as. The bytes are the client's, at any length that the gateway lets in.
    public func idempotencyKey(_ bytes: UnsafeRawBufferPointer) -> (high: UInt64, low: UInt64) {
        hash(bytes, key: Subkey.idempotency)
    }

    private func outer(
        kind: UInt8,
        form: UInt8,
        _ a: UInt64,
        _ b: UInt64,
        _ c: UInt64
    ) -> (high: UInt64, low: UInt64) {
        var message = (a.bigEndian, b.bigEndian, c.bigEndian, (UInt64(kind) << 8 | UInt64(form)).bigEndian)
        return withUnsafeBytes(of: &message) { hash($0, key: Subkey.quotaOuter) }
    }

    /// SipHash-2-4 of 128 bits.
    private func hash(_ bytes: UnsafeRawBufferPointer, key: Int) -> (high: UInt64, low: UInt64) {
        var result: (UInt64, UInt64) = (0, 0)
        // An empty buffer may have no address, and libsodium reads none for it; it still wants one that is not null.
        let base = bytes.bound ?? keys.bytes.bound
        withUnsafeMutableBytes(of: &result) { result in
            guard let result = result.bound else { return }
            _ = crypto_shorthash_siphashx24(result, base, UInt64(bytes.count), (keys.bytes + key).bound)
        }
        return (UInt64(bigEndian: result.0), UInt64(bigEndian: result.1))
    }
}

/// SipHash-2-4 of an address.
///
/// - Parameters:
///   - high: an IPv6 address's first eight bytes; 0 for IPv4.
///   - low: an IPv6 address's last eight bytes, or the IPv4 address.
///   - isIPv4: keeps 0.0.0.1 and ::1 apart.
///   - key: `crypto_shorthash_KEYBYTES` bytes.
func addressHash(high: UInt64, low: UInt64, isIPv4: Bool, key: UnsafePointer<UInt8>?) -> UInt64 {
    var message = (high.bigEndian, low.bigEndian, UInt64(isIPv4 ? 4 : 6).bigEndian)
    var hash: UInt64 = 0
    withUnsafeBytes(of: &message) { message in
        withUnsafeMutableBytes(of: &hash) { hash in
            guard let hash = hash.bound, let key else { return }
            _ = crypto_shorthash(hash, message.bound, UInt64(message.count), key)
        }
    }
    return UInt64(littleEndian: hash)
}
