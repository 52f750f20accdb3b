import Ledger
import Testing

@testable import Gateway

@Suite struct IssueCountsTests {
    private func key(_ number: Int) -> QuotaKey {
        QuotaKey(high: UInt64(number) &* 0x9E37_79B9_7F4A_7C15, low: UInt64(number))
    }

    private func keys(_ address: Int, near: Int = 1_000_001, wide: Int = 1_000_002) -> PrefixKeys {
        PrefixKeys(address: key(address), neighbourhoods: [key(near), key(wide)])
    }

    private func time(_ seconds: UInt64) -> LedgerTime { LedgerTime(nanoseconds: seconds * second) }

    @Test func whatIsCountedIsToldOnce() throws {
        var counts = IssueCounts()
        let none = counts.take(now: time(1))
        #expect(none.isEmpty && counts.isEmpty)
        let urgent = (0..<50).count { _ in counts.add(keys(1), now: time(1)) }
        #expect(urgent == 0)
        let reports = counts.take(now: time(2))
        // 50 of an address are five times its rate, of its /24 half of that, of its /16 a twentieth.
        #expect(
            Set(try #require(reports.first).counts) == [
                IssuedCount(key: key(1), level: .address, count: 50),
                IssuedCount(key: key(1_000_001), level: .near, count: 50),
            ]
        )
        #expect(reports.count == 1 && counts.isEmpty)
        let again = counts.take(now: time(3))
        #expect(again.isEmpty)
    }

    @Test func honestClientsCostTheLogNothing() {
        var counts = IssueCounts()
        for address in 0..<500 { _ = counts.add(keys(address, near: 2_000_000 + address), now: time(1)) }
        let told = counts.take(now: time(2)).flatMap(\.counts)
        #expect(told == [IssuedCount(key: key(1_000_002), level: .wide, count: 500)])
    }

    @Test func moreThanEverFitsIsTheWidestAndTheGreatest() {
        var counts = IssueCounts()
        for address in 0..<2_000 {
            for _ in 0..<(2 + address % 7) {
                _ = counts.add(keys(address, near: 2_000_000 + address / 4, wide: 3_000_000), now: time(1))
            }
        }
        let reports = counts.take(now: time(1))
        #expect(reports.count == IssueCounts.reportsMax)
        #expect(reports.allSatisfy { $0.counts.count == LedgerBounds.issueCounts })
        let told = reports.flatMap(\.counts)
        #expect(told.count { $0.level == .wide } == 1 && told.count { $0.level == .near } == 500)
        let least = told.filter { $0.level == .address }.map(\.count).min()
        #expect(least == 7)
    }

    @Test func whoAsksForManyIsToldOfAtOnce() {
        var counts = IssueCounts()
        let urgent = (1...600).first { _ in counts.add(keys(1), now: time(1)) }
        #expect(urgent == 500, "a twelfth of what an address may have at once")
    }

    @Test func theTablesHaveABound() {
        var counts = IssueCounts()
        for address in 0..<(2 * IssueCounts.prefixesMax) {
            let isUrgent = counts.add(keys(address, near: address, wide: 5), now: time(1))
            #expect(isUrgent == (address >= IssueCounts.prefixesMax - 1))
        }
        let told = counts.take(now: time(1)).flatMap(\.counts)
        #expect(told.count == IssueCounts.reportsMax * LedgerBounds.issueCounts)
        #expect(told.first == IssuedCount(key: key(5), level: .wide, count: UInt32(2 * IssueCounts.prefixesMax)))
    }
}
