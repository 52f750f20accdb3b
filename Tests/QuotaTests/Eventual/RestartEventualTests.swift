import Ledger
import TestSupport
import Testing

@testable import Quota

/// Nodes that end and begin again, and buckets that are forgotten.
@Suite struct RestartEventualTests {
    /// One a second and a burst of 50: what comes back during a test is little.
    private static let slow = facts([(second, 50)])

    private func drain(_ network: inout EventualNetwork, at node: Int) -> UInt64 {
        var had: UInt64 = 0
        while network.request(1, at: node) { had += 1 }
        return had
    }

    @Test func aRestartedNodeWithPeersHasNoLimitMore() {
        for used in 0..<3 {
            var network = EventualNetwork(3, Self.slow, seed: seed())
            #expect(drain(&network, at: used) == 50)
            network.pass(second)
            network.restart(0)
            network.pass(second)
            // Two seconds, and what rounds away.
            #expect(drain(&network, at: 0) <= 3)
            network.pass(second)
            #expect(drain(&network, at: 1) + drain(&network, at: 2) <= 6)
        }
    }

    @Test func whatARestartedNodeIsToldIsNotChargedTwice() {
        var network = EventualNetwork(3, Self.slow, seed: seed())
        for node in 0..<3 { for _ in 0..<8 { network.request(1, at: node) } }
        network.pass(second)
        network.restart(0)
        network.pass(second)
        let ahead = network.nodes.map { $0.ahead(1, network.time) / millisecond }
        // 24 units and two seconds later.
        #expect(ahead.allSatisfy { (21_500...22_500).contains($0) }, "\(ahead)")
        // And so it goes on.
        for node in 0..<3 { for _ in 0..<5 { network.request(1, at: node) } }
        network.pass(second)
        #expect(network.nodes.allSatisfy { (35_500...36_500).contains($0.ahead(1, network.time) / millisecond) })
    }

    @Test func whatARestartedNodeAdmittedMeanwhileCountsToo() {
        var network = EventualNetwork(3, Self.slow, seed: seed())
        for _ in 0..<20 { network.request(1, at: 1) }
        network.pass(second)
        network.restart(0)
        for _ in 0..<10 { network.request(1, at: 0) }
        network.pass(second)
        #expect(network.nodes.allSatisfy { (27_500...28_500).contains($0.ahead(1, network.time) / millisecond) })
    }

    /// All that the sender wants to send is received.
    private func deliver(_ actions: [EventualAction], to node: inout EventualNode, from: Int, _ time: UInt64) throws {
        for case .send(node.replica, let bytes) in actions {
            try node.exchange.received(bytes, from: .test(from), now: time + node.clockAhead)
        }
    }

