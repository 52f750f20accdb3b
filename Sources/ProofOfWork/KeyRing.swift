import CSodium

/// Why a key ring cannot be made. All are faults of the node's own state, none a client's.
public enum KeyRingError: Error, Hashable, Sendable {
    /// The cluster's secret or an epoch's is not 32 bytes long.
    case wrongSecretLength
    /// No epoch, or more than ``KeyRing/epochCountMax``.
    case wrongEpochCount
    /// Two epochs have the same number.
    case duplicateEpoch
    /// The current epoch is not among those given.
    case unknownCurrentEpoch
    /// The system gave no memory, or libsodium found no source of randomness.
    case outOfMemory
}

/// All keys of a node's public side, derived from the cluster's secret and the secrets of the epochs that are kept.
///
/// A ring never changes: when an epoch comes or goes, make another and let go of this one, which wipes it. Any thread
/// may use it; nothing here allocates but what returns a `String`.
///
///     epoch secret ─┐
///     epoch number ─┼─ keyed BLAKE2b under the cluster's secret ─→ epoch key ─ crypto_kdf ─┬─ 1: challenges
///     cluster secret┘                                                                     └─ 2: passes
///     cluster secret ─ crypto_kdf ─┬─ 1: bindings   2, 3: quota keys   4: idempotency keys       (these never rotate)
///
/// So a token of one kind or epoch is nothing under the key of another, and who learns an epoch's secret but not the
/// cluster's, or the reverse, can forge nothing. The inputs of the derivation have fixed widths.
public final class KeyRing: Sendable {
    /// The most epochs that a ring keeps: a challenge of 2^32 s would outlive them, but no configuration allows one.
    public static let epochCountMax = 64

    /// The bytes of the cluster's secret and of each epoch's.
    public static let secretCount = 32

    /// The epoch under which new tokens are to be sealed.
    public let currentEpoch: UInt32

    /// The numbers of the epochs, newest first, so that the usual one is found at once. Not secret.
    let epochs: [UInt32]

    /// The subkeys: those that never rotate, then those of each epoch, in the order of `epochs`.
    let keys: LockedMemory

    /// Derives all subkeys.
    ///
    /// - Parameters:
    ///   - clusterSecret: 32 bytes, read only during the call.
    ///   - epochs: 1 to 64, in any order; each secret 32 bytes.
    ///   - current: the number of the epoch to seal under.
    public init(
        clusterSecret: UnsafeRawBufferPointer,
        epochs: [(number: UInt32, secret: [UInt8])],
        current: UInt32
    ) throws(KeyRingError) {
        guard clusterSecret.count == Self.secretCount, epochs.allSatisfy({ $0.secret.count == Self.secretCount })
        else { throw .wrongSecretLength }
        guard (1...Self.epochCountMax).contains(epochs.count) else { throw .wrongEpochCount }
        let sorted = epochs.sorted { $0.number > $1.number }
        guard zip(sorted, sorted.dropFirst()).allSatisfy({ $0.number != $1.number }) else { throw .duplicateEpoch }
        guard sorted.contains(where: { $0.number == current }) else { throw .unknownCurrentEpoch }

        currentEpoch = current
        self.epochs = sorted.map(\.number)
        keys = try LockedMemory(
            count: Subkey.epochsOffset + sorted.count * Subkey.epochStride
        ) { memory throws(KeyRingError) in
            try Subkey.derivePermanent(from: clusterSecret, into: memory)
            for (index, epoch) in sorted.enumerated() {
                let offset = Subkey.epochsOffset + index * Subkey.epochStride
                try Subkey.deriveEpoch(
                    number: epoch.number,
                    secret: epoch.secret,
                    clusterSecret: clusterSecret,
                    into: UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + Subkey.epochStride])
                )
            }
        }
    }

    /// The same, from bytes in an array. The array is the caller's, who may want to wipe it.
    public convenience init(
        clusterSecret: [UInt8],
        epochs: [(number: UInt32, secret: [UInt8])],
        current: UInt32
    ) throws(KeyRingError) {
        // Through Result, since the standard library's closure does not carry a typed error.
        let copy: Result<LockedMemory, KeyRingError> = clusterSecret.withUnsafeBytes { source in
            guard source.count == Self.secretCount else { return .failure(.wrongSecretLength) }
            return Result { () throws(KeyRingError) in
                try LockedMemory(count: source.count) { $0.copyMemory(from: source) }
            }
        }
        let secret = try copy.get()
        try self.init(
            clusterSecret: UnsafeRawBufferPointer(start: secret.bytes, count: Self.secretCount),
            epochs: epochs,
            current: current
        )
    }

    /// Where the subkeys of an epoch begin. At most 64 comparisons, of numbers that are no secret.
    func epochKeys(_ number: UInt32) throws(TokenError) -> UnsafeRawPointer {
        for index in epochs.indices where epochs[index] == number {
            return keys.bytes + (Subkey.epochsOffset + index * Subkey.epochStride)
        }
        throw number > epochs[0] ? .laterEpoch : .unknownEpoch
    }
}
