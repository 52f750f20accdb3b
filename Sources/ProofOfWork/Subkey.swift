import CSodium

/// Where each subkey stands in a ring's memory, and how it is derived.
enum Subkey {
    // Those that never rotate, 16 bytes each: keys of SipHash.
    static let binding = 0
    static let quotaInner = 16
    static let quotaOuter = 32
    static let idempotency = 48
    /// The epochs' begin here, each `epochStride` bytes.
    static let epochsOffset = 64

    // Those of an epoch: for each kind of token the states that an HMAC begins and ends with.
    static let challenge = 0
    static let pass = 64
    static let epochStride = 128

    static let hashKeyCount = 16
    static let tagKeyCount = 32
    static let tagStateCount = 64

    /// Derives the subkeys that never rotate to the beginning of `memory`.
    static func derivePermanent(
        from clusterSecret: UnsafeRawBufferPointer,
        into memory: UnsafeMutableRawBufferPointer
    ) throws(KeyRingError) {
        for (number, offset) in [(1, binding), (2, quotaInner), (3, quotaOuter), (4, idempotency)] {
            try derive(
                UInt64(number),
                context: "tg-perm1",
                from: clusterSecret,
                into: UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + hashKeyCount])
            )
        }
    }

    /// Derives the subkeys of one epoch to `memory`, `epochStride` bytes.
    static func deriveEpoch(
        number: UInt32,
        secret: [UInt8],
        clusterSecret: UnsafeRawBufferPointer,
        into memory: UnsafeMutableRawBufferPointer
    ) throws(KeyRingError) {
        let personalization: StaticString = "tollgate-epoch-1"  // 16 characters, BLAKE2b's size for it
        // The epoch key is a stage of its own, for crypto_kdf takes one secret and there are two. It lives in memory
        // that is wiped, and so does the message, which holds the epoch's secret.
        let messageCount = 16 + KeyRing.secretCount
        let message = try LockedMemory(count: messageCount) { message in
            // 4 bytes of number, 12 of padding, 32 of secret: fixed widths.
            message.initializeMemory(as: UInt8.self, repeating: 0)
            message.storeBytes(of: number.bigEndian, as: UInt32.self)
            secret.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: message[16...]).copyMemory(from: $0) }
        }
        let epochKey = try LockedMemory(count: KeyRing.secretCount) { key throws(KeyRingError) in
            // A personalization of its own keeps this use of the cluster's secret apart from crypto_kdf's.
            guard let base = key.bound else { throw .outOfMemory }
            let result = crypto_generichash_blake2b_salt_personal(
                base,
                key.count,
                message.bytes.bound,
                UInt64(messageCount),
                clusterSecret.bound,
                clusterSecret.count,
                nil,
                personalization.utf8Start
            )
            guard result == 0 else { throw .outOfMemory }
        }
        let source = UnsafeRawBufferPointer(start: epochKey.bytes, count: KeyRing.secretCount)
        for (number, offset) in [(1, challenge), (2, pass)] {
            let tagKey = try LockedMemory(count: tagKeyCount) { key throws(KeyRingError) in
                try derive(UInt64(number), context: "tg-token", from: source, into: key)
            }
            guard let states = memory.baseAddress else { throw .outOfMemory }
            let key = UnsafeRawBufferPointer(start: tagKey.bytes, count: tagKeyCount)
            Authenticator.prepare(key: key, into: states + offset)
        }
    }

    /// crypto_kdf: subkey `number` of `source` (32 bytes) under a context of eight ASCII characters.
    private static func derive(
        _ number: UInt64,
        context: StaticString,
        from source: UnsafeRawBufferPointer,
        into subkey: UnsafeMutableRawBufferPointer
    ) throws(KeyRingError) {
        precondition(context.utf8CodeUnitCount == 8 && source.count == 32, "crypto_kdf has fixed sizes")
        guard let subkeyBase = subkey.bound, let sourceBase = source.bound else { throw .outOfMemory }
        let result = context.utf8Start.withMemoryRebound(to: CChar.self, capacity: 8) { context in
            crypto_kdf_derive_from_key(subkeyBase, subkey.count, number, context, sourceBase)
        }
        guard result == 0 else { throw .outOfMemory }
    }
}

// libsodium speaks of `unsigned char`; raw memory may be seen as that at any time.
extension UnsafeRawPointer {
    var bound: UnsafePointer<UInt8> { assumingMemoryBound(to: UInt8.self) }
}

extension UnsafeMutableRawPointer {
    var bound: UnsafeMutablePointer<UInt8> { assumingMemoryBound(to: UInt8.self) }
}

extension UnsafeRawBufferPointer {
    var bound: UnsafePointer<UInt8>? { baseAddress?.bound }
}

extension UnsafeMutableRawBufferPointer {
    var bound: UnsafeMutablePointer<UInt8>? { baseAddress?.bound }
}
