import Ledger
import Wire

/// The facts of a policy with such limits, numbered from 1.
func facts(_ limits: [(interval: UInt64, burst: UInt64)], maxKeys: UInt32 = 1_000) -> PolicyFacts {
    PolicyFacts(
        id: policy,
        name: "api",
        maxKeys: maxKeys,
        limits: limits.enumerated().map { index, terms in
            LimitFacts(
                id: LimitID(rawValue: UInt32(index + 1)),
                definition: LimitDefinition(
                    role: .free,
                    key: "client",
                    interval: terms.interval,
                    burst: terms.burst
                )
            )
        }
    )
}

extension ReplicaID {
    static func test(_ number: Int) -> ReplicaID { ReplicaID(high: 7, low: UInt64(number)) }
}

extension ChargeOutcome {
    var isAdmitted: Bool {
        if case .admitted = self { return true }
        return false
    }

    var retryAfter: UInt64? {
        if case .refused(_, let retryAfter, _) = self { return retryAfter }
        return nil
    }

    /// What is left of each limit.
    var remaining: [UInt64] {
        switch self {
        case .admitted(let limits, _), .refused(_, _, let limits): limits.map(\.remaining)
        default: []
        }
    }
}
