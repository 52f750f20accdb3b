// The two layouts of Token.swift, as code: fields at fixed offsets of a buffer of fixed size.

/// A token that has a layout. `count` bytes in all, of which the last ``TokenLayout/tagCount`` are the tag.
protocol TokenLayout {
    static var type: UInt8 { get }
    /// Of one that is good at one node alone.
    static var localType: UInt8 { get }
    static var count: Int { get }
    static var textLength: Int { get }
    var epoch: UInt32 { get }
    var origin: TokenOrigin? { get set }

    /// Writes all bytes before the origin.
    func write(to fields: Fields<UnsafeMutableRawPointer>)

    /// Reads what ``write(to:)`` wrote; the tag is right. Throws where this release would not have sealed it.
    init(authentic fields: Fields<UnsafeRawPointer>) throws(TokenError)
}

extension TokenLayout {
    static var tagCount: Int { 16 }
    static var signedCount: Int { count - tagCount }
    /// Bytes that an origin takes, between the other fields and the tag: a multiple of three.
    static var originCount: Int { 24 }

    static func signedCount(isLocal: Bool) -> Int { isLocal ? signedCount + originCount : signedCount }
    static func textLength(isLocal: Bool) -> Int { isLocal ? textLength + originCount / 3 * 4 : textLength }
}

/// Typed access to the bytes of a token by offset. The caller vouches for the bounds: a layout's offsets are constants.
struct Fields<Base> {
    let base: Base
}

extension Fields where Base == UnsafeRawPointer {
    @inline(__always)
    func load<Field: FixedWidthInteger>(_ offset: Int, as type: Field.Type = Field.self) -> Field {
        Field(bigEndian: base.loadUnaligned(fromByteOffset: offset, as: Field.self))
    }

    /// The binding, flags before it, at 10 and 11 in both layouts.
    func loadBinding() throws(TokenError) -> UInt64? {
        let flags: UInt8 = load(10)
        let binding: UInt64 = load(11)
        switch flags {
        case 0 where binding == 0: return nil
        case 1: return binding
        // A flag that a later release of the same version may have sealed: not to be guessed at.
        default: throw .malformed
        }
    }

    func loadID(_ offset: Int) -> TokenID { TokenID(high: load(offset), low: load(offset + 8)) }

    func loadOrigin(_ offset: Int) -> TokenOrigin {
        TokenOrigin(replicaHigh: load(offset), replicaLow: load(offset + 8), boot: load(offset + 16))
    }
}

extension Fields where Base == UnsafeMutableRawPointer {
    @inline(__always)
    func store<Field: FixedWidthInteger>(_ value: Field, _ offset: Int) {
        base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: Field.self)
    }

    func storeHead<Token: TokenLayout>(_ token: Token, policy: UInt32, binding: UInt64?) {
        store(tokenVersion, 0)
        store(token.origin == nil ? Token.type : Token.localType, 1)
        store(token.epoch, 2)
        store(policy, 6)
        store(UInt8(binding == nil ? 0 : 1), 10)
        store(binding ?? 0, 11)
    }

    func store(_ id: TokenID, _ offset: Int) {
        store(id.high, offset)
        store(id.low, offset + 8)
    }

    func store(_ origin: TokenOrigin, _ offset: Int) {
        store(origin.replicaHigh, offset)
        store(origin.replicaLow, offset + 8)
        store(origin.boot, offset + 16)
    }
}

/// The version of the wire protocol that tokens carry in their first byte.
let tokenVersion: UInt8 = 1

extension Challenge: TokenLayout {
    static var type: UInt8 { 1 }
    static var localType: UInt8 { 3 }
    static var count: Int { 84 }

    func write(to fields: Fields<UnsafeMutableRawPointer>) {
        precondition(Difficulty.roundsRange.contains(Int(rounds)), "a challenge has 1 to 64 rounds")
        precondition(price >= Difficulty.priceOne, "a price is at least 1")
        fields.storeHead(self, policy: policy, binding: binding)
        fields.store(issued, 19)
        fields.store(lifetime, 27)
        fields.store(rounds, 31)
        fields.store(target, 32)
        fields.store(grants, 40)
        fields.store(passLifetime, 44)
        fields.store(price, 48)
        fields.store(id, 52)
    }

    init(authentic fields: Fields<UnsafeRawPointer>) throws(TokenError) {
        let rounds: UInt8 = fields.load(31)
        let price: UInt32 = fields.load(48)
        guard Difficulty.roundsRange.contains(Int(rounds)), price >= Difficulty.priceOne else { throw .malformed }
        self.init(
            epoch: fields.load(2),
            policy: fields.load(6),
            binding: try fields.loadBinding(),
            issued: fields.load(19),
            lifetime: fields.load(27),
            rounds: rounds,
            target: fields.load(32),
            grants: fields.load(40),
            passLifetime: fields.load(44),
            price: price,
            id: fields.loadID(52)
        )
    }
}

extension Pass: TokenLayout {
    static var type: UInt8 { 2 }
    static var localType: UInt8 { 4 }
    static var count: Int { 72 }

    func write(to fields: Fields<UnsafeMutableRawPointer>) {
        fields.storeHead(self, policy: policy, binding: binding)
        fields.store(expires, 19)
        fields.store(recordExpiry, 27)
        fields.store(grants, 35)
        fields.store(UInt8(0), 39)
        fields.store(id, 40)
    }

    init(authentic fields: Fields<UnsafeRawPointer>) throws(TokenError) {
        guard fields.load(39, as: UInt8.self) == 0 else { throw .malformed }
        self.init(
            epoch: fields.load(2),
            policy: fields.load(6),
            binding: try fields.loadBinding(),
            expires: fields.load(19),
            recordExpiry: fields.load(27),
            grants: fields.load(35),
            id: fields.loadID(40)
        )
    }
}
