import FoundationEssentials

/// How a key stands in a policy, as the admin interface tells it.
struct QuotaDocument: Decodable, Equatable {
    struct Limit: Decodable, Equatable {
        let name: String
        let countsBy: String
        let rate: String
        let burst: UInt64
        let remaining: UInt64
        /// Seconds.
        let fullIn: UInt64
        /// Units that nodes hold.
        let inSlices: UInt64
        /// `own`, `fallback` or `shared`.
        let bucket: String

        enum CodingKeys: String, CodingKey {
            case name, rate, burst, remaining, bucket
            case countsBy = "counts_by"
            case fullIn = "full_in"
            case inSlices = "in_slices"
        }
    }

    let policy: String
    let key: String
    let consistency: String
    let nodes: Int
    let override: OverrideDocument?
    let limits: [Limit]
    /// What its address and its neighbourhood make work cost; nil where the key is no client's.
    let clientFactor: Double?
    /// What the policy's load makes it cost everybody.
    let clusterFactor: Double

    enum CodingKeys: String, CodingKey {
        case policy, key, consistency, nodes, override, limits
        case clientFactor = "client_factor"
        case clusterFactor = "cluster_factor"
    }

    /// - Returns: nil where the bytes are no such document.
    static func read(_ bytes: [UInt8]) -> QuotaDocument? {
        try? JSONDecoder().decode(QuotaDocument.self, from: Data(bytes))
    }

    /// Lines for a person.
    var lines: [String] {
        var lines = ["\(key) under policy \(policy):"]
        for limit in limits { lines.append("  \(text(limit))") }
        if let override { lines.append("  override, version \(override.version): \(override.words)") }
        if let clientFactor, clientFactor > 1 {
            lines.append(
                "  work costs it \(Self.text(clientFactor)) times as much as a client that has redeemed nothing lately"
            )
        }
        if clusterFactor > 1 {
            lines.append("  work costs everybody \(Self.text(clusterFactor)) times the policy's difficulty")
        }
        if consistency == "eventual" {
            lines.append("  The policy is eventual: nodes count by themselves, and only they know what is left.")
        }
        return lines
    }

    private func text(_ limit: Limit) -> String {
        var text =
            "\(limit.name): \(limit.remaining) of \(limit.burst) left, \(limit.rate), counted by \(limit.countsBy)"
        if limit.fullIn > 0 { text += "; full in \(OverrideDocument.text(seconds: limit.fullIn))" }
        if limit.inSlices > 0 { text += "; \(limit.inSlices) more in slices that nodes hold" }
        if limit.bucket != "own" { text += "; the key shares this bucket with others, since the table of keys is full" }
        return text
    }

    /// `1.5`, `2`.
    private static func text(_ factor: Double) -> String {
        let text = "\((factor * 100).rounded() / 100)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}

/// What a reset has come to.
struct ResetDocument: Decodable, Equatable {
    struct Limit: Decodable, Equatable {
        let name: String
        let bucket: String
        let regained: UInt64
    }

    let policy: String
    let key: String
    let limits: [Limit]

    /// - Returns: nil where the bytes are no such document.
    static func read(_ bytes: [UInt8]) -> ResetDocument? {
        try? JSONDecoder().decode(ResetDocument.self, from: Data(bytes))
    }

    /// Lines for a person.
    var lines: [String] {
        limits.map { limit in
            guard limit.bucket == "own" else {
                return "\(limit.name): not reset, since \(key) shares its bucket with others"
            }
            guard limit.regained > 0 else { return "\(limit.name): was full" }
            return "\(limit.name): full again, by \(limit.regained) units"
        }
    }
}
