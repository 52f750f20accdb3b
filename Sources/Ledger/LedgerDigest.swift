/// A summary of all of a ledger's state: equal states have equal digests, whatever the order in which their entries
/// came and however their tables lie in memory.
///
/// It is the sum, in two lanes of 64 bits, of a hash of each entry. It finds replicas that differ by a fault; it is no
/// defence against someone who can write the state, and need not be.
public struct LedgerDigest: Hashable, Sendable {
    /// The sum's first lane.
    public var high: UInt64
    /// The sum's second lane.
    public var low: UInt64

    /// A value of these fields.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    static let zero = LedgerDigest(high: 0, low: 0)

    @inline(__always)
    static func += (left: inout LedgerDigest, right: LedgerDigest) {
        left.high &+= right.high
        left.low &+= right.low
    }

    @inline(__always)
    static func -= (left: inout LedgerDigest, right: LedgerDigest) {
        left.high &-= right.high
        left.low &-= right.low
    }
}

/// What kind of entry a hash is of, so that entries of two kinds with the same fields differ.
enum DigestKind: UInt64 {
    case header = 1
    case policy = 2
    case epoch = 3
    case bucket = 4
    case override = 5
    case session = 6
    case result = 7
    case record = 8
    case slice = 9
    case prefix = 10
    case prices = 11
}

/// Hashes the fields of one entry, two multiplications a word.
struct DigestMixer: FieldSink {
    private var high: UInt64
    private var low: UInt64

    @inline(__always)
    init(_ kind: DigestKind) {
        // Digits of pi: numbers that nobody chose.
        high = 0x243F_6A88_85A3_08D3 ^ kind.rawValue
        low = 0x1319_8A2E_0370_7344 &+ kind.rawValue
    }

    @inline(__always)
    mutating func u64(_ value: UInt64) {
        high = Self.fold(high ^ value, 0xA409_3822_299F_31D1) &+ 0x082E_FA98_EC4E_6C89
        low = Self.fold(low ^ value, 0x4528_21E6_38D0_1377) ^ 0xBE54_66CF_34E9_0C6C
    }

    @inline(__always) mutating func u8(_ value: UInt8) { u64(UInt64(value)) }
    @inline(__always) mutating func u32(_ value: UInt32) { u64(UInt64(value)) }

    mutating func fixed(_ value: [UInt8]) { words(of: value) }
    mutating func text(_ value: String) { words(of: value.utf8) }

    private mutating func words(of bytes: some Collection<UInt8>) {
        u64(UInt64(bytes.count))
        var word: UInt64 = 0
        var filled = 0
        for byte in bytes {
            word = word << 8 | UInt64(byte)
            filled += 1
            if filled == 8 {
                u64(word)
                word = 0
                filled = 0
            }
        }
        if filled > 0 { u64(word) }
    }

    @inline(__always)
    func finish() -> LedgerDigest {
        LedgerDigest(
            high: Self.fold(high ^ (low >> 32), 0xC0AC_29B7_C97C_50DD),
            low: Self.fold(low ^ (high >> 32), 0x3F84_D5B5_B547_0917)
        )
    }

    /// The product's halves, folded: each bit of the result depends on each bit of `value`.
    @inline(__always)
    static func fold(_ value: UInt64, _ factor: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: factor)
        return product.high ^ product.low
    }
}
