import Ledger
import TestSupport
import Testing

@testable import Quota

private let one = EventualBucketID(.test(1), .own)

/// The merge.
@Suite struct ComponentEventualTests {
    /// What is known of one bucket from three origins, and the merge of what is told.
    private struct Known: Equatable {
        var shard = ComponentShard()
        var units: UInt64 = 0

        static func == (left: Known, right: Known) -> Bool {
            (0..<3).allSatisfy { left.count($0) == right.count($0) }
        }

        func count(_ lane: Int) -> UInt64 { shard.find(one).map { shard.heard(lane, $0) } ?? 0 }

        mutating func hear(_ lane: Int, _ component: Component) {
            let slot = shard.find(one) ?? shard.insert(one, ComponentShard.Own(fallback: .shared))
            units += component.units(above: shard.heard(lane, slot))
            shard.hear(lane, slot, component.count)
        }
    }

    /// What three origins tell, in order: counts that rise, and now and then begin anew.
    private func history(_ random: inout Seeded) -> [(lane: Int, component: Component)] {
        var history: [(lane: Int, component: Component)] = []
        var now = [UInt64](repeating: 1_000_000, count: 3)
        var units = [UInt64](repeating: 0, count: 3)
        var base = now
        for _ in 0..<20 {
            let lane = Int(random.below(3))
            now[lane] += random.below(1_000_000) + 1_000
            if random.oneIn(5) {
                base[lane] = now[lane]
                units[lane] = 0
            }
            units[lane] += random.below(50) + 1
            history.append((lane, Component(count: base[lane] + units[lane], units: units[lane])))
        }
        return history
    }

    @Test func mergingIsIdempotentCommutativeAndAssociative() {
        var random = Seeded(seed())
        for _ in 0..<runs(500) {
            let history = history(&random)
            var once = Known()
            for told in history { once.hear(told.lane, told.component) }
            var often = Known()
            for told in (history + history + history).shuffled(using: &random) { often.hear(told.lane, told.component) }
            #expect(often == once)
            // In parts that are merged by themselves first, and then with each other.
            var parts = [Known(), Known(), Known()]
            for told in history { parts[Int(random.below(3))].hear(told.lane, told.component) }
            var merged = Known()
            for part in parts.shuffled(using: &random) {
                for lane in 0..<3 { merged.hear(lane, Component(count: part.count(lane), units: 0)) }
            }
            #expect(merged == once)
        }
    }

    @Test func inOrderEachUnitIsNewOnce() {
        var random = Seeded(seed())
        for _ in 0..<runs(500) {
            var known = Known()
            var base = [UInt64](repeating: 0, count: 3)
            var units: UInt64 = 0
            var last = [UInt64](repeating: 0, count: 3)
            for told in history(&random) {
                // Some of what is told is lost: what comes later says it too, unless a counting ended with it.
                let began = told.component.count - told.component.units
                if began != base[told.lane] {
                    base[told.lane] = began
                    last[told.lane] = 0
                }
                if random.oneIn(3) { continue }
                units += told.component.units - last[told.lane]
                last[told.lane] = told.component.units
                for _ in 0...random.below(3) { known.hear(told.lane, told.component) }
            }
            #expect(known.units == units)
        }
    }

    @Test func anewCountsWhole() {
        #expect(Component(count: 1_005, units: 5).units(above: 0) == 5)
        #expect(Component(count: 1_005, units: 5).units(above: 1_003) == 2)
        #expect(Component(count: 1_005, units: 5).units(above: 1_005) == 0)
        #expect(Component(count: 1_005, units: 5).units(above: 1_006) == 0, "an older one")
        #expect(Component(count: 9_002, units: 2).units(above: 1_005) == 2, "it was counted anew")
    }

    @Test func aTableFindsWhatItHoldsWhateverLeaves() {
        var random = Seeded(seed())
        var table = ComponentTable()
        var model: [UInt64: UInt64] = [:]
        for round in 0..<20_000 as Range<UInt64> {
            let key = random.below(3_000)
            let bucket = EventualBucketID(.test(key), .own)
            let position = table.position(bucket, fallback: .shared)
            table[position].count = round + 1
            table.hear(Int(key % 3), position, round + 1)
            model[key] = round + 1
            if random.oneIn(50) {
                let gone = random.below(10)
                table.sweep(200) { _, own in own.count % 10 == gone }
                for (key, _) in model where table.find(EventualBucketID(.test(key), .own)) == nil {
                    model[key] = nil
                }
            }
        }
        #expect(table.count == model.count)
        for (key, count) in model {
            let position = table.find(EventualBucketID(.test(key), .own))
            #expect(position.map { table[$0].count } == count)
            #expect(position.map { table.heard(Int(key % 3), $0) } == count)
            #expect(position.map { table.heard(Int((key + 1) % 3), $0) } == 0)
        }
    }
}
