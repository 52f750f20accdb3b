/// How well messages get from one node to another.
public struct LinkQuality: Hashable, Sendable {
    /// Messages lost, in a thousand.
    public var lostPerThousand: UInt64
    /// Messages that arrive twice, in a thousand.
    public var repeatedPerThousand: UInt64
    /// Messages that take up to `lateNanosecondsMax` longer, in a thousand: they arrive out of order.
    public var latePerThousand: UInt64
    /// The shortest way, in nanoseconds.
    public var delayNanosecondsMin: UInt64
    /// The longest way of most messages, in nanoseconds.
    public var delayNanosecondsMax: UInt64
    /// How much longer a late message takes at most, in nanoseconds.
    public var lateNanosecondsMax: UInt64
    /// Messages keep their order, but for late and repeated ones, as they do in one connection.
    public var keepsOrder: Bool

    /// A value of these fields.
    public init(
        lostPerThousand: UInt64 = 0,
        repeatedPerThousand: UInt64 = 0,
        latePerThousand: UInt64 = 0,
        delayNanosecondsMin: UInt64 = 50_000,
        delayNanosecondsMax: UInt64 = 500_000,
        lateNanosecondsMax: UInt64 = 0,
        keepsOrder: Bool = true
    ) {
        self.lostPerThousand = lostPerThousand
        self.repeatedPerThousand = repeatedPerThousand
        self.latePerThousand = latePerThousand
        self.delayNanosecondsMin = delayNanosecondsMin
        self.delayNanosecondsMax = delayNanosecondsMax
        self.lateNanosecondsMax = lateNanosecondsMax
        self.keepsOrder = keepsOrder
    }

    /// A network without faults.
    public static let perfect = LinkQuality()
}
