// Who is who, in every message and file: 16 random bytes each, as two big-endian numbers.

/// A replica: 16 random bytes, made once for each empty disk. A node whose disk was lost or damaged comes back as
/// another replica, so that nothing it promised before is expected of it.
public struct ReplicaID: Hashable, Comparable, Sendable {
    /// The first 64 bits.
    public var high: UInt64
    /// The last 64 bits.
    public var low: UInt64

    /// A value of these fields.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// In the order of the bytes. It has no meaning; it makes lists of replicas have one form.
    public static func < (left: ReplicaID, right: ReplicaID) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }
}

/// A cluster: 16 random bytes, agreed on at genesis.
public struct ClusterID: Hashable, Sendable {
    /// The first 64 bits.
    public var high: UInt64
    /// The last 64 bits.
    public var low: UInt64

    /// A value of these fields.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

extension ByteWriter {
    /// 16 bytes.
    public mutating func write(_ value: ReplicaID) {
        write(value.high)
        write(value.low)
    }

    /// 16 bytes.
    public mutating func write(_ value: ClusterID) {
        write(value.high)
        write(value.low)
    }
}

extension ByteReader {
    /// 16 bytes.
    public mutating func readReplicaID() throws(WireError) -> ReplicaID {
        guard remaining >= 16 else { throw .truncated(needed: 16, available: remaining) }
        return ReplicaID(high: try readUInt64(), low: try readUInt64())
    }

    /// 16 bytes.
    public mutating func readClusterID() throws(WireError) -> ClusterID {
        guard remaining >= 16 else { throw .truncated(needed: 16, available: remaining) }
        return ClusterID(high: try readUInt64(), low: try readUInt64())
    }
}

extension ReplicaID: CustomStringConvertible {
    /// 32 hexadecimal digits.
    public var description: String { hexadecimal(high, low) }
}

extension ClusterID: CustomStringConvertible {
    /// 32 hexadecimal digits.
    public var description: String { hexadecimal(high, low) }
}

private func hexadecimal(_ high: UInt64, _ low: UInt64) -> String {
    [high, low].map { number in
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
}
