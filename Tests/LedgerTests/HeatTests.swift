import Foundation
import Testing

@testable import Ledger

@Suite struct HeatTests {
    private static let halfLife = LedgerBounds.heatHalfLifeNanoseconds

    private func count(_ redemptions: Double) -> UInt64 { UInt64(redemptions * Double(Heat.one)) }

    private func factor(_ level: PrefixLevel, _ redemptions: Double) -> Double {
        let curve = HeatCurve(level)
        return Double(curve.factor(min(count(redemptions), curve.most))) / 65_536
    }

    @Test func aCountHalvesInEachHalfLife() {
        for start in [1, 3, 32, 100, 2_000] as [Double] {
            let moment = Heat.moment(of: count(start), now: 5)
            for sixteenths in 0..<100 as Range<UInt64> {
                let now = 5 + Self.halfLife * sixteenths / 16 + sixteenths * 77
                let exact = start * exp2(-Double(now - 5) / Double(Self.halfLife))
                let kept = Double(Heat.count(until: moment, now: now, most: .max)) / Double(Heat.one)
                if exact < 0.25 {
                    #expect(kept < 0.2505)
                } else {
                    #expect(abs(kept / exact - 1) < 0.001 || exact < 0.2505, "\(start) after \(sixteenths)")
                }
            }
        }
    }

    @Test func momentsAndCountsAreEachOthersInverse() {
        for bits in 25..<45 as Range<UInt64> {
            for part in [0, 1, 12_345, 1 << 20, 1 << 23, (1 << 24) - 1] as [UInt64] {
                let count = ((1 << 24) + part) << (bits - 24)
                let moment = Heat.moment(of: count, now: 1_000)
                let again = Heat.count(until: moment, now: 1_000, most: .max)
                // What a nanosecond is worth, and what rounding is.
                #expect(again <= count && count - again <= 2 + count >> 36, "\(bits) bits, \(part)")
            }
        }
        #expect(Heat.count(until: 7, now: 7, most: .max) == 0)
        #expect(Heat.count(until: .max, now: 0, most: 99) == 99)
    }

    @Test func theTableOfTheCurvesIsTrue() {
        let own: [(Double, Double)] = [(0, 1), (32, 1), (45, 1.98), (64, 4), (128, 16), (320, 100), (2_048, 4_096)]
        for (redemptions, expected) in own {
            #expect(abs(factor(.address, redemptions) / expected - 1) < 0.01, "\(redemptions)")
        }
        for (level, tolerance) in [(PrefixLevel.near, 512.0), (.wide, 8_192), (.widest, 131_072)] {
            #expect(factor(level, tolerance) == 1)
            #expect(factor(level, tolerance * 2) == 2)
            #expect(factor(level, tolerance * 4) == 4)
            #expect(factor(level, tolerance * 1_000) == 4)
        }
    }

    @Test func factorsNeverFallAsTheCountGrows() {
        for level in PrefixLevel.allCases {
            let curve = HeatCurve(level)
            var last: UInt32 = 0
            for step in 0...5_000 as ClosedRange<UInt64> {
                let factor = curve.factor(curve.most / 5_000 * step)
                #expect(factor >= last)
                last = factor
            }
        }
    }

    @Test func theEndOfTimeTrapsNothing() {
        let end = LedgerTime.maximumNanoseconds
        for level in PrefixLevel.allCases {
            let most = HeatCurve(level).most
            let latest = HeatCurve(level).latest(now: end)
            #expect(latest < RateTerms.latest)
            #expect(most - Heat.count(until: latest, now: end, most: most) <= 1 + most >> 40)
        }
    }
}
