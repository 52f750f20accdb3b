import Gateway
import Ledger
import Settings

/// How a key stands in a policy, as JSON.
enum QuotaDocument {
    /// - Parameters:
    ///   - nodes: members of the cluster, each of which may hold units in slices.
    ///   - time: replicated time.
    static func text(_ place: PolicyKey, _ ledger: Ledger, nodes: Int, at time: LedgerTime) -> String {
        let policy = place.policy
        var text = JSONText()
        text.begin()
        text.member("policy", policy.settings.name)
        text.member("key", place.key.name)
        text.member("hash", place.key.own.hexadecimal)
        text.member("consistency", policy.settings.consistency.rawValue)
        text.member("on_quorum_loss", policy.settings.onQuorumLoss.rawValue)
        text.member("nodes", nodes)
        let state = ledger.override(policy: policy.id, key: place.key.own)
        let standing = state.flatMap { $0.holds(at: time) ? $0 : nil }
        text.member("override", raw: standing.map { OverrideDocument.text($0, at: time) } ?? "null")
        let limits = place.key.limits.compactMap { limit in
            ledger.quota(place.key.charge(limit), policy: policy.id, at: time).map { self.limit(limit, $0) }
        }
        text.member("limits", raw: "[" + limits.joined(separator: ", ") + "]")
        if let prefixes = place.key.prefixes {
            let price = ledger.price(of: prefixes, policy: policy.id, at: time)
            text.member("client_factor", raw: factor(price.client))
        }
        text.member("cluster_factor", raw: factor(ledger.facts.clusterFactor(of: policy.id)))
        text.end()
        return text.text
    }

    /// A part of a price, which is kept in 16.16 fixed point.
    private static func factor(_ factor: UInt32) -> String { "\(Double(factor) / Double(Price.one))" }

    private static func limit(_ limit: OperatorPolicy.Limit, _ reading: QuotaReading) -> String {
        var text = JSONText()
        text.begin()
        text.member("name", limit.name)
        text.member("counts_by", limit.key.canonical)
        text.member("rate", FigureText.rate(ofInterval: reading.interval))
        text.member("burst", reading.state.burst)
        text.member("remaining", reading.state.remaining)
        text.member("full_in", OverrideDocument.seconds(reading.state.resetNanoseconds))
        text.member("in_slices", reading.outstanding)
        text.member("bucket", reading.bucket.name)
        text.end()
        return text.text
    }

    /// What a reset has come to.
    static func text(_ place: PolicyKey, reset: [LimitReset], buckets: [QuotaReading.Bucket]) -> String {
        var text = JSONText()
        text.begin()
        text.member("policy", place.policy.settings.name)
        text.member("key", place.key.name)
        let limits = zip(place.key.limits, buckets).map { limit, bucket in
            var text = JSONText()
            text.begin()
            text.member("name", limit.name)
            text.member("bucket", bucket.name)
            text.member("regained", reset.first { $0.limit == limit.id }?.units ?? 0)
            text.end()
            return text.text
        }
        text.member("limits", raw: "[" + limits.joined(separator: ", ") + "]")
        text.end()
        return text.text
    }
}

extension QuotaReading.Bucket {
    /// As documents write it.
    var name: String {
        switch self {
        case .own: "own"
        case .fallback: "fallback"
        case .shared: "shared"
        }
    }
}
