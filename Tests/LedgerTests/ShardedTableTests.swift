import TestSupport
import Testing

@testable import Ledger

@Suite struct ShardedTableTests {
    typealias Table = ShardedTable<QuotaEntry>

    private func entries(_ table: Table) -> [QuotaKey: UInt64] {
        var all: [QuotaKey: UInt64] = [:]
        table.visit {
            #expect(all[$0.key] == nil)
            all[$0.key] = $0.tat
        }
        return all
    }

    @Test func agreesWithADictionary() {
        let seed = seed()
        var random = Seeded(seed)
        for run in 0..<9 {
            // What was expected makes no difference to what is found.
            var table = run < 6 ? Table() : Table(expecting: random.pick([1, 300, 40_000]))
            var model: [QuotaKey: UInt64] = [:]
            let world = [10, 300, 9_000][run % 3]
            for _ in 0..<world * 4 {
                let key = QuotaKey.test(random.below(UInt64(world)))
                #expect(table[key]?.tat == model[key])
                switch random.below(8) {
                case 0:
                    table.remove(key)
                    model[key] = nil
                case 1 where random.oneIn(20):
                    let first = Int(random.below(4_096))
                    let slices = first..<min(4_096, first + Int(random.below(1_500)))
                    let bound = random.next()
                    var removed = 0
                    table.removeAll(inSlices: slices) {
                        $0.tat < bound
                    } removed: { _ in
                        removed += 1
                    }
                    let before = model.count
                    model = model.filter { $0.value >= bound || !slices.contains(Table.slice(of: $0.key)) }
                    #expect(removed == before - model.count)
                default:
                    let value = random.next() | 1
                    if let position = table.find(key) {
                        table[position].tat = value
                    } else {
                        #expect(table.hasRoom(for: key, beside: 0))
                        table.insert(QuotaEntry(key: key, tat: value))
                    }
                    model[key] = value
                }
                #expect(table.count == model.count, "seed \(seed)")
            }
            #expect(entries(table) == model, "seed \(seed)")
            table.updateAll { $0.tat += 2 }
            #expect(entries(table) == model.mapValues { $0 + 2 })
        }
    }

    @Test func aTableThatWasReadFromSlotsInAnyOrderTakesNoMoreThanAnother() {
        for count in [1, 5, 300, 2_100, 2_300, 70_000, 300_000] {
            var random = Seeded(UInt64(count))
            var table = Table()
            for _ in 0..<count {
                table.insert(QuotaEntry(key: QuotaKey(high: random.next(), low: random.next()), tat: 1))
            }
            var copy = Table(expecting: count)
            var added = 0
            for shard in 0..<table.shardCount {
                table.visit(shard: shard) { added += copy.insertIfNew($0) ? 1 : 0 }
            }
            table.visit { added += copy.insertIfNew($0) ? 1 : 0 }
            #expect(copy.count == count && added == count, "each once")
            #expect(copy.largestArrayBytes <= 65_536 - 32)
            #expect(count < 1_000 || copy.allocatedBytes <= 64 * count, "\(copy.allocatedBytes / count) a key")
        }
    }

    @Test func noArrayIsAbove64KiBAndNoFillTakesMoreThan64BytesAKey() {
        var table = Table()
        var random = Seeded(1)
        var worst = 0.0
        for count in 1...1_200_000 {
            table.insert(QuotaEntry(key: QuotaKey(high: random.next(), low: random.next()), tat: 1))
            guard count > 100_000, count % 2_500 == 0 else { continue }
            worst = max(worst, Double(table.allocatedBytes) / Double(count))
            #expect(table.largestArrayBytes <= 65_536 - 32)
        }
        #expect(table.count == 1_200_000)
        #expect(worst <= 64, "bytes a key at the worst fill: \(worst)")
        print("bytes a key at the worst fill from 100,000 to 1,200,000 keys: \(worst)")
        // Emptied again it gives the memory back.
        for slice in stride(from: 0, to: 4_096, by: 64) {
            table.removeAll(inSlices: slice..<slice + 64) {
                $0.key.low % 8 != 0
            } removed: { _ in
            }
        }
        #expect(table.allocatedBytes <= table.count * 64)
    }

