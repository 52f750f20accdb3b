import Settings
import Testing

@testable import Gateway

/// What a loop counts.
@Suite struct MetersTests {
    @Test func loopsAddUp() {
        var one = Meters()
        var other = Meters()
        let request = Meters.Request(route: "a", policy: "p", verdict: .admittedFree)
        one.count(request)
        other.count(request)
        other.count(Meters.Request(route: "a", policy: "p", verdict: .refused(.overLimit)))
        other.count(Meters.Challenge(policy: "p", event: .issued))
        one.verified(nanoseconds: 5)
        other.verified(nanoseconds: 7)
        other.decided(.strong, nanoseconds: 9)
        one.add(other)
        #expect(one.requests[request] == 2)
        #expect(one.requests.count == 2)
        #expect(one.challenges[Meters.Challenge(policy: "p", event: .issued)] == 1)
        #expect(one.verification.sum == 12)
        #expect(one.decisions[.strong]?.counts.reduce(0, +) == 1)
    }

    @Test func whatAReloadDropsIsForgotten() throws {
        let configuration = try configuration(
            """
            upstreams: { app: { servers: ["127.0.0.1:9"] } }
            routes: [{ name: a, match: { path: "/*" }, upstream: app, policy: p }]
            policies: { p: {} }
            """
        )
        var meters = Meters()
        for (route, policy) in [("a", "p"), ("", ""), ("old", "p"), ("a", "old"), ("", "p")] {
            meters.count(Meters.Request(route: route, policy: policy, verdict: .admittedFree))
            meters.count(Meters.Challenge(policy: policy, event: .issued))
        }
        meters.keep(configuration)
        #expect(Set(meters.requests.keys.map { $0.route + "/" + $0.policy }) == ["a/p", "/", "/p"])
        #expect(Set(meters.challenges.keys.map(\.policy)) == ["p", ""])
    }

    @Test func aBucketHoldsItsBound() {
        var histogram = Histogram(bounds: [10, 20])
        for value: UInt64 in [0, 10, 11, 20, 21, .max] { histogram.observe(value) }
        #expect(histogram.counts == [2, 2, 2])
    }

    @Test func boundsRiseFromMicrosecondsToSeconds() {
        #expect(Histogram.verification.bounds.first == 1_000)
        #expect(Histogram.verification.bounds.last == 10_000_000)
        #expect(Histogram.decision.bounds.first == 10_000)
        #expect(Histogram.decision.bounds.last == 10_000_000_000)
        for histogram in [Histogram.verification, .decision] {
            #expect(zip(histogram.bounds, histogram.bounds.dropFirst()).allSatisfy { $0 < $1 })
        }
    }
}
