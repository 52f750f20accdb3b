import TestSupport
import Testing

@testable import Quota

@Suite struct LoopTableTests {
    private func entry(_ slice: Slice) -> LoopTable.Entry { LoopTable.Entry(current: slice) }

    /// Against a dictionary, with keys that crowd: their hashes are few.
    @Test func itIsADictionaryThatForgets() {
        var random = Seeded(seed())
        for _ in 0..<runs(20) {
            var table = LoopTable(countMax: 200)
            var known: [BucketID: Slice] = [:]
            let keys = 1 + random.below(400)
            for step in 0..<2_000 {
                let id = BucketID(limit(random.below(keys), limit: UInt32(random.below(2))))
                if random.oneIn(8) {
                    known[id]?.stop()
                    known[id] = nil
                    table.sweep(places: Int(random.below(64)), now: 0)
                } else if random.oneIn(2) || known.count >= 200 {
                    let found = table.find(id).flatMap { table[$0].current }
                    if let slice = known[id] {
                        #expect(found === slice, "at step \(step)")
                    } else {
                        #expect(found.map(\.isStopped) ?? true, "at step \(step)")
                    }
                } else {
                    let slice = Slice(units: 1)
                    known[id]?.stop()
                    known[id] = slice
                    table.set(id, entry(slice), now: 0)
                }
                // What is stopped is no more than a few places away from being forgotten.
                if table.count == 200 { break }
            }
        }
    }

    @Test func itNeverHoldsMoreThanItMay() {
        var table = LoopTable(countMax: 100)
        for key in 0..<1_000 as Range<UInt64> {
            table.set(BucketID(limit(key)), entry(Slice(units: 1)), now: 0)
            #expect(table.count <= 100)
            #expect(table.find(BucketID(limit(key))) != nil)
        }
    }

    @Test func whatIsOverMakesRoomFirst() {
        var table = LoopTable(countMax: 50)
        for key in 0..<25 as Range<UInt64> { table.set(BucketID(limit(key)), entry(Slice(units: 1)), now: 0) }
        for key in 100..<400 as Range<UInt64> {
            table.set(BucketID(limit(key)), entry(Slice(units: 1, stopsAt: key)), now: key)
        }
        let stay = (0..<25 as Range<UInt64>).count { table.find(BucketID(limit($0))) != nil }
        #expect(stay == 25)
    }

    @Test func aSweepForgetsAllThatIsOver() {
        var table = LoopTable(countMax: 1_000)
        for key in 0..<1_000 as Range<UInt64> {
            table.set(BucketID(limit(key)), entry(Slice(units: 1, stopsAt: key.isMultiple(of: 4) ? 100 : 50)), now: 0)
        }
        table.sweep(places: 10_000, now: 60)
        table.sweep(places: 10_000, now: 60)
        #expect(table.count == 250)
        for key in stride(from: 0, to: 1_000, by: 4) as StrideTo<UInt64> {
            #expect(table.find(BucketID(limit(key))) != nil)
        }
    }
}
