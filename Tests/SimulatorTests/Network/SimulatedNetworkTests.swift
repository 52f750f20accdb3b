import Raft
import Simulator
import Testing

@Suite struct SimulatedNetworkTests {
    private func network(_ quality: LinkQuality, nodes: Int = 3) -> SimulatedNetwork {
        var network = SimulatedNetwork(nodes: nodes, generator: Xoshiro256(seed: 1))
        network.setQuality(quality)
        return network
    }

    @Test func aPerfectLinkDeliversEachMessageOnceInOrder() {
        var network = network(.perfect)
        var last = Moment.zero
        for step in 0..<1_000 {
            let now = Moment(nanoseconds: UInt64(step) * 10_000)
            let arrivals = network.arrivals(from: 0, to: 1, at: now)
            #expect(arrivals.count == 1)
            #expect(arrivals[0] >= last)
            #expect(arrivals[0] - now >= 50_000)
            last = arrivals[0]
        }
    }

    @Test func aCutIsOneWay() {
        var network = network(.perfect)
        network.setCut(true, from: 0, to: 1)
        #expect(network.arrivals(from: 0, to: 1, at: .zero).isEmpty)
        #expect(network.arrivals(from: 1, to: 0, at: .zero).count == 1)
        network.heal()
        #expect(network.arrivals(from: 0, to: 1, at: .zero).count == 1)
    }

    @Test func anIsolatedGroupHearsItselfAlone() {
        var network = network(.perfect, nodes: 5)
        network.isolate([1, 3])
        for sender in 0..<5 {
            for receiver in 0..<5 where sender != receiver {
                let together = [1, 3].contains(sender) == [1, 3].contains(receiver)
                #expect(network.isCut(from: sender, to: receiver) == !together)
            }
        }
    }

    @Test func aBadLinkLosesRepeatsAndReorders() {
        var network = network(
            LinkQuality(
                lostPerThousand: 200,
                repeatedPerThousand: 200,
                latePerThousand: 200,
                lateNanosecondsMax: 50_000_000
            )
        )
        var lost = 0
        var repeated = 0
        var overtaken = 0
        var latest = Moment.zero
        for step in 0..<2_000 {
            let arrivals = network.arrivals(from: 0, to: 1, at: Moment(nanoseconds: UInt64(step) * 10_000))
            if arrivals.isEmpty { lost += 1 }
            if arrivals.count > 1 { repeated += 1 }
            if let first = arrivals.first {
                if first < latest { overtaken += 1 }
                latest = max(latest, first)
            }
        }
        #expect((300...500).contains(lost))
        #expect((230...410).contains(repeated))
        #expect(overtaken > 300)
    }
}
