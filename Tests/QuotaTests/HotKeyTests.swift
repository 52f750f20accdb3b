import Ledger
import Quota
import TestSupport
import Testing

/// How much of a quota is had, and at what cost to the log.
@Suite struct HotKeyTests {
    private func world(interval: UInt64 = day, burst: UInt64 = 10_000) -> World {
        World([.init(role: .free, key: "a", interval: interval, burst: burst)], seed: seed())
    }

    /// Requests of one key at a node, evenly over its loops.
    private func ask(_ world: World, node: Int, from: UInt64, count: UInt64, every: UInt64, key: UInt64 = 1) {
        for step in 0..<count {
            world.timeline.plan(at: from + step * every) {
                world.nodes[node].request([world.limit(0, key: key)], loop: Int(step % UInt64(World.loops)))
            }
        }
    }

    @Test func oneNodeHasNearlyAllOfAQuota() {
        let world = world()
        ask(world, node: 0, from: 0, count: 12_000, every: 200_000)
        ask(world, node: 0, from: 3 * second, count: 100, every: 10 * millisecond)
        world.run(to: 10 * second)
        print("one node:", world.units(0, key: 1), world.applied)
        #expect(world.units(0, key: 1) >= 9_990)
        #expect(world.units(0, key: 1) <= 10_000)
        // A slice of 26 units each, or of as many as wait for one.
        #expect(world.applied.lends <= 600)
        #expect(world.applied.charges <= 50)
    }

    @Test func soHasANodeToWhichTheTrafficMoves() {
        let world = world()
        ask(world, node: 0, from: 0, count: 9_900, every: 200_000)
        ask(world, node: 1, from: 1_980 * millisecond, count: 2_000, every: 500_000)
        ask(world, node: 1, from: 3 * second, count: 100, every: 10 * millisecond)
        world.run(to: 10 * second)
        print("moved:", world.units(0, key: 1), world.applied)
        #expect(world.units(0, key: 1) >= 9_990)
        #expect(world.units(0, key: 1) <= 10_000)
    }

    /// A node has used a part of its slice, and another uses up the bucket before the slice has been idle for long.
    @Test func aRecallReachesWhatLiesIdle() {
        let world = world(burst: 100)
        ask(world, node: 0, from: 0, count: 5, every: millisecond)
        world.run(to: 100 * millisecond)
        #expect(world.applied.lends == 1)
        ask(world, node: 1, from: 100 * millisecond, count: 150, every: millisecond / 2)
        world.run(to: 230 * millisecond)
        print("recalled:", world.units(0, key: 1), world.applied)
        #expect(world.applied.returns >= 1)
        #expect(world.units(0, key: 1) >= 99)
    }

    @Test func soHaveThreeNodesAtOnce() {
        let world = world()
        for node in 0..<3 { ask(world, node: node, from: UInt64(node) * 70_000, count: 4_000, every: 500_000) }
        for node in 0..<3 { ask(world, node: node, from: 3 * second, count: 100, every: 10 * millisecond) }
        world.run(to: 10 * second)
        print("three nodes:", world.units(0, key: 1), world.applied)
        #expect(world.units(0, key: 1) >= 9_990)
        #expect(world.units(0, key: 1) <= 10_000)
        #expect(world.excess() == 0)
    }

    @Test func aNodeThatEndsReturnsWhatItHas() {
        let world = world()
        ask(world, node: 0, from: 0, count: 1_000, every: 500_000)
        world.run(to: second / 2)
        world.nodes[0].close()
        world.run(to: second)
        let had = world.units(0, key: 1)
        ask(world, node: 1, from: second, count: 12_000, every: 200_000)
        world.run(to: 10 * second)
        #expect(had == 1_000)
        #expect(world.units(0, key: 1) >= 9_998)
    }

    @Test func coldKeysAreChargedDirectly() {
        let world = world(interval: second, burst: 100)
        for key in 0..<20 as Range<UInt64> {
            ask(world, node: 0, from: key * 7 * millisecond, count: 20, every: 600 * millisecond, key: key)
        }
        world.run(to: 15 * second)
        #expect(world.applied.charges == 400)
        #expect(world.applied.lends == 0)
    }

    /// An empty bucket that all nodes are asked for a thousand times a second.
    @Test func refusalsDoNotStormTheLedger() {
        let world = world(interval: 60 * second, burst: 100)
        for node in 0..<3 { ask(world, node: node, from: 0, count: 5_000, every: millisecond) }
        world.run(to: 5 * second)
        print("storm:", world.units(0, key: 1), world.applied)
        #expect(world.units(0, key: 1) >= 98)
        // Each node asks again every fourth of a second or so, and a few times more while others may return units.
        #expect(world.applied.lends <= 150)
        #expect(world.applied.charges <= 60)
        #expect(world.excess() == 0)
    }

    /// A bucket that regains 50 units a second, of which a thousand are wanted at each node.
    @Test func aBucketThatIsAlwaysEmptyCostsLittle() {
        let world = world(interval: 20 * millisecond, burst: 100)
        for node in 0..<3 { ask(world, node: node, from: 0, count: 5_000, every: millisecond) }
        world.run(to: 5 * second)
        print("always empty:", world.units(0, key: 1), world.applied)
        #expect(world.units(0, key: 1) >= 340)
        #expect(world.excess() == 0)
        #expect(world.applied.lends <= 1_500)
        #expect(world.applied.charges <= 100)
    }

    @Test func alternatingNodesLoseNothing() {
        let world = world(interval: day, burst: 2_000)
        for turn in 0..<40 as Range<UInt64> {
            ask(
                world,
                node: Int(turn % 3),
                from: turn * 300 * millisecond,
                count: 60,
                every: millisecond
            )
        }
        world.run(to: 20 * second)
        print("alternating:", world.units(0, key: 1), world.applied)
        #expect(world.units(0, key: 1) >= 1_990)
    }
}
