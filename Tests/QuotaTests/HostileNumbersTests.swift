import Ledger
import Quota
import Testing

/// Whatever the ledger or a clock says, nothing traps.
@Suite struct HostileNumbersTests {
    @Test func numbersFromOutsideAreNoTrap() throws {
        let mad = LimitState(remaining: .max, resetNanoseconds: .max, burst: .max)
        for now in [0, second, UInt64.max] {
            var book = SliceBook(nodes: 0)
            book.want(limit(1), least: .max, loop: .min, now: now)
            book.want(limit(1), least: .max, loop: .max, now: now)
            let ask = try book.ask()
            book.answered(ask.ticket, .lent(.max, .max, mad), now: now)
            book.want(limit(2), least: 0, now: now)
            let other = try book.ask()
            book.answered(other.ticket, .empty(outstanding: .max, retryAfter: .max), now: now)
            book.low(BucketID(limit(1)), now: now)
            book.recalled(recall(1), now: now)
            for time in [now, 0, .max] { book.tick(now: time) }
            book.close(now: .max)
        }
    }
}
