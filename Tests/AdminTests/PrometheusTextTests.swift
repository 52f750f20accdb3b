import Testing

@testable import Admin
@testable import Gateway

/// Prometheus's text format, version 0.0.4.
@Suite struct PrometheusTextTests {
    @Test func aMetricHasItsHelpAndItsTypeBeforeItsSamples() {
        var page = PrometheusText()
        page.begin("things_total", .counter, "Things.")
        page.sample(3)
        page.sample(1.5, [("kind", "a")])
        #expect(
            page.text == """
                # HELP things_total Things.
                # TYPE things_total counter
                things_total 3
                things_total{kind="a"} 1.5

                """
        )
    }

    @Test func labelsAreEscaped() {
        var page = PrometheusText()
        page.begin("x", .gauge, "X.")
        page.sample(1, [("a", "\\\"\n"), ("b", "")])
        #expect(page.text.hasSuffix("x{a=\"\\\\\\\"\\n\",b=\"\"} 1\n"))
    }

    @Test func aHistogramOfFactorsCountsUpByPowersOfTwo() {
        var histogram = FactorHistogram()
        for factor: UInt32 in [1 << 16, 1 << 16, 3 << 16, .max] { histogram.observe(factor) }
        var page = PrometheusText()
        page.begin("p", .histogram, "P.")
        page.sample(histogram)
        let lines = page.text.split(separator: "\n").dropFirst(2)
        #expect(lines.prefix(3) == ["p_bucket{le=\"1\"} 2", "p_bucket{le=\"2\"} 2", "p_bucket{le=\"4\"} 3"])
        #expect(lines.suffix(3).first == "p_bucket{le=\"+Inf\"} 4" && lines.last == "p_count 4")
        #expect(lines.count == FactorHistogram.bounds.count + 3)
    }

    @Test func aHistogramCountsUpInSeconds() {
        var histogram = Histogram(bounds: [1_000, 2_500_000_000])
        for nanoseconds: UInt64 in [0, 1_000, 1_001, 2_500_000_001] { histogram.observe(nanoseconds) }
        var page = PrometheusText()
        page.begin("t_seconds", .histogram, "T.")
        page.sample(histogram, [("level", "strong")])
        #expect(
            page.text.split(separator: "\n").dropFirst(2) == [
                "t_seconds_bucket{level=\"strong\",le=\"0.000001\"} 2",
                "t_seconds_bucket{level=\"strong\",le=\"2.5\"} 3",
                "t_seconds_bucket{level=\"strong\",le=\"+Inf\"} 4",
                "t_seconds_sum{level=\"strong\"} 2.500002002",
                "t_seconds_count{level=\"strong\"} 4",
            ]
        )
    }
}
