import Ledger
import Settings
import Testing

@testable import Gateway

/// Which limit is told of a decision, and as what.
@Suite struct LimitReadingTests {
    /// Two free limits and a ceiling, numbered in their order.
    private func policy() throws -> PolicyRuntime {
        let settings = try #require(
            try configuration(
                """
                upstreams: { app: { servers: ["127.0.0.1:9"] } }
                routes: [{ name: a, match: { path: "/*" }, upstream: app, policy: p }]
                policies:
                  p:
                    free: [{ rate: 60/min, burst: 20 }, { key: "client/24,/48", rate: 600/min, burst: 100 }]
                    ceiling: { rate: 1000/min, burst: 50 }
                """
            ).policy(named: "p")
        )
        let definition = PolicyRuntime.definition(settings)
        let limits = definition.limits.enumerated().map { index, limit in
            LimitFacts(id: LimitID(rawValue: UInt32(index) + 1), definition: limit)
        }
        let facts = PolicyFacts(id: PolicyID(rawValue: 1), name: "p", maxKeys: settings.maxKeys, limits: limits)
        return try #require(PolicyRuntime(settings, facts: facts))
    }

    private func state(_ remaining: UInt64, of burst: UInt64) -> LimitState {
        LimitState(remaining: remaining, resetNanoseconds: 1, burst: burst)
    }

    @Test func aLimitIsToldByItsPlaceInItsStep() throws {
        let policy = try policy()
        let states = [state(3, of: 20), state(0, of: 100), state(50, of: 50)]
        #expect(
            policy.reading(1, ofStep: states)
                == LimitReading(name: "free-2", key: "client/24,/48", rate: "600/min", burst: 100, remaining: 0)
        )
        #expect(policy.reading(2, ofStep: states)?.name == "ceiling")
        // A step with a pass, or where only the ceiling is looked at, has the ceiling alone.
        #expect(policy.reading(0, ofStep: [state(0, of: 50)])?.name == "ceiling")
    }

    @Test func aPlaceThatIsNotThereIsNone() throws {
        let policy = try policy()
        #expect(policy.reading(3, ofStep: [state(1, of: 2), state(1, of: 2), state(1, of: 2)]) == nil)
        #expect(policy.reading(0, ofStep: []) == nil)
        #expect(policy.nearest(ofStep: []) == nil)
        #expect(policy.nearest(ofStep: [.unknown, state(40, of: 100), state(30, of: 50)])?.name == "free-2")
    }

    @Test func theNearestToItsEndHasTheSmallestShareLeft() throws {
        let policy = try policy()
        #expect(policy.nearest(ofStep: [state(10, of: 20), state(40, of: 100), state(30, of: 50)])?.name == "free-2")
        #expect(policy.nearest(ofStep: [state(0, of: 20), state(99, of: 100), state(50, of: 50)])?.name == "free")
        #expect(policy.nearest(ofStep: [state(20, of: 20), state(100, of: 100), state(1, of: 50)])?.name == "ceiling")
        #expect(policy.nearest(ofStep: [state(1, of: 0), state(100, of: 100), state(50, of: 50)]) != nil)
    }
}
