/// One entry of `policies:`, with the defaults of its preset filled in.
public struct PolicySettings: Sendable, Equatable {
    /// A documented bundle of defaults.
    public enum Preset: String, Sendable, CaseIterable { case site, api, strict }
    /// How exact the limits are between nodes, at what cost.
    public enum Consistency: String, Sendable, CaseIterable { case strong, escrow, eventual }
    /// What a node does that is cut off from the others.
    public enum QuorumLoss: String, Sendable, CaseIterable { case deny, admit, work }

    /// Letters, digits, `-` and `_`, 1…64 bytes: it becomes part of a cookie's name.
    public var name: String
    /// Where the defaults come from. Default: site.
    public var preset: Preset
    /// How much of an address is a client.
    public var clientPrefix: ClientPrefix
    /// Units that a navigation must find left in every free limit after it is charged. Less than each of their bursts.
    public var reserve: UInt32
    /// Keys that each limit tells apart; beyond, keys share. 1…4,194,304 (the ledger's bound); default 1,000,000.
    public var maxKeys: UInt32
    /// The free limits, charged together. Empty exactly if `freeIsZero`. With `ceiling` together at most 16.
    public var free: [LimitSettings]
    /// `free: { rate: 0 }`: every request needs a pass.
    public var freeIsZero: Bool
    /// What lifts a client over the free limits; nil if nothing does. Never nil if `freeIsZero`.
    public var work: WorkSettings?
    /// The hard limits, charged for free and worked requests alike. May be empty.
    public var ceiling: [LimitSettings]
    /// Default: escrow; strong of the preset strict.
    public var consistency: Consistency
    /// Default: deny for strong and where there is no work, else work.
    public var onQuorumLoss: QuorumLoss
    /// False: everything is counted and logged, nothing refused. Default: true.
    public var enforce: Bool
    /// Origins whose scripts may read the answers, as browsers write them: `https://app.example.com`. At most 64. Or `*`
    /// alone: every origin, but then without credentials, so that no script uses the pass in a visitor's cookie; never
    /// with passes that are bound to nobody, which any site could have its visitors earn and carry off.
    public var cors: [String]
    /// What a browser sees.
    public var page: PageSettings
}

/// How much of an address is a client: a bound on what one host can pass itself off as.
public struct ClientPrefix: Hashable, Sendable {
    /// Leading bits of an IPv4 address, 1…32. Default: 32.
    public var ipv4 = 32
    /// Leading bits of an IPv6 address, 1…128. Default: 64, as that is what a host gets.
    public var ipv6 = 64

    /// The whole IPv4 address, or half of the IPv6 one.
    public init() {}

    /// With these lengths.
    public init(ipv4: Int, ipv6: Int) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// The client that an address belongs to.
    public func prefix(of address: IPAddress) -> IPPrefix {
        address.prefix(address.isIPv4 ? ipv4 : ipv6)
    }
}

/// `work:` of a policy.
public struct WorkSettings: Sendable, Equatable {
    /// To whom a pass belongs: the client that redeemed it, or whoever has it.
    public enum Binding: String, Sendable, CaseIterable { case client, none }

    /// Expected hashes of a challenge at price 1. `rounds`…2^48.
    public var difficulty: UInt64
    /// Sub-puzzles. 1…64.
    public var rounds: Int
    /// Requests that a pass is good for. 1…1,000,000.
    public var grants: UInt32
    /// Life of a pass. 1 s…30 days.
    public var ttlSeconds: UInt32
    /// Life of a challenge. 1 s…1 h.
    public var challengeTtlSeconds: UInt32
    /// Default: client.
    public var bind: Binding
}

/// `page:` of a policy. All texts are plain: what shows them escapes them.
public struct PageSettings: Sendable, Equatable {
    /// At most 200 bytes; nil for the page's own words, here and below.
    public var title: String?
    /// At most 4,096 bytes.
    public var text: String?
    /// At most 200 bytes.
    public var contact: String?
    /// A picture to show.
    public var logo: PageLogo?
    /// The page's status: 200, 403, 429 or 503. Default: 429.
    public var status = 429

    /// The page in its own words.
    public init() {}
}

/// A picture, already read.
public struct PageLogo: Sendable, Equatable {
    /// Where it was read from.
    public var path: String
    /// `image/svg+xml`, `image/png`, `image/jpeg` or `image/webp`, from the file's name.
    public var contentType: String
    /// Its bytes, at most 262,144.
    public var bytes: [UInt8]

    /// A picture with these bytes.
    public init(path: String, contentType: String, bytes: [UInt8]) {
        self.path = path
        self.contentType = contentType
        self.bytes = bytes
    }
}
