import ArgumentParser
import Glibc

/// `tollgate-benchmark prices`: what clients of several kinds pay, by the ledger itself in simulated time. The documentation's
/// table and curves are what it prints and draws.
struct PriceBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prices",
        abstract: "What readers, scrapers and a botnet pay, and how long until the price is back.",
        discussion: "Six hours of abuse and five without, under the preset api. The same figures on every machine."
    )

    @Option(help: "Draws the curves into this file, an SVG picture.")
    var svg: String?

    func run() throws {
        let abuser = PriceScenario.place(1, near: 1, wide: 1)
        let neighbour = PriceScenario.place(2, near: 1, wide: 1)
        let inTheSame48 = PriceScenario.place(1 << 18, near: 1 << 18, wide: 1)
        let rows: [(name: String, curve: String?, PriceScenario.Outcome)] = [
            ("an honest reader, a pass every 10 min", nil, PriceScenario.reader()),
            (
                "a scraper with one address, a laptop", "one address, a laptop",
                PriceScenario.scraper(speed: 1, 1) { _ in abuser }
            ),
            (
                "- an honest reader in the same /24", nil,
                PriceScenario.scraper(speed: 1, watched: neighbour, 1) { _ in abuser }
            ),
            (
                "a scraper with one address, a graphics card", "one address, a graphics card",
                PriceScenario.scraper(speed: 2_500, 1) { _ in abuser }
            ),
            (
                "- an honest reader in the same /24", "a reader in its /24",
                PriceScenario.scraper(speed: 2_500, watched: neighbour, 1) { _ in abuser }
            ),
            (
                "a scraper with a /48, a hundred laptops", "a /48, a hundred laptops, and a reader in it",
                PriceScenario.scraper(speed: 100, 65_536) { number in
                    PriceScenario.place(number, near: number % 256, wide: 1)
                }
            ),
            (
                "- an honest reader in the same /48", nil,
                PriceScenario.scraper(speed: 100, watched: inTheSame48, 65_536) { number in
                    PriceScenario.place(number, near: number % 256, wide: 1)
                }
            ),
            ("a botnet of 10,000, no limit of all", nil, PriceScenario.botnet(ceiling: nil)),
            (
                "a botnet of 10,000, key: all with 2000/s", "a botnet under `key: all`, and everybody then",
                PriceScenario.botnet(ceiling: 2_000)
            ),
        ]
        print("| client | passes an hour | highest price | a laptop's seconds for 1,000 requests | back at 1 after |")
        print("|---|---|---|---|---|")
        for (name, _, outcome) in rows { print(Self.row(name, outcome)) }
        guard let svg else { return }
        let curves = rows.compactMap { row in row.curve.map { (name: $0, values: row.2.curve) } }
        guard let file = fopen(svg, "w") else { throw ValidationError("\(svg) cannot be written.") }
        fputs(PriceCurves(curves: curves).text, file)
        fclose(file)
    }

    /// Of one whom somebody else's abuse touches only the price is of interest.
    private static func row(_ name: String, _ outcome: PriceScenario.Outcome) -> String {
        let back = outcome.back.map { $0 == 0 ? "—" : "\($0) min" } ?? "later"
        if name.hasPrefix("- ") {
            let highest = outcome.curve.max() ?? 1
            return "| \(name) | | \(text(highest)) | \(text(highest * PriceScenario.challengeSeconds * 10)) | \(back) |"
        }
        let passes = Int((Double(outcome.passes) / PriceScenario.hours).rounded())
        return "| \(name) | \(passes) | \(text(outcome.highest)) | \(text(outcome.secondsPerThousand)) | \(back) |"
    }

    /// A digit after the point below ten.
    private static func text(_ value: Double) -> String {
        value < 9.95 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
    }
}
