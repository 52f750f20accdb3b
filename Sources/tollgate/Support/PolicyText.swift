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

    static func text(_ limit: LimitSettings) -> String {
        "\(limit.rateText) with bursts of \(limit.burst), counted by \(limit.key.canonical)"
    }

    private static func duration(_ seconds: UInt32) -> String {
        seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
    }
}
