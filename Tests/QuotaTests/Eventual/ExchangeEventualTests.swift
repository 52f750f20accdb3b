import Ledger
import TestSupport
import Testing
import Wire

@testable import Quota

/// What goes over the wire.
@Suite struct ExchangeEventualTests {
    /// Few keys fit in a message, and few messages in a round.
    private static var narrow: EventualSettings {
        var settings = EventualSettings()
        settings.messageBytesMax = 1_400
        return settings
    }

    private static let slow = facts([(3_600 * second, 1_000)], maxKeys: 100_000)

    private func told(_ keys: Range<UInt64>, _ network: EventualNetwork) -> Int {
        keys.count { network.nodes[1].ahead($0, network.time) > 0 }
    }

    @Test func manyKeysAreToldInPartsAndAllOfThem() {
        var network = EventualNetwork(2, Self.slow, settings: Self.narrow, seed: seed())
        network.faults.lost = 100
        for key in 0..<3_000 as Range<UInt64> { network.request(key, at: 0) }
        network.pass(300 * millisecond)
        let soon = told(0..<3_000, network)
        network.pass(3 * second)
        #expect(soon > 0 && soon < 3_000)
        #expect(told(0..<3_000, network) == 3_000)
        // A node that begins now hears of all of them, whatever changes meanwhile.
        network.restart(1)
        network.pass(4 * second) { network in
            for key in 0..<5 as Range<UInt64> { network.request(key, at: 0) }
        }
        #expect(told(0..<3_000, network) == 3_000)
        #expect(network.mostBytes <= 1_400)
    }

    @Test func whatWaitsLongestGoesFirst() {
        var network = EventualNetwork(2, Self.slow, settings: Self.narrow, seed: seed())
        // Far more change in every round than fit in one.
        for round in 0..<20 {
            for key in 0..<2_000 as Range<UInt64> where round == 0 || key < 1_000 { network.request(key, at: 0) }
            network.pass(100 * millisecond)
        }
        #expect(told(1_900..<2_000, network) == 100)
    }

    /// A node learns of new limits later than its peer, which has admitted something of them meanwhile.
    @Test func whatIsToldOfALimitThatIsNotKnownYetIsToldAgain() {
        var network = EventualNetwork(2, facts([(3_600 * second, 10), (3_600 * second, 10)]), seed: seed())
        let limits = network.nodes[1].limits
        var before = EventualLimits()
        before = before.revised([facts([(3_600 * second, 10)])], now: network.time)
        network.nodes[1].exchange.limitsChanged(before)
        let both = charge([limit(1), limit(1, limit: 2)], cost: 3)
        let isAdmitted = network.nodes[0].charge(both, network.time).isAdmitted
        #expect(isAdmitted)
        network.pass(second)
        network.nodes[1].exchange.limitsChanged(limits)
        network.pass(second)
        for limit in 1...2 as ClosedRange<UInt32> {
            let units = network.nodes[1].ahead(1, limit: limit, network.time).times(1) / (3_599 * second)
            #expect(units == 3, "limit \(limit)")
        }
    }

    @Test func aRoundLooksAtSoManyPlacesHoweverManyLimitsThereAre() {
        var settings = EventualSettings()
        settings.sweptPerRound = 512
        let many = facts(Array(repeating: (millisecond, 10), count: 4), maxKeys: 10_000)
        var node = EventualNode(0, boot: 1, many, settings, clockAhead: 0, time: second)
        for key in 0..<400 as Range<UInt64> {
            for number in 1...4 as ClosedRange<UInt32> { _ = node.charge(charge([limit(key, limit: number)]), second) }
        }
        node.tick(second)
        #expect(node.exchange.size.components == 1_600)
        var rounds = 0
        var time = 60 * second
        while node.exchange.size.components > 0, rounds < 100 {
            let before = node.exchange.size.components
            node.tick(time)
            #expect(before - node.exchange.size.components <= 512)
            time += 100 * millisecond
            rounds += 1
        }
        #expect((4..<60).contains(rounds))
    }

    @Test func aMessageIsFull() {
        var network = EventualNetwork(2, Self.slow, seed: seed())
        for key in 0..<3_000 as Range<UInt64> { network.request(key, at: 0) }
        network.pass(200 * millisecond)
        #expect(told(0..<3_000, network) == 3_000)
        #expect((59_000...60_000).contains(network.mostBytes))
    }

