import FoundationEssentials

/// An override, as the admin interface tells it.
struct OverrideDocument: Decodable, Equatable {
    struct Terms: Decodable, Equatable {
        let rate: String
        let burst: UInt64
    }

    /// The policy's name and the key; absent within a quota's document.
    let policy: String?
    let key: String?
    let version: UInt64
    let free: Terms?
    let deny: Bool?
    /// Seconds that a ban still lasts; nil for good.
    let expiresIn: UInt64?

    enum CodingKeys: String, CodingKey {
        case policy, key, version, free, deny
        case expiresIn = "expires_in"
    }

    /// - Returns: nil where the bytes are no such document.
    static func read(_ bytes: [UInt8]) -> OverrideDocument? {
        try? JSONDecoder().decode(OverrideDocument.self, from: Data(bytes))
    }

    /// What it says, in words.
    var words: String {
        if let free { return "free: \(free.rate) with bursts of \(free.burst)" }
        guard deny == true else { return "nothing that this release knows" }
        return expiresIn.map { "banned for \(Self.text(seconds: $0))" } ?? "banned for good"
    }

    /// `42 s`, `3 min`, `2 h`, `5 days`.
    static func text(seconds: UInt64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) days"
        }
    }
}

/// A page of overrides.
struct OverridePageDocument: Decodable, Equatable {
    let overrides: [OverrideDocument]
    /// Names the place where the next page begins; nil on the last one.
    let next: String?

    /// - Returns: nil where the bytes are no such document.
    static func read(_ bytes: [UInt8]) -> OverridePageDocument? {
        try? JSONDecoder().decode(OverridePageDocument.self, from: Data(bytes))
    }
}
