import Ledger
import TestSupport
import Testing

@testable import Quota

/// How much several nodes admit together, for every interval of time.
@Suite struct PromiseEventualTests {
    /// 100 a second and a burst of 20.
    private static let terms = facts([(10 * millisecond, 20)])
    private let unit = Int64(10 * millisecond)

    /// Everybody wants all there is.
    private func flood(_ network: inout EventualNetwork, _ nodes: [Int]) {
        for node in nodes { for _ in 0..<2 { network.request(1, at: node) } }
    }

    /// Now and then somebody wants something.
    private func trickle(_ network: inout EventualNetwork, perMille: UInt64) {
        for node in network.nodes.indices where network.random.perMille(perMille) {
            network.request(1, at: node, cost: UInt32(network.random.below(3)) + 1)
        }
    }

    @Test(arguments: [1, 3, 5])
    func connectedNodesExceedTheLimitByWhatTheyHaveNotHeardOf(_ count: Int) {
        var network = EventualNetwork(count, Self.terms, seed: seed())
        let nodes = Array(0..<count)
        network.pass(8 * second) { flood(&$0, nodes) }
        network.pass(10 * second) { trickle(&$0, perMille: 40) }
        network.pass(3 * second)
        network.pass(5 * second) { flood(&$0, nodes) }
        let excess = network.excess(1)
        print("nodes: \(count), excess: \(excess.total / unit) units")
        #expect(excess.beyondUnheard <= 0)
        #expect(excess.beyondLate <= 0)
        // For each other node a burst, and what comes back in a round, 20 ms of delay and a step.
        #expect(excess.total <= Int64(count - 1) * unit * (20 + 13))
        if count == 1 { #expect(excess.total <= 0) }
    }

    @Test func nothingIsLostOfTheRate() {
        var network = EventualNetwork(3, Self.terms, seed: seed())
        let begin = network.time
        network.pass(10 * second) { flood(&$0, [0, 1, 2]) }
        // What each node charged it charged once, and no bucket was ever full: so burst and rate were admitted.
        #expect(network.units(1, since: begin) >= 20 + 1_000 - 2)
    }

    @Test func aKeyOfOneNodeHasItsWholeRateThere() {
        var network = EventualNetwork(3, Self.terms, seed: seed())
        network.faults.lost = 100
        network.faults.repeated = 300
        network.pass(20 * second) { flood(&$0, [1]) }
        #expect(network.units(1) >= 20 + 2_000 - 1)
        #expect(network.excess(1).total <= 0)
    }

    @Test func lossRepetitionAndReorderingCostOnlyDelay() {
        var random = Seeded(seed())
        for _ in 0..<runs(3) {
            var faults = EventualNetwork.Faults(lost: 200, repeated: 300)
            faults.delay = (millisecond, 250 * millisecond)
            var network = EventualNetwork(3, Self.terms, faults: faults, seed: random.next())
            network.pass(5 * second)
            let begin = network.time
            network.pass(10 * second) { flood(&$0, [0, 1, 2]) }
            network.pass(10 * second) { trickle(&$0, perMille: 60) }
            #expect(network.excess(1, since: begin).beyondUnheard <= 0)
            // And nothing was charged twice: with all it wants the cluster still has its rate.
            let since = network.time
            network.pass(10 * second) { flood(&$0, [0, 1, 2]) }
            #expect(network.units(1, since: since) >= 1_000 - 20 - 2 * 33)
        }
    }

    @Test func eachSideHasOneLimitWhileItIsCutOff() {
        var network = EventualNetwork(5, Self.terms, seed: seed())
        network.pass(3 * second) { flood(&$0, [0, 1, 2, 3, 4]) }
        network.sides = [0, 0, 0, 1, 1]
        network.pass(10 * second) { flood(&$0, [0, 1, 2, 3, 4]) }
        network.sides = [0, 0, 0, 0, 0]
        let healed = network.time
        network.pass(9 * second) { flood(&$0, [0, 1, 2, 3, 4]) }
        for side in [[0, 1, 2], [3, 4]] as [Set<Int>] {
            #expect(network.excess(1, nodes: side).total <= Int64(side.count - 1) * unit * (20 + 13))
        }
        #expect(network.excess(1, since: healed + second).beyondUnheard <= 0)
        // Of each node of the other side a burst and a second are charged at most, not the ten seconds: the rate is back soon.
        let units = network.units(1, since: healed + 4 * second)
        #expect(units >= 500 - 40)
    }

    @Test func aNodeAloneIsOneLimit() {
        var network = EventualNetwork(3, Self.terms, seed: seed())
        network.sides = [0, 1, 2]
        network.pass(10 * second) { flood(&$0, [0]) }
        #expect(network.excess(1).total <= 0)
        #expect(network.units(1) >= 20 + 1_000 - 1)
    }

    @Test func afterQuietTheWholeBurstIsThereEverywhere() {
        var faults = EventualNetwork.Faults(lost: 100, repeated: 200)
        faults.delay = (millisecond, 150 * millisecond)
        for node in 0..<3 {
            var network = EventualNetwork(3, Self.terms, faults: faults, seed: seed())
            network.pass(5 * second) { flood(&$0, [0, 1, 2]) }
            // Three bursts and three rounds at worst.
            network.pass(3 * second)
            for _ in 0..<20 {
                let isAdmitted = network.request(1, at: node)
                #expect(isAdmitted)
            }
            let isAdmitted = network.request(1, at: node)
            #expect(!isAdmitted)
        }
    }

    @Test func nodesAgreeWhenAllIsHeard() {
        var random = Seeded(seed())
        for _ in 0..<runs(5) {
            let slow = facts([(second, 100)])
            var faults = EventualNetwork.Faults(lost: 150, repeated: 200)
            faults.delay = (millisecond, 80 * millisecond)
            var network = EventualNetwork(3, slow, faults: faults, seed: random.next())
            network.pass(5 * second) { network in
                for node in 0..<3 where network.random.perMille(3) { network.request(1, at: node) }
            }
            network.faults.lost = 0
            network.pass(second)
            let times = network.nodes.map { $0.ahead(1, network.time) }
            let spread = (times.max() ?? 0) - (times.min() ?? 0)
            #expect(spread <= 2 * second, "\(times)")
            // Each knows of each unit, and when it came at the latest.
            let units = network.units(1)
            #expect((times.min() ?? 0) + 7 * second >= units * second)
            #expect((times.max() ?? 0) <= units * second)
        }
    }

    @Test func duplicatesWouldCountIfTheyWereAdded() {
        var network = EventualNetwork(3, Self.terms, faults: .init(lost: 50, repeated: 300), seed: seed())
        network.keepsHeard = true
        network.pass(5 * second) { trickle(&$0, perMille: 10) }
        network.faults.lost = 0
        network.pass(second)
        let units = (network.admissions[1] ?? []).reduce(0) { $1.node == 0 ? $0 : $0 + $1.units }
        var merged: UInt64 = 0
        var added: UInt64 = 0
        var known = [UInt64](repeating: 0, count: 3)
        for told in network.heard where told.to == 0 {
            merged += told.entry.own.units(above: known[told.from])
            known[told.from] = max(known[told.from], told.entry.own.count)
            added += told.entry.own.units
        }
        #expect(merged == units)
        #expect(added > 2 * units)
    }
}
