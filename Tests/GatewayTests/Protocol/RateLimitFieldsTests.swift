import Ledger
import Settings
import Testing
import Wire

@testable import Gateway

/// draft-ietf-httpapi-ratelimit-headers-11: lists of items whose parameters are integers (RFC 8941).
@Suite struct RateLimitFieldsTests {
    private func limit(_ name: String, _ count: UInt64 = 60, _ window: UInt64 = 60) -> LimitRuntime {
        LimitRuntime(
            name: name,
            id: LimitID(rawValue: 1),
            key: .client,
            rateText: "60/min",
            count: count,
            windowSeconds: window
        )
    }

    private func state(_ remaining: UInt64, _ reset: UInt64) -> LimitState {
        LimitState(remaining: remaining, resetNanoseconds: reset, burst: 100)
    }

    @Test func theConfiguredRateIsToldInItsWindow() {
        #expect(
            RateLimitFields.policy([limit("free"), limit("free-2", 5, 3_600)])
                == "\"free\";q=60;w=60, \"free-2\";q=5;w=3600"
        )
        // A window is never 0 seconds.
        #expect(RateLimitFields.policy([limit("free", 5, 0)]) == "\"free\";q=5;w=1")
        #expect(RateLimitFields.policy([LimitRuntime]()) == "")
    }

    @Test func theStateIsWhatIsLeftAndWhenItIsFull() {
        #expect(RateLimitFields.state([limit("free")], [state(7, 1)], pass: nil) == "\"free\";r=7;t=1")
        #expect(
            RateLimitFields.state(
                [limit("free"), limit("ceiling")],
                [state(0, 2 * second + 1), state(9, 0)],
                pass: nil
            )
                == "\"free\";r=0;t=3, \"ceiling\";r=9;t=0"
        )
        #expect(
            RateLimitFields.state([limit("ceiling")], [state(9, 0)], pass: (remaining: 4, seconds: 60))
                == "\"pass\";r=4;t=60, \"ceiling\";r=9;t=0"
        )
        #expect(RateLimitFields.state([], [], pass: (remaining: 4, seconds: 60)) == "\"pass\";r=4;t=60")
        #expect(RateLimitFields.state([], [], pass: nil) == "")
    }

    @Test(
        arguments: [
            (0, 0), (1, 1), (second - 1, 1), (second, 1), (second + 1, 2), (UInt64.max, 18_446_744_074),
        ] as [(UInt64, UInt64)]
    ) func secondsAreRoundedUp(_ nanoseconds: UInt64, _ seconds: UInt64) {
        #expect(Durations.secondsRoundedUp(nanoseconds) == seconds)
    }

    @Test func policiesNameTheirLimitsByPlace() throws {
        let configuration = try configuration(
            """
            upstreams: { app: { servers: ["127.0.0.1:3000"] } }
            policies:
              api:
                preset: api
                free: [ { rate: 60/min, burst: 20 }, { key: "client/24,/48", rate: 600/h }, { key: all, rate: 9/s } ]
                work: { grants: 100, ttl: 10m }
                ceiling: { rate: 1000/min }
            routes: [ { upstream: app, policy: api } ]
            """
        )
        let definitions = configuration.policies.map(PolicyRuntime.definition)
        var ledger = Ledger(genesis: genesis)
        let open = SequencedCommand(
            session: SessionID(rawValue: 0),
            sequence: 0,
            floor: 0,
            command: .openSession(owner: ReplicaID(high: 1, low: 1))
        )
        _ = ledger.apply(Batch(time: .zero, commands: [open]), index: 1)
        let set = SequencedCommand(
            session: SessionID(rawValue: 1),
            sequence: 1,
            floor: 1,
            command: .setPolicies(expectedRevision: 0, policies: definitions)
        )
        #expect(ledger.apply(Batch(time: .zero, commands: [set]), index: 2) == [.policiesSet(revision: 1)])
        let policy = try #require(PolicyTable(configuration, facts: ledger.facts)["api"])
        #expect(
            policy.freeFields
                == "\"free\";q=60;w=60, \"free-2\";q=600;w=3600, \"free-3\";q=9;w=1, \"ceiling\";q=1000;w=60"
        )
        #expect(policy.passFields == "\"pass\";q=100;w=600, \"ceiling\";q=1000;w=60")
        #expect(policy.passFields(granted: 100) == policy.passFields)
        #expect(policy.passFields(granted: 7) == "\"pass\";q=7;w=600, \"ceiling\";q=1000;w=60")
        // The ledger's numbers are those of the definitions, each in its place.
        for (limit, definition) in zip(policy.free + policy.ceiling, definitions[0].limits) {
            #expect(ledger.facts.policies[0].limits.first { $0.id == limit.id }?.definition == definition)
        }
        // Nothing can be decided by a policy that the ledger does not hold.
        #expect(PolicyTable(configuration, facts: Ledger(genesis: genesis).facts)["api"] == nil)
    }
}
