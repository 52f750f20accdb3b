import Testing

@testable import Settings

/// What a policy has that says only some of its fields.
@Suite struct PresetTests {
    @Test(arguments: PolicySettings.Preset.allCases)
    func `A preset passes its own checks`(preset: PolicySettings.Preset) throws {
        let loaded = try load(
            "upstream: \"http://127.0.0.1:3000\"\npolicies:\n  default: { preset: \(preset.rawValue) }\n"
        )
        #expect(loaded.configuration.policies == [PolicySettings(name: "default", preset: preset)])
        #expect(loaded.warnings.isEmpty)
    }

    @Test func `Part of a preset is replaced, the rest stays`() throws {
        let policy = try policy("preset: api, work: { grants: 7 }, free: 30/min")
        #expect(
            policy.work
                == WorkSettings(
                    difficulty: 16_000_000,
                    rounds: 16,
                    grants: 7,
                    ttlSeconds: 600,
                    challengeTtlSeconds: 300,
                    bind: .client
                )
        )
        #expect(policy.free.map(\.rateText) == ["30/min"])
        #expect(policy.ceiling == PolicySettings(name: "x", preset: .api).ceiling)
    }

    @Test func `A ceiling that nobody asked for leaves free limits alone`() throws {
        let bursty = try policy("free: { rate: 1/day, burst: 5000 }")
        #expect(bursty.ceiling.map(\.burst) == [10_000])
        #expect(bursty.ceiling.map(\.rateText) == ["1500/min"])
        // Twice the burst would no longer fit into replicated time; the free burst still does.
        let huge = try policy("free: { rate: 1/day, burst: 40000 }")
        #expect(huge.ceiling.allSatisfy { $0.fitsReplicatedTime && $0.burst >= 40_000 })
        let fast = try policy("free: { rate: 1000/s, burst: 2000 }")
        #expect(fast.ceiling.map(\.rateText) == ["1000/s"])
        #expect(fast.ceiling.map(\.interval) == [1_000_000])
        #expect(fast.ceiling.map(\.burst) == [4_000])
        // What counts everyone together says nothing about one client's ceiling.
        let shared = try policy("free: [60/min, { key: all, rate: 50000/s, burst: 100000 }]")
        #expect(shared.ceiling == PolicySettings(name: "x", preset: .site).ceiling)
    }

    @Test func `A reserve that nobody asked for fits the bursts`() throws {
        #expect(try policy("preset: site").reserve == 50)
        #expect(try policy("free: { rate: 60/min, burst: 30 }").reserve == 15)
        #expect(try policy("free: 1/min").reserve == 0)
        #expect(try policy("free: { rate: 60/min, burst: 30 }, reserve: 29").reserve == 29)
    }

    @Test func `Words switch parts off`() throws {
        let policy = try policy("work: off, ceiling: off")
        #expect(policy.work == nil)
        #expect(policy.ceiling.isEmpty)
        #expect(policy.onQuorumLoss == .deny)
        #expect(try self.policy("consistency: strong").onQuorumLoss == .deny)
        let zero = try self.policy("free: { rate: 0 }")
        #expect(zero.freeIsZero && zero.free.isEmpty && zero.reserve == 0)
    }

    @Test func `Limits of one key are told apart by their place`() throws {
        let policy = try policy("free: [10/s, 1000/day, { key: all, rate: 5000/s }, 100/h]")
        #expect(policy.free.map(\.identity) == ["client", "client#2", "all", "client#3"])
    }

    /// The policy `default` with these fields.
    private func policy(_ fields: String) throws -> PolicySettings {
        let loaded = try load("upstream: \"http://127.0.0.1:3000\"\npolicies:\n  default: { \(fields) }\n")
        return try #require(loaded.configuration.policy(named: "default"))
    }
}
