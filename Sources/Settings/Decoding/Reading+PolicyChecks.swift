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

    /// A request over the ceiling gets no challenge: below the free limits, it would make work impossible. The limits of a
    /// list hold together, so a ceiling is compared with the slowest and with the smallest of those that it covers.
    private func checkCeiling(_ policy: PolicySettings, _ fields: Fields) {
        let place = fields.has("ceiling") ? "ceiling" : "free"
        for ceiling in policy.ceiling {
            for relation in [LimitKey.Relation.same, .wider] {
                let free = policy.free.filter { ceiling.key.relation(to: $0.key) == relation }
                guard let slowest = free.max(by: { $0.interval < $1.interval }),
                    let smallest = free.min(by: { $0.burst < $1.burst })
                else { continue }
                let counted = relation == .same ? "" : " (counted by \(quoted(ceiling.key.canonical)))"
                let effect = "so the free limit is never reached and no challenge is ever issued"
                if ceiling.interval > slowest.interval {
                    let rates = "\(quoted(ceiling.rateText))\(counted) is below the free \(quoted(slowest.rateText))"
                    let message = "the ceiling's rate of \(rates), \(effect)"
                    let remedy = "raise the ceiling's rate, or lower the free one"
                    if relation == .same {
                        fields.report(place, message, remedy)
                    } else {
                        fields.warn(place, message, remedy)
                    }
                } else if ceiling.burst < smallest.burst {
                    let bursts = "\(ceiling.burst)\(counted) is below the free \(smallest.burst)"
                    fields.warn(
                        place,
                        "the ceiling's burst of \(bursts), \(effect)",
                        "raise the ceiling's `burst`, or lower the free one"
                    )
                }
            }
        }
    }

    private func checkQuorum(_ policy: PolicySettings, _ fields: Fields) {
        if policy.consistency == .strong, policy.onQuorumLoss != .deny {
            fields.report(
                "onQuorumLoss",
                "`consistency: strong` cannot hold what it promises with `\(policy.onQuorumLoss.rawValue)`",
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
        let phoneTime = Difficulty.secondsText(Double(phoneSeconds))
        let lifetimeText = durationText(lifetime * 1_000_000_000)
        let needed = durationText(min(phoneSeconds * 4 + 1, 86_400) * 1_000_000_000)
        if work.difficulty > lifetime * Difficulty.phoneHashesPerSecond {
            place.report(
                "difficulty",
                "a slow phone needs about \(phoneTime) for this difficulty, but a challenge lives \(lifetimeText)",
                phoneSeconds * 4 < 3_600
                    ? "lower it, or raise `challengeTtl` to \(needed)"
                    : "lower it to at most \(900 * Difficulty.phoneHashesPerSecond)"
            )
        } else if phoneSeconds * 4 > lifetime {
            place.warn(
                "difficulty",
                "a slow phone needs about \(phoneTime), more than a quarter of a challenge's life of \(lifetimeText)",
                "lower the difficulty, or raise `challengeTtl` to \(needed)"
            )
        } else if work.difficulty < 100_000 {
            let laptopSeconds = Double(work.difficulty) / Double(Difficulty.laptopHashesPerSecond)
            place.warn(
                "difficulty",
                "\(work.difficulty) hashes take a laptop \(Difficulty.secondsText(laptopSeconds)), which stops nobody",
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
