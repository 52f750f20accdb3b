import Testing

@testable import Gateway

@Suite struct FactorHistogramTests {
    @Test func eachFactorIsInTheFirstBucketThatHoldsIt() {
        var histogram = FactorHistogram()
        for factor in [1, 1.0001, 2, 2.5, 4_096, 16_384] { histogram.observe(UInt32(factor * 65_536)) }
        histogram.observe(.max)
        #expect(histogram.counts[0] == 1 && histogram.counts[1] == 2 && histogram.counts[2] == 1)
        #expect(histogram.counts[12] == 1 && histogram.counts[14] == 2)
        #expect(histogram.counts.reduce(0, +) == 7)
        let half = histogram
        histogram.add(half)
        #expect(histogram.counts.reduce(0, +) == 14 && histogram.sum == 2 * half.sum)
    }
}
