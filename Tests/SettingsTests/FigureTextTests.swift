import Testing

@testable import Settings

/// Figures that an operator gives outside of the file are read as the file's are.
@Suite struct FigureTextTests {
    @Test func `Rates and bursts are read`() throws {
        let terms = try FigureText.terms(rate: "600/min", burst: 5)
        #expect(terms.interval == 100_000_000 && terms.burst == 5)
        #expect(try FigureText.terms(rate: "600/min", burst: nil).burst == 10)
        #expect(try FigureText.terms(rate: "1/day", burst: nil).burst == 1)
        #expect(try FigureText.duration("1h30m") == 5_400_000_000_000)
    }

    @Test func `What is none is told, with a remedy`() {
        func problem(_ rate: String, _ burst: UInt64?) -> String {
            do throws(FigureText.Problem) {
                _ = try FigureText.terms(rate: rate, burst: burst)
                return ""
            } catch { return error.explanation }
        }
        #expect(problem("60", nil).contains("has no time"))
        #expect(problem("0/s", nil).contains("ban the key"))
        #expect(problem("1/s", 0).contains("burst of 0"))
        #expect(problem("1/day", 1 << 40).contains("centuries"))
        #expect(problem("1/day", .max).contains("centuries"))
        #expect(throws: FigureText.Problem.self) { try FigureText.duration("0") }
        #expect(throws: FigureText.Problem.self) { try FigureText.duration("367d") }
    }

    /// Written and read again, a rate is the same: nobody is shown another one than they set.
    @Test func `An interval is written as the rate that it is of`() throws {
        for window in ["s", "min", "h", "day"] {
            for count in [1, 2, 3, 7, 60, 77, 86_399, 1_000_000] as [UInt64] {
                guard let terms = try? FigureText.terms(rate: "\(count)/\(window)", burst: 1) else { continue }
                let text = FigureText.rate(ofInterval: terms.interval)
                #expect(try FigureText.terms(rate: text, burst: 1).interval == terms.interval, "\(count)/\(window)")
            }
        }
        #expect(FigureText.rate(ofInterval: 8_571_428_572) == "7/min")
        #expect(FigureText.rate(ofInterval: 100_000_000) == "10/s")
        #expect(FigureText.rate(ofInterval: 2 * 86_400_000_000_000) == "1/2d")
        // Whatever stands in a ledger is written somehow.
        #expect(!FigureText.rate(ofInterval: 0).isEmpty && !FigureText.rate(ofInterval: .max).isEmpty)
    }
}
