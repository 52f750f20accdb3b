import Ledger
import Quota
import TestSupport
import Testing

/// Nodes around a ledger: what is promised, whatever happens.
@Suite struct WorldTests {
    private struct Term {
        var interval: UInt64
        var burst: UInt64
    }

    private static func limit(_ place: Int, _ term: Term) -> LimitDefinition {
        LimitDefinition(
            role: place == 2 ? .ceiling : .free,
            key: "key \(place)",
            interval: term.interval,
            burst: term.burst
        )
    }

    /// Random traffic on few keys of several limits, while answers are late or lost, nodes restart or get another session, and
    /// operators change limits and override them.
    private func storm(seed: UInt64) -> (world: World, verdicts: [WorldNode.Verdict: Int]) {
        var random = Seeded(seed)
        let terms = (0..<3).map { _ in
            Term(
                interval: random.pick([millisecond, 20 * millisecond, second, day]),
                burst: 1 + random.below(random.pick([10, 300, 20_000]))
            )
        }
        let world = World(
            terms.enumerated().map { Self.limit($0.offset, $0.element) },
            maxKeys: random.pick([3, 1_000]),
            seed: random.next()
        )
        world.weather = random.pick([.fair, .foul, Weather(late: 500, lateness: 1 + random.below(4 * second))])
        var verdicts: [WorldNode.Verdict: Int] = [:]
        let keys = 1 + random.below(6)
        let pause = random.pick([millisecond, 4 * millisecond, 30 * millisecond])
        for step in 0..<1_500 as Range<UInt64> {
            let node = world.nodes[Int(random.below(random.oneIn(2) ? 3 : 1))]
            let loop = Int(random.below(UInt64(World.loops)))
            var limits = [world.limit(0, key: random.below(keys), reserve: random.oneIn(8) ? 5 : 0)]
            if random.oneIn(3) { limits.append(world.limit(1, key: random.below(keys))) }
            if random.oneIn(2) { limits.append(world.limit(2, key: 7)) }
            let cost = random.oneIn(10) ? 1 + UInt32(random.below(20)) : 1
            let charged = limits
            world.timeline.plan(at: step * pause + random.below(pause)) {
                node.request(charged, cost: cost, loop: loop) { verdicts[$0, default: 0] += 1 }
            }
            if random.oneIn(300) { world.timeline.plan(at: step * pause) { node.restart() } }
            if random.oneIn(300) { world.timeline.plan(at: step * pause) { node.renewSession() } }
            if random.oneIn(300) {
                let changed = terms.enumerated().map { place, term in
                    let other = Term(interval: max(1, term.interval / 4), burst: term.burst * 2)
                    return Self.limit(place, random.oneIn(2) ? term : other)
                }
                world.timeline.plan(at: step * pause) { world.change(changed) }
            }
            if random.oneIn(300) {
                let key = random.below(keys)
                let until = LedgerTime(nanoseconds: step * pause + random.below(second))
                let value: OverrideValue? = random.pick([
                    nil, .deny(until: until), .free(interval: 5 * millisecond, burst: 30),
                ])
                world.timeline.plan(at: step * pause) { world.override(key: key, value) }
            }
            if random.oneIn(500) {
                world.timeline.plan(at: step * pause) { world.weather.hasQuorum = false }
                world.timeline.plan(at: step * pause + second) { world.weather.hasQuorum = true }
            }
        }
        world.run(to: 1_500 * pause)
        // Where every answer takes seconds a request may wait for several of them.
        for _ in 0..<30 where world.nodes.contains(where: { $0.book.counts.buckets + $0.waitingCount > 0 }) {
            world.run(to: world.now + 5 * second)
        }
        return (world, verdicts)
    }

    @Test func noIntervalAdmitsMoreThanItsBound() {
        var random = Seeded(seed())
        var all: [WorldNode.Verdict: Int] = [:]
        for _ in 0..<runs(12) {
            let seed = random.next()
            let (world, verdicts) = storm(seed: seed)
            #expect(world.excess() == 0, "world \(seed)")
            all.merge(verdicts) { $0 + $1 }
            for node in world.nodes {
                #expect(node.book.counts.buckets == 0, "everything was returned: world \(seed)")
                #expect(node.waitingCount == 0, "every request was answered: world \(seed)")
            }
        }
        print("requests:", all)
        #expect(all[.admitted, default: 0] > 0)
    }

    @Test func theSameSeedIsTheSameWorld() {
        let first = storm(seed: 42)
        let second = storm(seed: 42)
        #expect(first.world.ledger.digest == second.world.ledger.digest)
        #expect(first.verdicts == second.verdicts)
    }

    /// A node is lent a whole bucket and hears of it three seconds later, when the bucket has regained half of it and another
    /// node has had that.
    @Test func whatIsHeardOfTooLateIsNotSpent() {
        var random = Seeded(seed())
        for _ in 0..<runs(10) {
            let limit = LimitDefinition(role: .free, key: "a", interval: 20 * millisecond, burst: 300)
            let world = World([limit], seed: random.next())
            world.nodes[0].request([world.limit(0, key: 1)], loop: 0)
            world.weather.late = 1_000
            world.weather.lateness = 3_200 * millisecond
            world.nodes[0].request([world.limit(0, key: 1)], cost: 290, loop: 0)
            world.run(to: 100 * millisecond)
            #expect(world.applied.lends == 1)
            world.weather.late = 0
            for step in 0..<4_000 as Range<UInt64> {
                world.timeline.plan(at: 2_900 * millisecond + step * millisecond) {
                    world.nodes[1].request([world.limit(0, key: 1)], loop: 0)
                }
            }
            world.run(to: 10 * second)
            #expect(world.excess() == 0)
            #expect(world.units(0, key: 1) >= 250)
        }
    }

    @Test func whatIsHeldIsSpentWithoutAQuorumAndThenNothing() {
        let world = World([.init(role: .free, key: "a", interval: day, burst: 10_000)], seed: 1)
        let node = world.nodes[0]
        var verdicts: [WorldNode.Verdict: Int] = [:]
        for step in 0..<2_000 as Range<UInt64> {
            world.timeline.plan(at: step * millisecond) {
                node.request([world.limit(0, key: 1)], loop: 0) { verdicts[$0, default: 0] += 1 }
            }
        }
        world.timeline.plan(at: second) { world.weather.hasQuorum = false }
        world.run(to: second)
        #expect(verdicts[.admitted, default: 0] >= 990)
        verdicts = [:]
        world.run(to: 3 * second)
        #expect((1...100).contains(verdicts[.admitted, default: 0]))
        #expect(verdicts[.unavailable, default: 0] >= 900)
        #expect(verdicts[.refused] == nil)
    }
}
