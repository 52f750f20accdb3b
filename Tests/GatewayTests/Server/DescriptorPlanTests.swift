import Gateway
import Testing

/// How the file descriptors of a process are divided.
@Suite struct DescriptorPlanTests {
    private static func plan(upstreams: [Int]) -> DescriptorPlan {
        DescriptorPlan(loops: 4, listeners: 2, controls: 130, cluster: 500, upstreams: upstreams)
    }

    @Test func whatIsBoundedElsewhereIsKeptBackAtItsMost() {
        let plan = Self.plan(upstreams: [1_024])
        #expect(plan.reserved == 64 + 9 * 3 + 2 * 4 + 130 + 500)
        #expect(plan.descriptorsMin == plan.reserved + 8)
        #expect(plan.clientsMax(of: plan.descriptorsMin) == 4, "one for each loop")
    }

    @Test func clientsAndUpstreamsNeverHaveMoreThanTheRest() {
        for upstreams in [[], [1], [100], [65_536], [10, 1_000], [300, 300, 300], Array(repeating: 1_024, count: 64)] {
            let plan = Self.plan(upstreams: upstreams)
            for rest in [65, 66, 100, 1_000, 1_001, 20_000, 1_000_000] {
                let clients = plan.clientsMax(of: plan.reserved + rest)
                let needed = { (clients: Int) in upstreams.reduce(clients) { $0 + min($1, clients) } }
                #expect(needed(clients) <= rest, "\(upstreams), \(rest)")
                #expect(needed(clients + 1) > rest, "\(upstreams), \(rest)")
            }
        }
    }

    @Test func bothEndsHold() {
        let plan = Self.plan(upstreams: Array(repeating: 65_536, count: 64))
        #expect(plan.clientsMax(of: 0) == 1)
        #expect(plan.clientsMax(of: plan.reserved) == 1)
        #expect(plan.clientsMax(of: .max) > 1_000_000_000)
    }
}