    /// Keys of one group: their hashes agree in the first 12 bits.
    private func group(_ count: Int) -> [QuotaKey] {
        var keys: [QuotaKey] = []
        var random = Seeded(2)
        while keys.count < count {
            let key = QuotaKey(high: random.next(), low: random.next())
            if Table.slice(of: key) == 77 { keys.append(key) }
        }
        return keys
    }

    @Test(arguments: [0, 1, 5, 1_000, 2_000, 100_000, 1_000_000])
    func aTableOfAnExpectedSizeHasItsShardsFromTheBeginning(entries: Int) {
        var table = Table(expecting: entries)
        let shards = table.shardCount
        #expect(entries < 1_000 || table.allocatedBytes <= entries, "what has no entry takes no memory")
        #expect(table.count == 0 && table[.test(1)] == nil && table.hasRoom(for: .test(1), beside: 0))
        #expect(table.largestArrayBytes <= 65_536 - 32)
        var random = Seeded(9)
        var first = 0
        for _ in 0..<entries {
            table.insert(QuotaEntry(key: QuotaKey(high: random.next(), low: random.next()), tat: 1))
            if first == 0 { first = table.largestArrayBytes }
        }
        #expect(table.count == entries)
        #expect(table.shardCount == shards && table.largestArrayBytes == first, "no shard grew or split")
        if entries >= 1_000 { #expect(table.allocatedBytes <= 64 * entries) }
        random = Seeded(9)
        for _ in 0..<entries {
            #expect(table[QuotaKey(high: random.next(), low: random.next())]?.tat == 1)
        }
    }

    @Test func aTableGoesOnBeyondItsExpectedSizeAndWithKeysThatAreNotSpread() {
        var table = Table(expecting: 10_000)
        let keys = group(Table.maxGroupEntries) + (0..<30_000).map { QuotaKey.test(UInt64($0)) }
        for key in keys where table[key] == nil && table.hasRoom(for: key, beside: 0) {
            table.insert(QuotaEntry(key: key, tat: 1))
        }
        #expect(table.count >= 30_000 && table.largestArrayBytes <= 65_536 - 32)
        for key in keys.prefix(1_000) { #expect(table[key]?.tat == 1) }
    }

    @Test func aGroupIsFullAtTheSameCountWhateverElseIsThere() {
        let keys = group(Table.maxGroupEntries + 1)
        for others in [0, 20_000] {
            var table = Table()
            var random = Seeded(3)
            var room: [Int] = []
            for _ in 0..<others {
                let key = QuotaKey(high: random.next(), low: random.next())
                guard Table.slice(of: key) != 77 else { continue }
                table.insert(QuotaEntry(key: key, tat: 1))
            }
            for (index, key) in keys.enumerated() {
                for beside in [0, 1, 16] where !table.hasRoom(for: key, beside: beside) { room.append(index + beside) }
                if table.hasRoom(for: key, beside: 0) { table.insert(QuotaEntry(key: key, tat: 1)) }
            }
            // Each of the three counts of neighbours is first refused when it makes the group too large.
            #expect(room.min() == Table.maxGroupEntries)
            #expect(table.find(keys[keys.count - 2]) != nil)
            #expect(table.find(keys[keys.count - 1]) == nil)
            #expect(table.hasRoom(for: QuotaKey(high: 1, low: 1), beside: 0))
        }
    }

    @Test func aWriteToOneCopyLeavesTheOther() {
        var table = Table()
        for number in 0..<5_000 { table.insert(QuotaEntry(key: .test(UInt64(number)), tat: 1)) }
        let copy = table
        table.updateAll { $0.tat = 2 }
        table.remove(.test(0))
        table.insert(QuotaEntry(key: .test(5_000), tat: 3))
        #expect(entries(copy) == Dictionary(uniqueKeysWithValues: (0..<5_000).map { (.test($0), 1) }))
    }
}
