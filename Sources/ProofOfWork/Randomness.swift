import CSodium

/// Whether libsodium has chosen its code for this processor and opened its source of randomness. Runs once, whoever
/// comes first; all that uses libsodium here asks it before.
let sodiumIsReady: Bool = sodium_init() >= 0

/// Fills the buffer from the operating system's randomness (libsodium's `randombytes_buf`). Any thread.
public func randomBytes(into buffer: UnsafeMutableRawBufferPointer) {
    precondition(sodiumIsReady, "libsodium found no source of randomness")
    guard let base = buffer.baseAddress else { return }
    randombytes_buf(base, buffer.count)
}

/// `count` bytes of the operating system's randomness. For secrets that stay, prefer the form that fills locked memory.
///
/// - Parameter count: 0 or more.
public func randomBytes(count: Int) -> [UInt8] {
    // All empty arrays share one buffer of the standard library's; nobody writes into it.
    guard count > 0 else { return [] }
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        randomBytes(into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
        filled = count
    }
}
