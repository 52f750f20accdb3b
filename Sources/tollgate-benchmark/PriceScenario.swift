import Ledger

/// A kind of client, and what it pays under the preset `api`: 16,000,000 hashes for 100 requests, two seconds of a laptop.
struct PriceScenario {
    /// Where one of the addresses is.
    typealias Place = (_ number: Int) -> PrefixKeys

    /// What a run came to.
    struct Outcome {
        /// By minute, from the beginning: what whoever does it is asked.
        var curve: [Double] = []
        /// The same of a neighbour who redeems nothing.
        var neighbour: [Double] = []
        var passes = 0
        var requests = 0.0
        /// Laptop seconds.
        var work = 0.0
        var highest = 1.0
        /// Minutes from the end of the abuse until a curve is at 1; nil: not by the end of the run.
        func back(_ curve: [Double]) -> Int? {
            let end = Int(PriceScenario.hours * 60)
            return curve.dropFirst(end).firstIndex(of: 1).map { $0 - end }
        }

        var secondsPerThousand: Double { requests > 0 ? work / requests * 1_000 : 0 }
    }

    static let hours = 6.0
    static let restHours = 5.0
    /// Seconds of a laptop for a challenge at a price of 1.
    static let challengeSeconds = 2.0
    static let grants: UInt32 = 100
    /// A slow phone does 75 million hashes in a quarter of five minutes: past that the grant is divided.
    static let hardest = 75.0 / 16

    private static func key(_ kind: UInt64, _ number: Int) -> QuotaKey {
        QuotaKey(high: kind, low: UInt64(number) &* 0x9E37_79B9_7F4A_7C15 &+ kind)
    }

    /// An address by its numbers in its networks.
    static func place(_ address: Int, near: Int, wide: Int) -> PrefixKeys {
        PrefixKeys(
            address: key(1, address << 40 | near << 20 | wide),
            neighbourhoods: [key(2, near << 20 | wide), key(3, wide)]
        )
    }

    /// A challenge at a price: how much of the work of one at price 1 it takes, and what it promises.
    private static func offer(_ price: Double) -> (work: Double, grants: UInt32) {
        price <= hardest ? (price, grants) : (hardest, UInt32(max(1, Double(grants) * hardest / price)))
    }

    /// One machine that solves without a pause, with these addresses in turn.
    /// - Parameters:
    ///   - speed: in laptops.
    ///   - neighbour: another address of the same network.
    static func scraper(speed: Double, neighbour: PrefixKeys, _ addresses: Int, _ place: Place) -> Outcome {
        var world = PriceWorld(ceiling: nil)
        var outcome = Outcome()
        var clock = 1.0
        while clock < hours * 3_600 {
            let keys = place(outcome.passes % addresses)
            let price = world.price(keys)
            let (work, grants) = offer(price.total)
            outcome.highest = max(outcome.highest, price.total)
            outcome.work += work * challengeSeconds
            clock += work * challengeSeconds / speed
            watch(&outcome, world, keys, neighbour, until: clock)
            world.advance(to: clock)
            outcome.requests += Double(world.redeem(keys, issuePrice: price.raw, grants: grants)?.left ?? 0)
            outcome.passes += 1
        }
        cool(&outcome, &world, place(0), neighbour)
        return outcome
    }

    /// Who redeems a pass every ten minutes.
    static func reader() -> Outcome {
        var world = PriceWorld(ceiling: nil)
        var outcome = Outcome()
        let keys = place(1, near: 1, wide: 1)
        for round in 0..<Int(hours * 6) {
            let price = world.price(keys)
            outcome.highest = max(outcome.highest, price.total)
            outcome.work += price.total * challengeSeconds
            outcome.requests += Double(world.redeem(keys, issuePrice: price.raw, grants: grants)?.left ?? 0)
            outcome.passes += 1
            watch(&outcome, world, keys, keys, until: Double(round + 1) * 600)
            world.advance(to: Double(round + 1) * 600)
        }
        cool(&outcome, &world, keys, keys)
        return outcome
    }

    /// Ten thousand addresses in as many networks, a tenth of a laptop each, that use at once what they are granted. None
    /// warms another, so that a hundred stand for all.
    /// - Parameter ceiling: requests a second of all together; nil: no limit.
    static func botnet(ceiling: Double?) -> Outcome {
        let (bots, scale) = (100, 100.0)
        var world = PriceWorld(ceiling: ceiling.map { $0 / scale })
        var outcome = Outcome()
        let stranger = place(1 << 19, near: 1 << 19, wide: 1 << 19)
        var done = (0..<bots).map { Double($0) / Double(bots) }
        var passes: [PriceWorld.Pass] = []
        for step in 1...Int(hours * 360) {
            watch(&outcome, world, stranger, stranger, until: Double(step) * 10)
            world.advance(to: Double(step) * 10)
            for bot in 0..<bots {
                let keys = place(bot, near: bot, wide: bot)
                // In challenges: not all are of one speed, or they would come in waves.
                let speed = (0.5 + Double(bot) / Double(bots)) * 0.5
                done[bot] += speed
                outcome.work += speed * challengeSeconds
                while true {
                    let price = world.price(keys)
                    let (work, grants) = offer(price.total)
                    guard done[bot] >= work else { break }
                    done[bot] -= work
                    outcome.highest = max(outcome.highest, price.total)
                    outcome.passes += 1
                    if let pass = world.redeem(keys, issuePrice: price.raw, grants: grants) { passes.append(pass) }
                }
            }
            outcome.requests += useUp(&passes, &world, units: ceiling == nil ? grants : 10)
        }
        outcome.passes /= bots
        cool(&outcome, &world, stranger, stranger)
        return outcome
    }

    /// So many requests at a time, the oldest pass first, until one is refused.
    private static func useUp(
        _ passes: inout [PriceWorld.Pass],
        _ world: inout PriceWorld,
        units: UInt32
    ) -> Double {
        var admitted = 0.0
        var used = 0
        // A burst is one second's worth; so it is tried again as time passes.
        let began = world.now
        for second in 0..<10 {
            world.advance(to: began + Double(second))
            while used < passes.count {
                let before = passes[used].left
                guard let isAdmitted = world.use(&passes[used], units: units) else {
                    used += 1
                    continue
                }
                guard isAdmitted else { break }
                admitted += Double(before - passes[used].left)
                if passes[used].left == 0 { used += 1 }
            }
        }
        passes.removeFirst(used)
        return admitted
    }

    private static func watch(
        _ outcome: inout Outcome,
        _ world: PriceWorld,
        _ keys: PrefixKeys,
        _ neighbour: PrefixKeys,
        until: Double
    ) {
        while Double(outcome.curve.count) * 60 < until {
            outcome.curve.append(world.price(keys).total)
            outcome.neighbour.append(world.price(neighbour).total)
        }
    }

    /// Nobody abuses anything any more.
    private static func cool(
        _ outcome: inout Outcome,
        _ world: inout PriceWorld,
        _ keys: PrefixKeys,
        _ neighbour: PrefixKeys
    ) {
        for minute in Int(hours * 60)..<Int((hours + restHours) * 60) {
            for part in 0..<6 { world.advance(to: Double(minute) * 60 + Double(part) * 10) }
            guard minute >= outcome.curve.count else { continue }
            watch(&outcome, world, keys, neighbour, until: Double(minute) * 60 + 1)
        }
    }
}
