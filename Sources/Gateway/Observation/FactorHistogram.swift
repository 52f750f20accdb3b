/// How many challenges were issued at which factor of the client's price. A value.
public struct FactorHistogram: Sendable, Equatable {
    /// Upper bounds, inclusive: powers of two from 1 to the greatest factor of a client, 4,096 × 4.
    public static let bounds: [UInt32] = (0...14).map { 1 << $0 }

    /// In each bucket alone, in the order of the bounds.
    public private(set) var counts = [UInt64](repeating: 0, count: bounds.count)
    /// Of all factors.
    public private(set) var sum: Double = 0

    /// Nothing counted.
    public init() {}

    /// - Parameter factor: 16.16 fixed point, at most the greatest bound.
    mutating func observe(_ factor: UInt32) {
        let place = Self.bounds.firstIndex { factor <= $0 << 16 }
        // The greatest bound in fixed point is 2³⁰.
        counts[place ?? counts.count - 1] += 1
        sum += Double(factor) / 65_536
    }

    mutating func add(_ other: FactorHistogram) {
        for place in counts.indices { counts[place] += other.counts[place] }
        sum += other.sum
    }
}
