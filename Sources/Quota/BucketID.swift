import Ledger

/// A bucket as a node names it: a limit, whose key pays, and what must be left in it.
///
/// The policy is not part of it, since a limit's number belongs to one policy and is never used again. The reserve is: units
/// that were lent beside a reserve are not those that were lent without one, and must not be spent for one another.
public struct BucketID: Hashable, Sendable {
    private let key: (high: UInt64, low: UInt64)
    private let limitNumber: UInt32
    /// Units that are left in the bucket by whatever takes from it.
    public let reserve: UInt32

    /// The bucket of one limit of a charge.
    public init(_ charge: LimitCharge) {
        self.init(limit: charge.limit, key: charge.key, reserve: charge.reserve)
    }

    /// A bucket of these names.
    public init(limit: LimitID, key: QuotaKey, reserve: UInt32) {
        self.key = (key.high, key.low)
        limitNumber = limit.rawValue
        self.reserve = reserve
    }

    /// The limit.
    public var limit: LimitID { LimitID(rawValue: limitNumber) }

    /// Who pays.
    public var quotaKey: QuotaKey { QuotaKey(high: key.high, low: key.low) }

    /// All 64 bits are good ones: a key is a keyed hash already, so that nobody outside can choose keys that collide.
    @inline(__always)
    var hash: UInt64 {
        let names = UInt64(limitNumber) << 32 | UInt64(reserve)
        let mixed = (key.low ^ names &* 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
        return mixed ^ mixed >> 32
    }

    /// An order without a meaning, the same in every process.
    func precedes(_ other: BucketID) -> Bool {
        (key.high, key.low, limitNumber, reserve) < (other.key.high, other.key.low, other.limitNumber, other.reserve)
    }

    /// The same bucket.
    @inline(__always)
    public static func == (left: BucketID, right: BucketID) -> Bool {
        left.key.low == right.key.low && left.key.high == right.key.high && left.limitNumber == right.limitNumber
            && left.reserve == right.reserve
    }

    /// See ``Swift/Hashable``.
    public func hash(into hasher: inout Hasher) { hasher.combine(hash) }
}
