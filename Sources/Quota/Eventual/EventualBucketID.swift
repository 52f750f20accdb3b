import Ledger

/// A bucket of one limit, in 64 bits: the same at every node.
///
/// Keys are keyed hashes of 128 bits, of which 62 are enough here: nobody outside can choose keys that collide, and of a
/// million that are live at a time two share a bucket once in some nine million times. One word is what a table can take
/// and look for without a lock.
struct EventualBucketID: Hashable, Sendable {
    /// The two lowest bits are the kind.
    let rawValue: UInt64

    enum Kind: UInt64 {
        /// A key's own.
        case own = 0
        /// Of the fallback that keys beyond `maxKeys` share.
        case fallback = 1
        /// The limit's last resort.
        case shared = 2
        /// No bucket: see ``EventualTable``.
        case none = 3
    }

    /// A word from a table or a peer.
    @inline(__always)
    init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The bucket of a key.
    @inline(__always)
    init(_ key: QuotaKey, _ kind: Kind) {
        let mixed = (key.low ^ key.high &* 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
        // Whatever the key is, the word is none of the small numbers that mean something else.
        rawValue = max((mixed ^ mixed >> 32) & ~3, 4) | kind.rawValue
    }

    /// The limit's last resort.
    static let shared = EventualBucketID(rawValue: Kind.shared.rawValue)

    @inline(__always)
    var kind: Kind { Kind(rawValue: rawValue & 3) ?? .none }

    /// Whether it can be a bucket's: a peer may send any number.
    var isValid: Bool {
        switch kind {
        case .own, .fallback: rawValue >= 4
        case .shared: self == .shared
        case .none: false
        }
    }
}
