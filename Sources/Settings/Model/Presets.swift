// Three bundles of defaults. What they are made for:
//
//   site    people who read pages: a page brings its images, so bursts are large and a page is only begun where 50 more
//           requests are left; a pass lasts an hour, as nobody should wait a second time on one visit
//   api     programs: small bursts, passes of a hundred calls, twice the work of a page
//   strict  what is worth attacking (logins, searches, exports): a few free requests, costly and small passes
//
// How exact they are between nodes, and what a node does that is cut off from the others:
//
//   site    escrow, work: nobody waits for a round trip with each image, and readers can go on reading through a fault by
//           working for it; two seconds' worth of requests more do no harm
//   api     escrow, work: the same; programs answer a challenge by themselves
//   strict  strong, deny: its burst is smaller than the smallest slice, so a node that borrowed would hold all of it; each
//           request is worth a round trip; and a fault must not be a way to a few guesses more
//
// Times at the speeds of `Difficulty`: site 1 s on a laptop and 8 s on a slow phone, api 2 s and 16 s, strict 8 s and
// 64 s.

extension PolicySettings {
    /// A policy with all defaults of a preset.
    public init(name: String, preset: Preset) {
        self.name = name
        self.preset = preset
        clientPrefix = ClientPrefix()
        maxKeys = 1_000_000
        freeIsZero = false
        consistency = preset == .strict ? .strong : .escrow
        onQuorumLoss = preset == .strict ? .deny : .work
        enforce = true
        cors = []
        page = PageSettings()
        switch preset {
        case .site:
            reserve = 50
            free = [LimitSettings(perMinute: 300, burst: 120)]
            work = WorkSettings(
                difficulty: 8_000_000,
                rounds: 16,
                grants: 500,
                ttlSeconds: 3_600,
                challengeTtlSeconds: 600,
                bind: .client
            )
            ceiling = [LimitSettings(perMinute: 1_500, burst: 600)]
        case .api:
            reserve = 0
            free = [LimitSettings(perMinute: 60, burst: 20)]
            work = WorkSettings(
                difficulty: 16_000_000,
                rounds: 16,
                grants: 100,
                ttlSeconds: 600,
                challengeTtlSeconds: 300,
                bind: .client
            )
            ceiling = [LimitSettings(perMinute: 1_000, burst: 100)]
        case .strict:
            reserve = 0
            free = [LimitSettings(perMinute: 10, burst: 5)]
            work = WorkSettings(
                difficulty: 64_000_000,
                rounds: 32,
                grants: 50,
                ttlSeconds: 600,
                challengeTtlSeconds: 600,
                bind: .client
            )
            ceiling = [LimitSettings(perMinute: 120, burst: 30)]
        }
    }
}

extension LimitSettings {
    /// A limit of a client, in whole units a minute.
    fileprivate init(perMinute count: UInt64, burst: UInt64) {
        let rate = Rate(count: count, windowNanoseconds: 60_000_000_000, text: "\(count)/min")
        self.init(key: .client, rate: rate, burst: burst)
    }

    /// The first limit of its key. `rate.count` is not 0.
    init(key: LimitKey, rate: Rate, burst: UInt64) {
        self.key = key
        identity = key.canonical
        interval = rate.interval
        self.burst = burst
        rateText = rate.text
        count = rate.count
        windowNanoseconds = rate.windowNanoseconds
    }
}
