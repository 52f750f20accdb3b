import Ledger
import Settings

/// A policy in words, for `validate` and `explain`.
enum PolicyText {
    static func lines(_ policy: PolicySettings) -> [String] {
        var lines: [String] = []
        if policy.freeIsZero {
            lines.append("free: nothing; every request needs a pass")
        }
        for limit in policy.free { lines.append("free: \(text(limit))") }
        if let work = policy.work {
            lines.append(
                "work: \(Settings.Difficulty.describe(work.difficulty, rounds: work.rounds)); "
                    + "buys \(work.grants) requests within \(duration(work.ttlSeconds))"
            )
        } else {
            lines.append("work: none; over the free limits a request is refused")
        }
        for limit in policy.ceiling { lines.append("ceiling: \(text(limit))") }
        lines.append("consistency: \(policy.consistency.rawValue), without a quorum: \(policy.onQuorumLoss.rawValue)")
        if !policy.enforce { lines.append("enforce: false; everything is counted and nothing refused") }
        return lines
    }

    /// What comes of the policy in a cluster: how exact it is, slices, prices, and what a node does alone.
    /// - Parameter nodes: as many as the configuration's seeds; 1 for a node that is alone.
    static func mechanics(_ policy: PolicySettings, nodes: Int) -> [String] {
        var lines: [String] = []
        switch policy.consistency {
        case .strong:
            lines.append("strong: a majority decides each admission, in a round trip; at most burst + rate × time")
        case .escrow:
            lines.append(
                "escrow: nodes borrow units for \(sliceSeconds) s and spend them by themselves; at most burst + rate × "
                    + "(time + \(sliceSeconds) s)"
            )
            for limit in policy.free + policy.ceiling {
                lines.append("slices of \(limit.key.canonical), \(limit.rateText): \(slices(limit, nodes: nodes))")
            }
            lines.append("a key seen less than 4 times a second at a node is charged without a slice")
        case .eventual:
            lines.append(
                "eventual: nodes count by themselves and tell each other every 100 ms; cut off from each other, each side has "
                    + "the limit once"
            )
        }
        if policy.work != nil {
            lines.append(
                "price: 1 at rest; it rises with what the client's address and its neighbourhood redeemed in the last hour, and "
                    + "for everybody with the policy's load"
            )
        }
        lines.append("without a quorum: \(quorumRule(policy))")
        return lines
    }

    private static let sliceSeconds = LedgerBounds.sliceNanoseconds / 1_000_000_000

    /// What a node borrows of a full bucket, and of an emptier one.
    private static func slices(_ limit: LimitSettings, nodes: Int) -> String {
        let nodes = UInt64(max(nodes, 1))
        let most = max(LedgerBounds.sliceUnitsMinimum, limit.burst / (LedgerBounds.sliceBurstShare * nodes))
        let half = (limit.burst + 2 * nodes - 1) / (2 * nodes)
        let full = min(limit.burst, max(LedgerBounds.sliceUnitsMinimum, min(half, most)))
        let least = min(limit.burst, LedgerBounds.sliceUnitsMinimum)
        let size = full == least ? "\(full) units" : "\(least) to \(full) units, the fewer are left the fewer"
        return "\(size), for \(nodes) node\(nodes == 1 ? "" : "s")"
    }

    private static func quorumRule(_ policy: PolicySettings) -> String {
        switch policy.onQuorumLoss {
        case .deny: "a node spends what it has borrowed, then answers 503"
        case .admit: "a node spends what it has borrowed, then lets requests through and counts them"
        case .work: "a node spends what it has borrowed, then sells passes for work that are good at itself alone"
        }
    }

    static func text(_ limit: LimitSettings) -> String {
        "\(limit.rateText) with bursts of \(limit.burst), counted by \(limit.key.canonical)"
    }

    private static func duration(_ seconds: UInt32) -> String {
        seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
    }
}
