/// The tokens of wire protocol version 1: a challenge, and the pass that its solution buys.
///
/// To clients a token is opaque. To us it is fixed-width fields, big-endian, no delimiter, with a tag over all of them
/// at the end, in base64url. Each layout is a multiple of three bytes long, so that its text has no spare bits and
/// each token has exactly one text. The first byte is 1, hence the first character is a letter.
///
///     challenge, 84 bytes, 112 characters          pass, 72 bytes, 96 characters
///      0  1  version = 1                            0  1  version = 1
///      1  1  type = 1                               1  1  type = 2
///      2  4  epoch                                  2  4  epoch
///      6  4  policy                                 6  4  policy
///     10  1  flags: bit 0 bound                    10  1  flags: bit 0 bound
///     11  8  binding, 0 where not bound            11  8  binding, 0 where not bound
///     19  8  issued, ns of ledger time             19  8  expires, ns of ledger time
///     27  4  lifetime, s                           27  8  record expires, ns of ledger time
///     31  1  rounds                                35  4  grants
///     32  8  target                                39  1  reserved = 0
///     40  4  grants                                40 16  id, the challenge's
///     44  4  lifetime of the pass, s               56 16  tag
///     48  4  price, 16.16
///     52 16  id, random
///     68 16  tag
///
/// A token that is good at one node alone, while it runs, is of type 3 for a challenge (144 characters) and 4 for a pass (128),
/// and has 24 bytes more before its tag: the replica id, 16, and the boot, 8.

/// What makes a token's text unacceptable. The gateway turns it into a refusal: see the table in the protocol.
public enum TokenError: Error, Hashable, Sendable {
    /// Not the length, the alphabet or the type that was asked for, or fields that no one could have sealed. 400.
    case malformed
    /// Of another version of the protocol. 400.
    case unknownVersion
    /// Sealed, or said to be, in an epoch that is not kept (any more). 410.
    case unknownEpoch
    /// Sealed, or said to be, in an epoch after all those of the ring. It may be that another node knows that epoch already:
    /// whoever has made sure that none does answers 410.
    case laterEpoch
    /// The tag is not ours. 403.
    case notAuthentic
}

/// One run of one node, at which alone a token is good that was made while no majority could decide.
public struct TokenOrigin: Hashable, Sendable {
    /// The first eight bytes of its replica's id, big-endian.
    public var replicaHigh: UInt64
    /// The last eight bytes.
    public var replicaLow: UInt64
    /// Drawn when its process began.
    public var boot: UInt64

    /// A run of these names.
    public init(replicaHigh: UInt64, replicaLow: UInt64, boot: UInt64) {
        self.replicaHigh = replicaHigh
        self.replicaLow = replicaLow
        self.boot = boot
    }
}

/// The 16 random bytes that tell challenges apart; a pass has its challenge's.
public struct TokenID: Hashable, Sendable {
    /// The first eight bytes, big-endian.
    public var high: UInt64
    /// The last eight bytes, big-endian.
    public var low: UInt64

    /// An identity that is already known.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A fresh identity, from the operating system's randomness.
    public static func random() -> TokenID {
        var id = TokenID(high: 0, low: 0)
        withUnsafeMutableBytes(of: &id) { randomBytes(into: $0) }
        return id
    }
}

/// A puzzle as it was issued to one client. What was issued is what is verified: nothing here is looked up again.
public struct Challenge: Hashable, Sendable {
    /// The characters of its text, where it has no ``origin``.
    public static let textLength = 112

    /// The epoch whose key seals it.
    public var epoch: UInt32
    /// The policy's number in the ledger.
    public var policy: UInt32
    /// The client it is for (``KeyRing/binding(high:low:isIPv4:)``); nil: whoever has it.
    public var binding: UInt64?
    /// When it was issued, in nanoseconds of ledger time.
    public var issued: UInt64
    /// How long it can be redeemed, in seconds.
    public var lifetime: UInt32
    /// How many sub-puzzles, 1 to 64.
    public var rounds: UInt8
    /// What the first eight bytes of each round's digest may at most be.
    public var target: UInt64
    /// The requests that its pass is good for.
    public var grants: UInt32
    /// How long its pass lives, in seconds.
    public var passLifetime: UInt32
    /// By how much it is harder than its policy's difficulty: 16.16 fixed point, at least ``Difficulty/priceOne``.
    public var price: UInt32
    /// Which challenge this is.
    public var id: TokenID
    /// Where alone it can be redeemed; nil: anywhere.
    public var origin: TokenOrigin?

    /// A challenge of these fields. Nothing is checked here; ``KeyRing/seal(_:into:)`` states what it demands.
    public init(
        epoch: UInt32,
        policy: UInt32,
        binding: UInt64?,
        issued: UInt64,
        lifetime: UInt32,
        rounds: UInt8,
        target: UInt64,
        grants: UInt32,
        passLifetime: UInt32,
        price: UInt32 = Difficulty.priceOne,
        id: TokenID = .random(),
        origin: TokenOrigin? = nil
    ) {
        self.epoch = epoch
        self.policy = policy
        self.binding = binding
        self.issued = issued
        self.lifetime = lifetime
        self.rounds = rounds
        self.target = target
        self.grants = grants
        self.passLifetime = passLifetime
        self.price = price
        self.id = id
        self.origin = origin
    }

    /// The first nanosecond of ledger time at which it cannot be redeemed any more; saturates at 2^64 − 1.
    public var expires: UInt64 {
        // 2^32 s in nanoseconds stay below 2^62; only the sum can overflow.
        let (sum, overflow) = issued.addingReportingOverflow(UInt64(lifetime) * 1_000_000_000)
        return overflow ? .max : sum
    }
}

/// What a redeemed challenge returns: shown with a request, it pays for it.
public struct Pass: Hashable, Sendable {
    /// The characters of its text, where it has no ``origin``.
    public static let textLength = 96

    /// The epoch whose key seals it.
    public var epoch: UInt32
    /// The policy's number in the ledger.
    public var policy: UInt32
    /// The client it was opened for; nil: whoever has it. The ledger may know a newer binding.
    public var binding: UInt64?
    /// The first nanosecond of ledger time at which it pays no more.
    public var expires: UInt64
    /// The nanosecond of ledger time at which its record leaves the ledger: it tells the record's bucket.
    public var recordExpiry: UInt64
    /// The requests that it was good for when it was opened; what remains is in the ledger.
    public var grants: UInt32
    /// The identity of the challenge that bought it.
    public var id: TokenID
    /// Where alone it pays; nil: anywhere.
    public var origin: TokenOrigin?

    /// A pass of these fields.
    public init(
        epoch: UInt32,
        policy: UInt32,
        binding: UInt64?,
        expires: UInt64,
        recordExpiry: UInt64,
        grants: UInt32,
        id: TokenID,
        origin: TokenOrigin? = nil
    ) {
        self.epoch = epoch
        self.policy = policy
        self.binding = binding
        self.expires = expires
        self.recordExpiry = recordExpiry
        self.grants = grants
        self.id = id
        self.origin = origin
    }
}
