import Ledger
import Raft
import Testing
import Wire

@testable import Simulator

@Suite struct PricePromiseTests {
    private var promise = PricePromise()
    private var index: UInt64 = 0

    private mutating func apply(_ command: Command, _ result: CommandResult) throws {
        index += 1
        let command = SequencedCommand(
            session: SessionID(rawValue: 1),
            sequence: index,
            floor: 0,
            command: command
        )
        try promise.applied(
            Application(
                index: LogIndex(index),
                batch: Batch(time: .zero, commands: [command]),
                results: [result],
                digest: LedgerDigest(high: 0, low: 0)
            )
        )
    }

    private func spend(grants: UInt32, price: UInt32?) -> Command {
        var spend = Sample.spend(index)
        spend.grants = grants
        spend.pricing = price.map { SpendPricing(issuePrice: $0, keys: Workload.prefixes(1)) }
        return .spend(spend)
    }

    private func opened(_ units: UInt32) -> CommandResult { .spent(.opened(Sample.pass(remaining: units))) }

    private func factors(_ factor: UInt32, expecting version: UInt64) -> Command {
        let price = PolicyPrice(policy: Sample.policy, factor: factor)
        return .setPrices(PriceChange(expectedVersion: version, factors: [price]))
    }

    @Test mutating func aGrantIsFromOneToWhatWasIssued() throws {
        promise.founded(2)
        try apply(spend(grants: 10, price: nil), opened(10))
        try apply(spend(grants: 10, price: Price.one), opened(1))
        #expect(throws: HistoryFault.self) { try apply(spend(grants: 10, price: nil), opened(9)) }
        for units in [0, 11] as [UInt32] {
            #expect(throws: HistoryFault.self) { try apply(spend(grants: 10, price: Price.one), opened(units)) }
        }
        #expect(throws: HistoryFault.self) { try apply(spend(grants: 10, price: .max), opened(9)) }
    }

    @Test mutating func pricesChangeInTheOrderOfTheirVersions() throws {
        promise.founded(2)
        try apply(factors(2 * Price.one, expecting: 0), .pricesSet(.set(version: 1)))
        try apply(factors(3 * Price.one, expecting: 0), .pricesSet(.conflict(current: 1)))
        #expect(throws: HistoryFault.self) {
            try apply(factors(3 * Price.one, expecting: 0), .pricesSet(.set(version: 2)))
        }
    }

    @Test mutating func nothingOfALaterVersionIsCarriedOutBeforeItIsRaised() throws {
        promise.founded(1)
        try apply(factors(2 * Price.one, expecting: 0), .rejected(.unknownToMembers))
        #expect(throws: HistoryFault.self) {
            try apply(factors(2 * Price.one, expecting: 0), .pricesSet(.set(version: 1)))
        }
        try apply(.raiseVersion(to: 2), .versionRaised(to: 2))
        try apply(factors(2 * Price.one, expecting: 0), .pricesSet(.set(version: 1)))
    }
}
