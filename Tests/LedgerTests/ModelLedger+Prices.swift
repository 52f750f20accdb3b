import Foundation

@testable import Ledger

// The model's prices: counts of redemptions in the last hour, and buckets of issued challenges.

extension ModelLedger {
    struct PrefixName: Hashable {
        /// heat or issued.
        var kind: String
        var level: Int
        var key: QuotaKey
    }

    /// 2^(24 + i/16), rounded.
    private static let steps: [Int128] = (0...16).map { Int128((exp2(24 + Double($0) / 16)).rounded()) }
    private static let halfLife: Int128 = 2_500_000_000_000
    private static let step = halfLife / 16

    /// The greatest count of each level, in units of 2^-26 redemptions.
    private static let most: [Int128] = [2_048, 2_048, 32_768, 524_288].map { $0 << 26 }
    private static let tolerance: [Int128] = [32, 512, 8_192, 131_072]

    /// The count that has come down to a quarter at a moment.
    private func count(_ name: PrefixName) -> Int128 {
        let ahead = Int128(prefixes[name] ?? 0) - Int128(now)
        guard ahead > 0 else { return 0 }
        let power = Int128(1) << (ahead / Self.halfLife)
        let place = Int(ahead % Self.halfLife / Self.step)
        let rest = ahead % Self.step
        let (low, high) = (Self.steps[place] * power, Self.steps[place + 1] * power)
        return min(Self.most[name.level], low + (high - low) * rest / Self.step)
    }

    private func moment(_ count: Int128) -> UInt64 {
        var power: Int128 = 1
        var begin = Int128(now)
        while count >= (1 << 25) * power {
            power *= 2
            begin += Self.halfLife
        }
        let place = (0..<16).last { Self.steps[$0] * power <= count }!
        let (low, high) = (Self.steps[place] * power, Self.steps[place + 1] * power)
        return UInt64(begin + Int128(place) * Self.step + (count - low) * Self.step / (high - low))
    }

    private func names(_ keys: PrefixKeys, _ kind: String) -> [PrefixName] {
        ([keys.address] + keys.neighbourhoods).enumerated().map { PrefixName(kind: kind, level: $0, key: $1) }
    }

    /// A client's factor, in units of 2^-16.
    func clientFactor(_ keys: PrefixKeys) -> UInt32 {
        let one: Int128 = 1 << 16
        var own = one
        var near = one
        for name in names(keys, "heat") {
            let ratio = (count(name) >> 10) / Self.tolerance[name.level]
            if name.level == 0 { own = max(one, ratio * ratio / one) } else { near = max(near, ratio) }
        }
        return UInt32(own * near / one)
    }

    /// What is granted.
    func settled(_ spend: Spend, _ pricing: SpendPricing) -> UInt32 {
        let one: UInt32 = 1 << 16
        let cluster = prices[spend.policy.rawValue] ?? one
        let now = min(Int128(clientFactor(pricing.keys)) * Int128(cluster) / Int128(one), Int128(UInt32.max))
        let grants = Int128(spend.grants) * Int128(max(pricing.issuePrice, one)) / now
        return UInt32(min(max(1, grants), Int128(spend.grants)))
    }

    mutating func redeemed(_ keys: PrefixKeys) {
        for name in names(keys, "heat") {
            prefixes[name] = moment(min(Self.most[name.level], count(name) + 1 << 26))
        }
    }

    mutating func perform(_ change: PriceChange) -> PriceOutcome {
        if change.expectedVersion != priceVersion { return .conflict(current: priceVersion) }
        let named = change.factors.map(\.policy.rawValue)
        if named.count > 256 || Set(named).count < named.count { return .invalid }
        if change.factors.contains(where: { $0.factor < 65_536 }) { return .invalid }
        if named.contains(where: { id in !policies.contains { $0.id == id } }) { return .unknownPolicy }
        prices = [:]
        for factor in change.factors where factor.factor > 65_536 { prices[factor.policy.rawValue] = factor.factor }
        priceVersion += 1
        return .set(version: priceVersion)
    }

    mutating func perform(_ report: IssueReport) -> IssueOutcome {
        if report.counts.count > 256 { return .invalid }
        var exceeded: [IssueExcess] = []
        for (place, count) in report.counts.enumerated() {
            let interval = [100_000_000, 10_000_000, 1_000_000, 100_000][Int(count.level.rawValue)] as UInt64
            let name = PrefixName(kind: "issued", level: Int(count.level.rawValue), key: count.key)
            var tat = max(prefixes[name] ?? 0, now)
            if count.count > 0 {
                tat = min(tat + UInt64(count.count) * interval, now + 1_200_000_000_000)
                prefixes[name] = tat
            }
            let next = tat + interval
            let horizon = now + 600_000_000_000
            if next > horizon {
                exceeded.append(IssueExcess(place: UInt32(place), retryAfterNanoseconds: next - horizon))
            }
        }
        return .counted(exceeded: exceeded)
    }
}