    @Test func keysThatHaveNoRoomAtAPeerAreChargedToTheirFallback() {
        var network = EventualNetwork(2, facts([(3_600 * second, 10)], maxKeys: 10), seed: seed())
        // Ten at either, then one more at the first that the second has no room for.
        network.sides = [0, 1]
        for key in 0..<10 as Range<UInt64> {
            network.request(key, at: 0)
            network.request(100 + key, at: 1)
        }
        network.sides = [0, 0]
        network.pass(second)
        let shared = network.nodes[1].charge(charge([limit(50)], cost: 0), network.time)
        #expect(shared.remaining == [0], "ten units of keys 0 to 9 are in their fallback's bucket, which 50 shares")
        #expect(network.nodes[1].charge(charge([limit(101)], cost: 0), network.time).remaining == [9])
        // A restarted node has room for ten of the twenty that it is told of. The others have shared their fallbacks' buckets.
        network.restart(1)
        network.pass(second)
        let left = network.nodes[1].charge(charge([limit(50), limit(150)], cost: 0), network.time).remaining
        #expect(left.contains(0), "\(left)")
        // And none of them was charged with what others used: at most both bursts are gone.
        for key in [50, 150] as [UInt64] {
            let now = network.time + network.nodes[1].clockAhead
            let state = network.nodes[1].limits.limit(LimitID(rawValue: 1))?.state(
                .test(key),
                fallback: .test(1_000_000_000 + key / 100),
                now: now
            )
            #expect((state?.resetNanoseconds ?? 0) <= 20 * 3_600 * second)
        }
    }

    @Test func totalsAndTheWorstExcessAreKnown() {
        var network = EventualNetwork(3, facts([(10 * millisecond, 20)]), seed: seed())
        for _ in 0..<30 { network.request(1, at: 0) }
        network.pass(second)
        let node = network.nodes[0]
        #expect(node.exchange.admitted(policy) == 20)
        #expect(network.nodes[1].exchange.admitted(policy) == 0)
        #expect(node.exchange.peers(now: network.time + node.clockAhead) == (2, 2))
        let excess = node.exchange.excessMax(LimitID(rawValue: 1), others: 2, now: network.time + node.clockAhead)
        #expect((60...2 * (20 + 24)).contains(excess), "\(excess)")
    }

    @Test func aMemberThatIsRemovedIsForgotten() {
        var network = EventualNetwork(3, facts([(second, 20)]), seed: seed())
        for _ in 0..<5 { network.request(1, at: 2) }
        network.pass(second)
        network.nodes[0].exchange.peerRemoved(.test(2))
        #expect(network.nodes[0].ahead(1, network.time) > 3 * second)
        network.pass(second)
        #expect(network.nodes[0].exchange.peers(now: network.time + network.nodes[0].clockAhead) == (1, 1))
        network.nodes[0].exchange.peerConnected(.test(2), now: network.time + network.nodes[0].clockAhead)
        network.nodes[2].exchange.peerConnected(.test(0), now: network.time + network.nodes[2].clockAhead)
        network.pass(second)
        #expect(network.nodes[0].exchange.peers(now: network.time + network.nodes[0].clockAhead) == (2, 2))
        for _ in 0..<5 { network.request(1, at: 0) }
        network.pass(300 * millisecond)
        #expect(network.nodes[2].ahead(1, network.time) > 6 * second)
    }

    @Test func whatIsAcknowledgedIsNotToldAgain() {
        // A receipt takes three rounds.
        var network = EventualNetwork(
            2,
            Self.slow,
            faults: .init(delay: (140 * millisecond, 150 * millisecond)),
            seed: seed()
        )
        network.pass(second)
        network.keepsHeard = true
        network.request(1, at: 0)
        network.pass(second)
        #expect((1...4).contains(network.heard.count))
        network.pass(3 * second)
        #expect(network.heard.count <= 4)
        network.restart(1)
        network.pass(3 * second)
        network.heard = []
        network.pass(3 * second)
        #expect(network.heard.isEmpty)
    }

    @Test func limitsThatAreNoMoreAreDropped() {
        var network = EventualNetwork(2, facts([(second, 20), (second, 20)]), seed: seed())
        for _ in 0..<5 { network.request(1, at: 0) }
        network.pass(second)
        var reduced = network.facts
        reduced.limits.removeFirst()
        for node in 0..<2 {
            let now = network.time + network.nodes[node].clockAhead
            network.nodes[node].limits = network.nodes[node].limits.revised([reduced], now: now)
            network.nodes[node].exchange.limitsChanged(network.nodes[node].limits)
            #expect(network.nodes[node].exchange.size.components == 0)
            network.pass(second)
        }
    }

    /// With a name, a count and two peers' counts, at a million keys, at the fill that they happen to have.
    @Test func aKeyTakesAboutAHundredBytes() {
        var table = ComponentTable()
        let buckets = EventualTable()
        let count = runs(100_000)
        for key in 0..<count {
            let bucket = EventualBucketID(.test(UInt64(key)), .own)
            let position = table.position(bucket, fallback: .shared)
            table.hear(0, position, 1)
            table.hear(1, position, 1)
            _ = buckets.insert(bucket)
        }
        let bytes = (table.allocatedBytes + 16 * buckets.size.places) / count
        print("bytes a key: \(bytes), components \(table.allocatedBytes / count)")
        #expect(bytes <= 120)
    }
}
