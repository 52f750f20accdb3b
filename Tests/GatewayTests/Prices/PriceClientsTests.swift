import Ledger
import Testing

@testable import Gateway

/// The clients of the price curves against real gateways, in accelerated time: what each is asked to pay, what that does to
/// its neighbours, and how long until its price is back.
///
/// A challenge takes 100 hashes at a price of 1, so that they are solved in earnest; a laptop does as many in a second of the
/// time that the test moves.
@Suite(.timeLimit(.minutes(5))) struct PriceClientsTests {
    private static func yaml(_ limits: String = "") -> String {
        """
        listeners: [ { address: "127.0.0.1:0", check: caddy } ]
        policies:
          api:
            preset: api
            free: { rate: 0 }
            ceiling: \(limits.isEmpty ? "off" : limits)
            work: { difficulty: 100, rounds: 1, grants: 100, ttl: 10m, challengeTtl: 1h }
        routes: [ { policy: api, cost: 20 } ]
        log: { access: off }
        """
    }

    private static let difficulty = 100.0
    private static let laptop = 100.0

    /// Who solves one challenge after the other as fast as the machine goes.
    private struct Scraper {
        /// Hashes a second.
        var speed: Double
        var address: (Int) -> String
        var redemptions = 0
        var highest = 1.0
        var work = 0.0
        var granted = 0

        mutating func redeemOnce(_ site: PricedSite) async throws {
            let client = address(redemptions)
            let challenge = try await site.challenge(client)
            let price = challenge.difficulty / difficulty
            site.clock.advance(nanoseconds: UInt64(challenge.difficulty / speed * 1e9))
            let answer = try await site.redeem(challenge, from: client)
            #expect(answer.status == 200, "\(answer.body)")
            let grants = try #require(answer.json["grants"] as? Int)
            // Nothing has raised the price between issue and redemption but this client itself.
            #expect(grants == challenge.grants)
            redemptions += 1
            highest = max(highest, price)
            work += challenge.difficulty
            granted += grants
        }

        /// Until so many seconds have passed.
        mutating func run(_ site: PricedSite, seconds: UInt64, each: (UInt64) async throws -> Void) async throws {
            let end = site.clock.nanoseconds + seconds * second
            while site.clock.nanoseconds < end {
                try await redeemOnce(site)
                try await each(site.clock.nanoseconds)
            }
        }

        func report(_ name: String) {
            print(
                "\(name): \(redemptions) passes, highest factor \(highest),",
                "\(work / PriceClientsTests.laptop / Double(granted) * 1_000) s of a laptop for 1,000 requests"
            )
        }
    }

    /// The price that a client would be asked now.
    private func price(_ site: PricedSite, _ client: String) async throws -> Double {
        let challenge = try await site.challenge(client)
        #expect(challenge.grants == 100, "no phone is asked for too much here")
        return challenge.difficulty / Self.difficulty
    }

    /// Minutes until the price of a client is 1; it never rises meanwhile.
    private func minutesUntilBack(_ site: PricedSite, _ client: String) async throws -> Int {
        var before = Double.infinity
        for minute in 0..<600 {
            let now = try await price(site, client)
            #expect(now <= before)
            if now == 1 { return minute }
            before = now
            site.clock.advance(seconds: 60)
        }
        return .max
    }

    /// Reads on through everything: a pass every ten minutes.
    private struct Reader {
        var address: String
        var nextAt: UInt64 = 0
        var highest = 1.0
        var redemptions = 0

        mutating func readOn(_ site: PricedSite, at now: UInt64) async throws {
            guard now >= nextAt else { return }
            nextAt = now + 600 * second
            let challenge = try await site.challenge(address)
            highest = max(highest, challenge.difficulty / PriceClientsTests.difficulty)
            let answer = try await site.redeem(challenge, from: address)
            #expect(answer.status == 200)
            redemptions += 1
        }
    }

    // MARK: - The client's factor

    @Test(arguments: [("a laptop", 1.0, 3 * 3_600 as UInt64), ("a rack of a thousand", 1_000, 1_200)])
    func aScraperWithOneAddressPaysAndReadersDoNot(name: String, speed: Double, seconds: UInt64) async throws {
        try await PricedSite.with(Self.yaml()) { site in
            var elsewhere = Reader(address: "198.51.100.7")
            var neighbour = Reader(address: "203.0.113.77")
            var scraper = Scraper(speed: speed * Self.laptop) { _ in "203.0.113.5" }
            try await scraper.run(site, seconds: seconds) { now in
                try await elsewhere.readOn(site, at: now)
                try await neighbour.readOn(site, at: now)
            }
            scraper.report("one address, \(name)")
            print("readers: elsewhere \(elsewhere.highest), in the same /24 \(neighbour.highest)")
            #expect(elsewhere.highest == 1 && elsewhere.redemptions > 1)
            #expect(neighbour.highest <= (speed == 1 ? 1 : 4))
            #expect(scraper.highest > 10 && scraper.highest <= 4_096 * 4)
            // Without a price it would have been one a second, and a thousand.
            #expect(Double(scraper.redemptions) < Double(seconds) * speed / 10)
            let back = try await minutesUntilBack(site, "203.0.113.5")
            print("back at 1 in \(back) min")
            #expect(back > 30 && back <= 6 * 42)
            #expect(try await price(site, "203.0.113.77") == 1)
        }
    }

    @Test func aScraperWithManyAddressesPaysForItsNeighbourhood() async throws {
        try await PricedSite.with(Self.yaml()) { site in
            // Of a /48 the 256 networks of one /56, all at once.
            var scraper = Scraper(speed: 50 * Self.laptop) { "2001:db8:0:\(String($0 % 256, radix: 16))::1" }
            var sameNetwork = Reader(address: "2001:db8:0:fff::1")
            var elsewhere = Reader(address: "2001:db8:1::1")
            while scraper.redemptions < 3_000 {
                try await scraper.redeemOnce(site)
                try await sameNetwork.readOn(site, at: site.clock.nanoseconds)
                try await elsewhere.readOn(site, at: site.clock.nanoseconds)
            }
            scraper.report("a /56, fifty laptops")
            // Another address of the same /56, which has redeemed nothing.
            let near = try await price(site, "2001:db8:0:cf:1::1")
            let unused = try await price(site, "2001:db8:0:a::2")
            #expect(near <= 4 && unused >= 2)
            #expect(scraper.highest >= 3 && scraper.highest <= 4, "its addresses are under their own tolerance")
            #expect(sameNetwork.highest == 1, "a /48 is warm at sixteen times as many")
            #expect(elsewhere.highest == 1)
            let back = try await minutesUntilBack(site, "2001:db8:0:a::2")
            print("neighbourhood back at 1 in \(back) min")
            #expect(back <= 84)
        }
    }

    @Test func askingWithoutSolvingRaisesNothing() async throws {
        try await PricedSite.with(Self.yaml()) { site in
            for _ in 0..<300 { _ = try await site.challenge("203.0.113.5") }
            #expect(try await price(site, "203.0.113.5") == 1)
            #expect(site.ledger.counts.warmAddresses == 0)
        }
    }

    @Test func aStockOfCheapChallengesBuysNothing() async throws {
        try await PricedSite.with(Self.yaml()) { site in
            var stock: [PricedSite.Challenge] = []
            for _ in 0..<200 { stock.append(try await site.challenge("203.0.113.5")) }
            var grants: [Int] = []
            for challenge in stock {
                #expect(challenge.grants == 100)
                let answer = try await site.redeem(challenge, from: "203.0.113.5")
                grants.append(try #require(answer.json["grants"] as? Int))
            }
            #expect(grants[..<32].allSatisfy { $0 == 100 })
            #expect(grants[64] == 25 && grants[128] == 6 && grants[199] == 2)
        }
    }

    // MARK: - The cluster's factor

    private func factor(_ site: PricedSite) -> Double {
        let facts = site.ledger.facts()
        return Double(facts.clusterFactor(of: facts.policies[0].id)) / 65_536
    }

    /// Bots in as many networks, of which none warms another, who use at once what they are granted.
    private func botnet(_ site: PricedSite, bots: Int, periods: Int) async throws -> [(factor: Double, units: Int)] {
        var done = (0..<bots).map { Double($0) / Double(bots) * Self.difficulty }
        var challenges = [PricedSite.Challenge?](repeating: nil, count: bots)
        var history: [(factor: Double, units: Int)] = []
        for _ in 0..<periods {
            var units = 0
            for bot in 0..<bots {
                let address = "10.\(bot).0.1"
                // In ten seconds a slow machine does what a price of 1 takes, give or take a half.
                done[bot] += Self.difficulty * (0.5 + Double(bot) / Double(bots))
                while true {
                    let challenge: PricedSite.Challenge
                    if let old = challenges[bot] {
                        challenge = old
                    } else {
                        challenge = try await site.challenge(address)
                    }
                    challenges[bot] = challenge
                    guard done[bot] >= challenge.difficulty else { break }
                    done[bot] -= challenge.difficulty
                    challenges[bot] = nil
                    let answer = try await site.redeem(challenge, from: address)
                    let grants = try #require(answer.json["grants"] as? Int)
                    let pass = try #require(answer.json["pass"] as? String)
                    // A request costs 20 units. What was settled lower buys fewer.
                    for _ in 0..<(grants / 20)
                    where try await site.request(from: address, pass: pass).status == 200 { units += 20 }
                }
            }
            site.clock.advance(seconds: 10)
            history.append((factor(site), units))
        }
        return history
    }

    @Test func aBotnetIsHeldByTheClustersFactor() async throws {
        // 40 bots do 400 units a second; the ceiling is a fifth of that.
        let limits = "{ key: all, rate: 80/s, burst: 4000 }"
        try await PricedSite.with(Self.yaml(limits)) { site in
            let history = try await botnet(site, bots: 40, periods: 150)
            let last = history.suffix(40)
            let units = Double(last.reduce(0) { $0 + $1.units }) / 40 / 10
            print("botnet with a limit of all: factor \(history.last!.factor), \(units) units a second")
            print(history.enumerated().filter { $0.offset % 10 == 0 }.map(\.element))
            #expect(history.allSatisfy { $0.factor >= 1 && $0.factor < 20 })
            #expect(last.allSatisfy { $0.factor > 3 }, "it stays where the load is")
            #expect(units <= 80 && units > 40)
            // A step is a quarter at most.
            for (before, after) in zip(history, history.dropFirst()) {
                #expect(after.factor <= before.factor * 1.26 && after.factor >= before.factor * 0.88)
            }
            // An honest reader pays the cluster's factor and no more, and both gateways say so.
            _ = try await site.request(from: "198.51.100.7")
            let factor = factor(site)
            for gateway in site.gateways {
                #expect(abs(try await price(site, "198.51.100.7") - factor) < factor * 0.02)
                _ = try await site.request(from: "198.51.100.7")
                _ = try await site.request(from: "198.51.100.7")
                #expect(await gateway.metrics().prices.map(\.price) == [factor])
            }
            // Without load it is 1 again. Somebody's requests let the ledger see the time.
            var periods = 0
            while self.factor(site) > 1, periods < 100 {
                periods += 1
                site.clock.advance(seconds: 10)
                _ = try await site.request(from: "198.51.100.7")
            }
            print("back at 1 in \(periods * 10) s")
            #expect(periods > 5 && periods < 63)
        }
    }

    @Test func withoutALimitOfAllTheFactorIsOne() async throws {
        try await PricedSite.with(Self.yaml("{ rate: 1000/s, burst: 1000 }")) { site in
            let history = try await botnet(site, bots: 40, periods: 12)
            #expect(history.allSatisfy { $0.factor == 1 })
            #expect(history.reduce(0) { $0 + $1.units } > 30_000)
        }
    }
}
