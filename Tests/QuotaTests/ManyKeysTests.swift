import Ledger
import Quota
import TestSupport
import Testing

/// Keys without end take no memory without end.
@Suite struct ManyKeysTests {
    @Test func aMillionKeysSeenOnceLeaveNothing() {
        var random = Seeded(seed())
        var loop = LoopSlices(loops: 2)
        var wanting = 0
        for number in 0..<1_000_000 as Range<UInt64> {
            let key = random.key()
            let limit = LimitCharge(
                limit: LimitID(rawValue: 1),
                key: QuotaKey(high: key.high, low: key.low),
                fallback: QuotaKey(high: 0, low: 0),
                reserve: 0
            )
            let payment = loop.pay(charge([limit]), now: second + number * 10_000)
            if payment.wanting != nil { wanting += 1 }
        }
        #expect(loop.count == 0)
        #expect(wanting == 0)
    }

    /// Each key is asked for so often that it is hot, and is lent a slice or refused one.
    @Test func hotKeysWithoutEndAreBounded() {
        var loop = LoopSlices(loops: 2, bucketsMax: 2_000)
        var settings = SliceSettings()
        settings.bucketsMax = 1_000
        settings.refusalsMax = 1_000
        var book = SliceBook(nodes: 3, settings: settings)
        var buckets = 0
        var refusals = 0
        for number in 0..<10_000 as Range<UInt64> {
            let now = second + number * 200_000
            let limit = limit(number)
            for _ in 0..<3 {
                guard loop.pay(charge([limit]), now: now).wanting != nil else { continue }
                book.want(limit, now: now)
                for action in book.takeActions() {
                    switch action {
                    case .lend(let ticket, _):
                        book.answered(ticket, number.isMultiple(of: 3) ? .empty() : .lent(number, 8), now: now)
                    case .granted(let id, let slice, _): loop.granted(id, slice, now: now)
                    case .refused(let id, let refusal, _): loop.refused(id, refusal, now: now)
                    case .give, .unavailable: break
                    }
                }
                for action in book.takeActions() {
                    if case .granted(let id, let slice, _) = action { loop.granted(id, slice, now: now) }
                }
            }
            book.tick(now: now)
            if number.isMultiple(of: 100) { loop.tick(now: now) }
            buckets = max(buckets, book.counts.buckets)
            refusals = max(refusals, book.counts.refusals)
        }
        print("buckets \(buckets), refusals \(refusals), of the loop \(loop.count)")
        #expect(buckets <= 1_000)
        #expect(refusals <= 1_000)
        #expect(loop.count <= 2_000)
        #expect(buckets >= 100)
        for step in 0..<200 as Range<UInt64> { book.tick(now: 10 * second + step * 5 * millisecond) }
        #expect(book.counts.buckets == 0)
        #expect(book.counts.refusals == 0)
    }
}
