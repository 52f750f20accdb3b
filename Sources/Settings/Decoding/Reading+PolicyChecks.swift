// What can be wrong about a policy whose fields are all right one by one.

extension Reading {
    /// Checks how the parts of a policy go together.
    func check(_ policy: PolicySettings, _ fields: Fields) {
        checkCounts(policy, fields)
        checkReserve(policy, fields)
        checkCeiling(policy, fields)
        checkQuorum(policy, fields)
        checkWork(policy, fields)
    }

    private func checkCounts(_ policy: PolicySettings, _ fields: Fields) {
        let count = policy.free.count + policy.ceiling.count
        if count > 16 {
            fields.report(
                "free",
                "\(quoted(fields.place)) has \(count) limits",
                "use at most 16 in `free` and `ceiling` together"
            )
        }
        if policy.freeIsZero, policy.work == nil {
            fields.report(
                "work",
                "\(quoted(fields.place)) has rate 0 and no work, so it refuses every request",
                "remove `work: off`, give a rate, or write `deny: true` in the route"
            )
        }
    }

    private func checkReserve(_ policy: PolicySettings, _ fields: Fields) {
        guard policy.reserve > 0, let smallest = policy.free.map(\.burst).min(), UInt64(policy.reserve) >= smallest
        else { return }
        fields.report(
            "reserve",
            "the reserve of \(policy.reserve) is not below the burst of \(smallest), so no page would ever be free",
            "choose a reserve below \(smallest), or a larger `burst`"
        )
    }

    /// A request over the ceiling gets no challenge: below the free limits, it would make work impossible.
    private func checkCeiling(_ policy: PolicySettings, _ fields: Fields) {
        for ceiling in policy.ceiling {
            for free in policy.free {
                guard let relation = ceiling.key.relation(to: free.key) else { continue }
                let slower = ceiling.interval > free.interval
                guard slower || ceiling.burst < free.burst else { continue }
                let what = slower ? "rate of \(quoted(ceiling.rateText))" : "burst of \(ceiling.burst)"
                let below = slower ? quoted(free.rateText) : "\(free.burst)"
                let of = relation == .same ? "" : " (counted by \(quoted(ceiling.key.canonical)))"
                let message =
                    "the ceiling's \(what)\(of) is below the free \(below), so the free limit is never reached and no challenge is ever issued"
                let remedy = "raise the ceiling's \(slower ? "rate" : "`burst`"), or lower the free one"
                let place = fields.has("ceiling") ? "ceiling" : "free"
                if slower, relation == .same {
                    fields.report(place, message, remedy)
                } else {
                    fields.warn(place, message, remedy)
                }
            }
        }
    }

    private func checkQuorum(_ policy: PolicySettings, _ fields: Fields) {
        if policy.consistency == .strong, policy.onQuorumLoss != .deny {
            fields.report(
                "onQuorumLoss",
                "`consistency: strong` cannot hold what it promises with `onQuorumLoss: \(policy.onQuorumLoss.rawValue)`",
                "write `onQuorumLoss: deny`, or another consistency"
            )
        }
        if policy.onQuorumLoss == .work, policy.work == nil {
            fields.report("onQuorumLoss", "`onQuorumLoss: work` needs `work`, which is off", "write `deny` or `admit`")
        }
    }

    private func checkWork(_ policy: PolicySettings, _ fields: Fields) {
        guard let work = policy.work, let place = workPlace(fields) else { return }
        guard work.difficulty >= UInt64(work.rounds) else {
            place.report(
                "difficulty",
                "\(work.rounds) rounds cannot be done in \(work.difficulty) hashes",
                "choose a difficulty of at least the rounds"
            )
            return
        }
        let phoneSeconds = work.difficulty / Difficulty.phoneHashesPerSecond
        let lifetime = UInt64(work.challengeTtlSeconds)
        let needed = durationText(min(phoneSeconds * 4 + 1, 86_400) * 1_000_000_000)
        if phoneSeconds > lifetime {
            place.report(
                "difficulty",
                "a slow phone needs about \(Difficulty.secondsText(Double(phoneSeconds))) for this difficulty, but a challenge lives \(durationText(lifetime * 1_000_000_000))",
                phoneSeconds * 4 < 3_600
                    ? "lower it, or raise `challengeTtl` to \(needed)"
                    : "lower it to at most \(900 * Difficulty.phoneHashesPerSecond)"
            )
        } else if phoneSeconds * 4 > lifetime {
            place.warn(
                "difficulty",
                "a slow phone needs about \(Difficulty.secondsText(Double(phoneSeconds))), more than a quarter of a challenge's life of \(durationText(lifetime * 1_000_000_000))",
                "lower the difficulty, or raise `challengeTtl` to \(needed)"
            )
        } else if work.difficulty < 100_000 {
            place.warn(
                "difficulty",
                "\(work.difficulty) hashes take a laptop \(Difficulty.secondsText(Double(work.difficulty) / Double(Difficulty.laptopHashesPerSecond))), which stops nobody",
                "choose at least 1000000, except in tests"
            )
        }
    }

    /// The mapping that faults of the work belong to.
    private func workPlace(_ fields: Fields) -> Fields? {
        fields.has("work") ? fields.fields("work", example: "work: { difficulty: 16000000 }") : fields
    }
}

extension LimitKey {
    /// How what one limit counts contains what another counts.
    fileprivate enum Relation { case same, wider }

    /// Whether whatever `other` counts together this key counts together too; nil if not.
    fileprivate func relation(to other: LimitKey) -> Relation? {
        if self == other { return .same }
        switch (self, other) {
        case (.all, _), (.clientPrefix, .client): return .wider
        default: return nil
        }
    }
}
