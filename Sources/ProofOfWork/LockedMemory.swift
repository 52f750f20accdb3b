import CSodium

/// Secret bytes in memory of their own: guard pages around them, kept out of swap and core dumps where the process may
/// lock memory (`RLIMIT_MEMLOCK`; a container that forbids it weakens this and nothing else), read-only once filled,
/// wiped when released. libsodium's `sodium_malloc`.
final class LockedMemory: Sendable {
    /// The bytes, constant from the end of `init` to `deinit`; hence it may be read by any thread.
    nonisolated(unsafe) let bytes: UnsafeRawPointer

    /// Fills `count` bytes (1 or more; a multiple of 16 keeps them aligned to 16) and makes them read-only.
    ///
    /// Throws ``KeyRingError/outOfMemory``, or what `fill` throws.
    init(
        count: Int,
        fill: (UnsafeMutableRawBufferPointer) throws(KeyRingError) -> Void
    ) throws(KeyRingError) {
        guard sodiumIsReady, let base = sodium_malloc(count) else { throw .outOfMemory }
        do {
            try fill(UnsafeMutableRawBufferPointer(start: base, count: count))
        } catch {
            sodium_free(base)
            throw error
        }
        bytes = UnsafeRawPointer(base)
        // It only guards against our own stray writes; a kernel that refuses it takes no secret from us.
        _ = sodium_mprotect_readonly(base)
    }

    deinit {
        sodium_free(UnsafeMutableRawPointer(mutating: bytes))  // makes it writable and wipes it by itself
    }
}