    @Test(arguments: [false, true])
    func unitsThatAreOnTheirWayWhenAPeerTellsItsStateAreKept(areHandedOver: Bool) throws {
        var old = EventualNode(0, boot: 1, Self.slow, EventualSettings(), clockAhead: day, time: 0)
        for _ in 0..<20 { #expect(old.charge(charge([limit(1)]), second).isAdmitted) }
        old.tick(second)
        var young = EventualNode(1, boot: 2, Self.slow, EventualSettings(), clockAhead: 7 * day, time: second)
        old.exchange.peerConnected(.test(1), now: day + second)
        young.exchange.peerConnected(.test(0), now: 7 * day + second)
        // They find each other.
        try deliver(young.exchange.takeActions(), to: &old, from: 1, second)
        try deliver(old.exchange.takeActions(), to: &young, from: 0, second)
        young.tick(second)
        try deliver(young.exchange.takeActions(), to: &old, from: 1, second)
        let state = old.exchange.takeActions()
        for _ in 0..<10 { #expect(young.charge(charge([limit(1)]), second).isAdmitted) }
        if areHandedOver { young.tick(second) }
        try deliver(state, to: &young, from: 0, second)
        young.tick(second)
        #expect(young.ahead(1, second) == 30 * second)
        try deliver(young.exchange.takeActions(), to: &old, from: 1, second)
        #expect(old.ahead(1, second) == 30 * second)
        // Again it changes nothing.
        try deliver(state, to: &young, from: 0, second)
        young.tick(second)
        #expect(young.ahead(1, second) == 30 * second)
    }

    /// What one peer tells a restarted node does not hide what it has heard from another.
    @Test func whatOnePeerKnowsAndTheOtherDoesNotCountsBoth() {
        var network = EventualNetwork(3, Self.slow, seed: seed())
        for _ in 0..<10 { network.request(1, at: 1) }
        network.pass(second)
        network.cut = (1, 2)
        for _ in 0..<12 { network.request(1, at: 1) }
        for _ in 0..<7 { network.request(1, at: 2) }
        network.pass(second)
        network.restart(0)
        network.pass(second)
        // All 29, three seconds later, and at most what the second peer knows of the first counted again.
        let ahead = network.nodes[0].ahead(1, network.time) / millisecond
        #expect((26_000...42_000).contains(ahead), "\(ahead)")
    }

    @Test func aNodeAloneHasOneLimitMoreForEachRestart() {
        var network = EventualNetwork(1, Self.slow, seed: seed())
        for _ in 0..<3 {
            #expect((49...51).contains(drain(&network, at: 0)))
            network.restart(0)
        }
    }

    @Test func messagesOfABootThatEndedChangeNothing() {
        var faults = EventualNetwork.Faults(lost: 50, repeated: 500)
        faults.delay = (millisecond, 300 * millisecond)
        faults.repeatedDelay = 5 * second
        var random = Seeded(seed())
        for _ in 0..<runs(3) {
            var network = EventualNetwork(3, facts([(10 * millisecond, 20)]), faults: faults, seed: random.next())
            for round in 0..<6 {
                network.pass(2 * second) { network in
                    for node in 0..<3 where network.random.perMille(30) { network.request(1, at: node) }
                }
                network.restart(round % 3)
            }
            network.pass(3 * second)
            #expect(network.nodes.allSatisfy { $0.exchange.peers(now: network.time + $0.clockAhead).connected == 2 })
            // All is full, and stays so whatever comes yet.
            for node in 0..<3 { #expect(network.nodes[node].ahead(1, network.time) == 0) }
            network.pass(6 * second)
            for node in 0..<3 { #expect(network.nodes[node].ahead(1, network.time) == 0) }
            let since = network.time
            network.pass(5 * second) { for node in 0..<3 { $0.request(1, at: node) } }
            #expect(network.units(1, since: since) >= 20 + 500 - 2)
            #expect(network.excess(1, since: since).beyondUnheard <= 0)
        }
    }

    @Test func whatIsFullIsForgottenEverywhere() {
        var network = EventualNetwork(3, facts([(50 * millisecond, 20)]), seed: seed())
        for key in 0..<200 as Range<UInt64> { network.request(key, at: Int(key % 3)) }
        network.pass(second)
        #expect(network.nodes.allSatisfy { $0.exchange.size.components == 200 })
        network.pass(14 * second)
        #expect(network.nodes.allSatisfy { $0.exchange.size.components == 0 })
        #expect(network.nodes.allSatisfy { $0.limits.limit(LimitID(rawValue: 1))?.count == 0 })
        // Made anew they are told anew, though the count that was told before was forgotten, or is greater.
        for _ in 0..<15 { network.request(5, at: 0) }
        network.pass(200 * millisecond)
        let ahead = network.nodes[1].ahead(5, network.time) / millisecond
        #expect((550...700).contains(ahead), "\(ahead)")
    }

    /// A message that comes again long after the bucket was forgotten brings nothing back.
    @Test func aLateDuplicateBringsNothingBack() throws {
        var network = EventualNetwork(2, facts([(10 * millisecond, 20)]), seed: seed())
        for _ in 0..<20 { network.request(1, at: 0) }
        var recorded: [[UInt8]] = []
        network.nodes[0].tick(network.time)
        for case .send(_, let bytes) in network.nodes[0].exchange.takeActions() { recorded.append(bytes) }
        let now = network.time + network.nodes[1].clockAhead
        for bytes in recorded { try network.nodes[1].exchange.received(bytes, from: .test(0), now: now) }
        #expect(network.nodes[1].ahead(1, network.time) == 200 * millisecond)
        network.pass(30 * second)
        #expect(network.nodes[1].exchange.size.components == 0)
        for bytes in recorded {
            let now = network.time + network.nodes[1].clockAhead
            try network.nodes[1].exchange.received(bytes, from: .test(0), now: now)
        }
        #expect(network.nodes[1].exchange.size.components == 0)
        #expect(network.nodes[1].ahead(1, network.time) == 0)
    }

    @Test func whatIsAdmittedAfterForgettingIsNotHiddenByWhatWasToldBefore() {
        var network = EventualNetwork(2, facts([(second / 2, 40)]), seed: seed())
        for _ in 0..<8 { network.request(1, at: 0) }
        network.pass(second)
        // One side uses the bucket all the time, the other forgets it.
        network.sides = [0, 1]
        network.pass(20 * second) { network in
            if network.time % second == 0 { network.request(1, at: 1, cost: 2) }
        }
        #expect(network.nodes[0].exchange.size.components == 0)
        #expect(network.nodes[1].exchange.size.components == 1)
        network.sides = [0, 0]
        network.pass(second)
        let before = network.nodes[1].ahead(1, network.time)
        for _ in 0..<6 { network.request(1, at: 0) }
        network.pass(second)
        #expect(network.nodes[1].ahead(1, network.time) >= before + 2 * second - 100 * millisecond)
    }

    @Test func aBucketThatOneNodeUsesNowAndThenIsToldExactly() {
        // Idle for longer than the quiet time, but never long enough to be forgotten: others use it.
        var network = EventualNetwork(2, facts([(second / 2, 40)]), seed: seed())
        for _ in 0..<5 {
            for _ in 0..<3 { network.request(1, at: 0) }
            network.pass(7 * second) { network in
                if network.time % second == 0 { network.request(1, at: 1) }
            }
            let ahead = network.nodes.map { $0.ahead(1, network.time) / millisecond }
            #expect(ahead.allSatisfy { $0 <= 700 }, "\(ahead)")
        }
    }
}
