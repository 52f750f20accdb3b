import Testing

@testable import Settings

/// A file whose policy `default` has these fields.
private func policy(_ fields: String) -> String {
    "upstream: \"http://127.0.0.1:3000\"\npolicies:\n  default: { \(fields) }\n"
}

/// Faults of policies.
@Suite struct PolicyFaultTests {
    @Test(arguments: [
        Fault("upstream: \"http://127.0.0.1:3000\"\npolicies: ¶{}\n", "`policies` is empty", "add one"),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies:\n  default: {}\n  ¶a.b: {}\n",
            "`a.b` is not a name",
            "letters, digits, `-` and `_`"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies:\n  default: {}\n  ¶\(String(repeating: "a", count: 65)): {}\n",
            "is not a name",
            "1 to 64"
        ),
        Fault(
            "upstream: \"http://127.0.0.1:3000\"\npolicies:\n  default: {}\n  ¶Default: {}\n",
            "`default` and `Default` differ by case only",
            "cookies"
        ),
        Fault(policy("preset: ¶sites"), "`sites` is not one", "did you mean `site`?"),
        Fault(policy("clientPrefix: { ipv4: ¶33 }"), "is `33`", "from 1 to 32"),
        Fault(policy("clientPrefix: { ipv6: ¶0 }"), "is `0`", "from 1 to 128"),
        Fault(policy("reserve: ¶120"), "the reserve of 120 is not below the burst of 120", "below 120"),
        Fault(
            policy("reserve: ¶20, free: { rate: 60/min, burst: 20 }"),
            "the reserve of 20 is not below the burst of 20",
            "larger `burst`"
        ),
        Fault(policy("consistency: ¶weak"), "`weak` is not one", "`strong`"),
        Fault(
            policy("consistency: strong, onQuorumLoss: ¶admit"),
            "cannot hold what it promises",
            "onQuorumLoss: deny"
        ),
        Fault(policy("work: off, onQuorumLoss: ¶work"), "needs `work`, which is off", "`deny`"),
    ])
    func `A policy's own fields are checked`(fault: Fault) { expectOnly(fault) }

    @Test(arguments: [
        Fault(policy("free: ¶many"), "`many` is not a rate", "`60/min`"),
        Fault(policy("free: ¶60"), "the rate `60` has no time", "`60/min`"),
        Fault(policy("free: { rate: ¶60/fortnight }"), "is not a rate", "`60/min`"),
        Fault(policy("free: ¶{ burst: 5 }"), "`policies.default.free` has no `rate`", "rate: 60/min"),
        Fault(policy("free: { rate: ¶2000000/s }"), "above 1000000/s", "lower"),
        Fault(policy("free: { rate: 60/min, burst: ¶0 }"), "burst` is `0`", "from 1"),
        Fault(policy("free: ¶[]"), "`policies.default.free` is empty", "preset's"),
        Fault(policy("free: ¶off"), "cannot be off", "allow: true"),
        Fault(policy("¶free: "), "must be a list, found nothing", "remove it"),
        Fault(policy("free: [60/min, ¶60/min]"), "`policies.default.free[1]` is the same limit", "remove it"),
        Fault(policy("free: [60/min, ¶0]"), "rate 0 stands beside other limits", "alone"),
        Fault(policy("free: [¶{ rate: 0 }, 60/min]"), "rate 0 stands beside other limits", "alone"),
        Fault(policy("free: ¶{ rate: 0, burst: 5 }"), "rate 0 has neither a burst nor a key", "alone"),
        Fault(policy("free: { rate: 0 }, work: ¶off"), "refuses every request", "deny: true"),
        Fault(policy("ceiling: ¶0"), "a ceiling of 0", "ceiling: off"),
        Fault(policy("ceiling: ¶{ rate: 0/s }"), "a ceiling of 0", "deny: true"),
        Fault(policy("free: { key: ¶ip, rate: 1/s }"), "`ip` is nothing that can be counted", "`client/24,/48`"),
        Fault(policy("free: [1/s, { key: ¶client/24, rate: 1/s }]"), "does not name two networks", "`client/24,/48`"),
        Fault(
            policy("free: [1/s, { key: ¶\"client/24,48\", rate: 1/s }]"),
            "does not name two networks",
            "`client/24,/48`"
        ),
        Fault(
            policy("free: [1/s, { key: ¶\"client/33,/48\", rate: 1/s }]"),
            "does not name two networks",
            "`client/24,/48`"
        ),
        Fault(
            policy("free: [1/s, { key: ¶\"client/+24,/48\", rate: 1/s }]"),
            "does not name two networks",
            "`client/24,/48`"
        ),
        Fault(policy("free: [1/s, { key: ¶\"header:a b\", rate: 1/s }]"), "is not a header's name", "letters"),
        Fault(policy("free: [1/s, { key: ¶\"header:TE\", rate: 1/s }]"), "belongs to one connection", "another"),
        Fault(
            policy("free: ¶[\(Array(1...17).map { "\($0)/s" }.joined(separator: ", "))]"),
            "has 17 elements",
            "at most 16"
        ),
        Fault(
            policy("free: ¶[\(Array(1...16).map { "\($0)/s" }.joined(separator: ", "))], ceiling: 100/s"),
            "has 17 limits",
            "at most 16"
        ),
        Fault(policy("free: { rate: 1/day, burst: ¶100000 }"), "takes more than 146 years to fill", "smaller burst"),
        Fault(
            policy("free: { rate: 60/min, burst: ¶4611686018427387904 }"),
            "takes more than 146 years to fill",
            "smaller burst"
        ),
    ])
    func `Limits are checked`(fault: Fault) { expectOnly(fault) }

    @Test func `A burst is allowed up to 2^62 nanoseconds exactly`() throws {
        // An interval of 1,000 ns: 2^62 / 1,000 is 4,611,686,018,427,387.9.
        let fits = try load(policy("free: { rate: 1000000/s, burst: 4611686018427387 }, ceiling: off"))
        #expect(fits.configuration.policies[0].free[0].burst == 4_611_686_018_427_387)
        expectOnly(
            Fault(policy("free: { rate: 1000000/s, burst: ¶4611686018427388 }, ceiling: off"), "146 years", "smaller")
        )
    }

    @Test(arguments: [
        Fault(
            policy("free: ¶{ key: \"header:X-Api-Key\", rate: 60/min }"),
            "counts only by `header:x-api-key`, which clients choose",
            "`key: client` or `key: all`"
        ),
        Fault(
            policy("ceiling: ¶[{ key: \"header:X-Api-Key\", rate: 10000/min, burst: 600 }]"),
            "counts only by `header:x-api-key`",
            "`key: all`"
        ),
        Fault(
            policy("free: 100/min, ceiling: ¶60/min"),
            "rate of `60/min` is below the free `100/min`",
            "raise the ceiling's rate"
        ),
        Fault(policy("ceiling: ¶60/min"), "rate of `60/min` is below the free `300/min`", "lower the free one"),
        Fault(
            policy("work: { difficulty: ¶15, rounds: 16 }"),
            "16 rounds cannot be done in 15 hashes",
            "at least the rounds"
        ),
        Fault(
            policy("work: { difficulty: ¶500000000, challengeTtl: 5m }"),
            "a slow phone needs about 8 min for this difficulty, but a challenge lives 5m",
            "raise `challengeTtl` to 33m21s"
        ),
        Fault(
            policy("work: { difficulty: ¶5000000000, challengeTtl: 1h }"),
            "a slow phone needs about 83 min",
            "lower it to at most 900000000"
        ),
    ])
    func `A dangerous combination is refused`(fault: Fault) { expectOnly(fault) }

    @Test func `A ceiling is compared with the slowest free limit of its key`() throws {
        #expect(try load(policy("free: [10/s, 1000/day], ceiling: [50/s, 2000/day]")).warnings.isEmpty)
        expectOnly(
            Fault(
                policy("free: [10/s, 1000/day], ceiling: ¶[50/s, 500/day]"),
                "`500/day` is below the free `1000/day`",
                "raise"
            )
        )
    }

    @Test func `A header beside a client limit is fine`() throws {
        #expect(try load(policy("free: [60/min, { key: \"header:X-Api-Key\", rate: 60/min }]")).warnings.isEmpty)
        #expect(
            try load(policy("free: [{ key: all, rate: 60/min }, { key: \"header:X-Api-Key\", rate: 60/min }]")).warnings
                .isEmpty
        )
    }

    @Test(arguments: [
        Fault(
            policy("work: { difficulty: ¶100000000, challengeTtl: 5m }"),
            "more than a quarter of a challenge's life of 5m",
            "raise `challengeTtl` to 6m41s"
        ),
        Fault(policy("work: { difficulty: ¶1000 }"), "which stops nobody", "1000000"),
        Fault(policy("clientPrefix: { ipv6: ¶128 }"), "each host gets 2^64 quotas", "64 or less"),
        Fault(
            policy("free: [60/min, { key: ¶\"client/24,/72\", rate: 100/min }]"),
            "each host gets 2^8 quotas",
            "64 or less"
        ),
        Fault(
            policy("free: { rate: 60/min, burst: 30 }, ceiling: ¶{ rate: 120/min, burst: 10 }"),
            "burst of 10 is below the free 30",
            "raise the ceiling's `burst`"
        ),
        Fault(
            policy("free: { rate: 60/min, burst: 2 }, ceiling: ¶{ key: all, rate: 30/min, burst: 2 }"),
            "(counted by `all`) is below the free",
            "rate"
        ),
    ])
    func `A doubtful policy is warned of`(doubt: Fault) throws { try expectWarning(doubt) }

    @Test(arguments: [
        Fault(policy("work: { difficulty: ¶0 }"), "is `0`", "from 1 to 281474976710656"),
        Fault(policy("work: { rounds: ¶65 }"), "is `65`", "from 1 to 64"),
        Fault(policy("work: { rounds: ¶0 }"), "is `0`", "from 1 to 64"),
        Fault(policy("work: { grants: ¶0 }"), "is `0`", "from 1"),
        Fault(policy("work: { ttl: ¶31d }"), "out of bounds", "to 30d"),
        Fault(policy("work: { ttl: ¶1500ms }"), "not a whole number of seconds", "round it"),
        Fault(policy("work: { challengeTtl: ¶2h }"), "out of bounds", "from 1s to 1h"),
        Fault(policy("work: { bind: ¶ip }"), "`ip` is not one", "`client` or `none`"),
        Fault(policy("work: ¶on"), "must be a mapping, found text", "difficulty"),
    ])
    func `Work is checked`(fault: Fault) { expectOnly(fault) }

    @Test(arguments: [
        Fault(policy("cors: ¶{}"), "has no `origins`", "https://app.example.com"),
        Fault(policy("cors: { origins: ¶[] }"), "is empty", "add an element"),
        Fault(policy("cors: { origins: ¶[\"*\", \"https://a\"] }"), "`*` is every origin", "keep `*` alone"),
        Fault(policy("cors: { origins: ¶\"*\" }, work: { bind: none }"), "carry them off", "bind: client"),
        Fault(policy("cors: { origins: [¶\"https://*.example.com\"] }"), "is not an origin", "https://"),
        Fault(policy("cors: { origins: [¶app.example.com] }"), "is not an origin", "https://"),
        Fault(policy("cors: { origins: [¶\"https://a/b\"] }"), "is not an origin", "host and port only"),
        Fault(policy("cors: { origins: [¶\"ftp://a\"] }"), "is not an origin", "https://"),
        Fault(policy("cors: { origins: [¶\"https://u@a\"] }"), "is not an origin", "https://"),
        Fault(policy("cors: { origins: [¶\"null\"] }"), "is not an origin", "https://"),
        Fault(policy("page: { title: ¶\"\(String(repeating: "a", count: 201))\" }"), "201 bytes long", "at most 200"),
        Fault(policy("page: { text: ¶\"a\\x07\" }"), "holds a control character", "remove it"),
        Fault(policy("page: { status: ¶404 }"), "status is 404", "429"),
        Fault(policy("page: { status: ¶1 }"), "is `1`", "from 100 to 599"),
        Fault(policy("page: { logo: ¶logo.gif }"), "of no kind that browsers show", ".svg"),
        Fault(policy("page: { logo: ¶logo.svg }"), "`/etc/logo.svg` does not exist", "create it"),
        Fault(policy("page: { ¶titel: a }"), "unknown field `titel`", "did you mean `title`?"),
    ])
    func `Origins and the page are checked`(fault: Fault) { expectOnly(fault) }

    @Test(arguments: [
        ("https://App.Example.com", "https://app.example.com"), ("https://a:443", "https://a"),
        ("http://a:443", "http://a:443"), ("http://[::1]:80", "http://[::1]"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ])
    func `An origin is written as browsers write it`(text: String, origin: String) throws {
        #expect(try load(policy("cors: { origins: \"\(text)\" }")).configuration.policies[0].cors == [origin])
    }

    @Test func `Every origin may be allowed where passes are bound to clients`() throws {
        #expect(try load(policy("cors: { origins: \"*\" }")).configuration.policies[0].cors == ["*"])
        #expect(try load(policy("cors: { origins: [\"*\"] }, work: off")).configuration.policies[0].cors == ["*"])
    }

    @Test func `What a difficulty means is said in seconds`() {
        #expect(
            Difficulty.describe(16_000_000, rounds: 16)
                == "16000000 hashes in 16 rounds: on a laptop about 2.0 s (19 of 20 within 2.9 s), on a slow phone about 16 s (23 s)"
        )
        #expect(
            Difficulty.describe(1_000_000, rounds: 1)
                == "1000000 hashes in 1 round: on a laptop about 0.13 s (19 of 20 within 0.37 s), on a slow phone about 1.0 s (3.0 s)"
        )
        #expect(Difficulty.describe(1 << 48, rounds: 64).hasSuffix(" h)"))
        #expect(Difficulty.describe(0, rounds: 1).contains("less than 0.01 s"))
    }

    @Test(arguments: [(1, 2.9957), (4, 1.9384), (16, 1.4441), (64, 1.2141)])
    func `The unlucky twentieth is that of a gamma distribution`(rounds: Int, quantile: Double) {
        #expect(abs(Difficulty.unluckyFactor(rounds: rounds) - quantile) < 0.03)
    }
}
