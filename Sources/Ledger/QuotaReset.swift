/// An operator's word that what a key has used of a policy is forgiven.
public struct QuotaReset: Hashable, Sendable {
    /// Whose limits.
    public var policy: PolicyID
    /// Whose buckets: its own in each limit of the policy.
    public var key: QuotaKey

    /// A value of these fields.
    public init(policy: PolicyID, key: QuotaKey) {
        self.policy = policy
        self.key = key
    }
}

/// What of one limit was forgiven.
public struct LimitReset: Hashable, Sendable {
    /// Which limit.
    public var limit: LimitID
    /// Units that the bucket regained, a part of one counted as a whole.
    public var units: UInt64

    /// A value of these fields.
    public init(limit: LimitID, units: UInt64) {
        self.limit = limit
        self.units = units
    }
}

/// What became of a reset.
public enum ResetOutcome: Hashable, Sendable {
    /// The key's own buckets are full. Here are those that were not, in the order of the policy's limits. A bucket that the
    /// key shares with others, beyond `maxKeys`, is not its own.
    case full([LimitReset])
    /// The policy does not exist, or exists no more.
    case unknownPolicy
}

extension ResetOutcome {
    func write(into sink: inout some FieldSink) {
        switch self {
        case .full(let limits):
            sink.u8(1)
            sink.count(limits.count)
            for limit in limits {
                sink.u32(limit.limit.rawValue)
                sink.u64(limit.units)
            }
        case .unknownPolicy: sink.u8(2)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch try source.u8() {
        case 1:
            var limits: [LimitReset] = []
            for _ in 0..<(try source.count(limit: LedgerBounds.limits, elementBytes: 12)) {
                limits.append(LimitReset(limit: LimitID(rawValue: try source.u32()), units: try source.u64()))
            }
            self = .full(limits)
        case 2: self = .unknownPolicy
        default: throw .invalid(field: "reset outcome")
        }
    }
}
