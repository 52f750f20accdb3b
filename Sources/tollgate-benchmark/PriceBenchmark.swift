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
        let reader = PriceScenario.reader()
        let laptop = PriceScenario.scraper(speed: 1, neighbour: neighbour, 1) { _ in abuser }
        let card = PriceScenario.scraper(speed: 2_500, neighbour: neighbour, 1) { _ in abuser }
        let inTheSame48 = PriceScenario.place(1 << 18, near: 1 << 18, wide: 1)
        let wide = PriceScenario.scraper(speed: 100, neighbour: inTheSame48, 65_536) { number in
            PriceScenario.place(number, near: number % 256, wide: 1)
        }
        let unlimited = PriceScenario.botnet(ceiling: nil)
        let limited = PriceScenario.botnet(ceiling: 2_000)
        print("| client | passes an hour | highest price | a laptop's seconds for 1,000 requests | back at 1 after |")
        print("|---|---|---|---|---|")
        print(Self.row("an honest reader, a pass every 10 min", reader))
        print(Self.row("a scraper with one address, a laptop", laptop))
        print(Self.neighbour("an honest reader in the same /24 then", laptop))
        print(Self.row("a scraper with one address, a graphics card", card))
        print(Self.neighbour("an honest reader in the same /24 then", card))
        print(Self.row("a scraper with a /48, a hundred laptops", wide))
        print(Self.neighbour("an honest reader in the same /48 then", wide))
        print(Self.row("a botnet of 10,000 addresses, no limit of all", unlimited))
        print(Self.row("the same, with `{ key: all, rate: 2000/s }` as a ceiling", limited))
        print(Self.neighbour("an honest reader anywhere then", limited))
        let curves = [
            (name: "a scraper with one address, a laptop", values: laptop.curve),
            (name: "a scraper with one address, a graphics card", values: card.curve),
            (name: "an honest reader in the /24 of that one", values: card.neighbour),
            (name: "an honest reader in the /48 of a scraper with all of it", values: wide.neighbour),
            (name: "everybody, while a botnet works against a limit of all", values: limited.curve),
        ]
        guard let svg else { return }
        guard let file = fopen(svg, "w") else { throw ValidationError("\(svg) cannot be written.") }
        fputs(PriceCurves(curves: curves).text, file)
        fclose(file)
    }

    private static func row(_ name: String, _ outcome: PriceScenario.Outcome) -> String {
        let passes = Int((Double(outcome.passes) / PriceScenario.hours).rounded())
        let back = text(back: outcome.back(outcome.curve))
        return "| \(name) | \(passes) | \(text(outcome.highest)) | \(text(outcome.secondsPerThousand)) | \(back) |"
    }

    /// Of one whom somebody else's abuse touches: what a pass would cost at the worst moment.
    private static func neighbour(_ name: String, _ outcome: PriceScenario.Outcome) -> String {
        let highest = outcome.neighbour.max() ?? 1
        let seconds = highest * PriceScenario.challengeSeconds / Double(PriceScenario.grants) * 1_000
        return "| \(name) | | \(text(highest)) | \(text(seconds)) | \(text(back: outcome.back(outcome.neighbour))) |"
    }

    private static func text(back minutes: Int?) -> String {
        guard let minutes else { return "later" }
        return minutes == 0 ? "—" : "\(minutes) min"
    }

    /// A digit after the point below ten.
    private static func text(_ value: Double) -> String {
        value < 9.95 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
    }
}
