import Ledger
import Raft
import Testing
import Wire

@testable import Simulator

@Suite struct EscrowPromiseTests {
    private static let second: UInt64 = 1_000_000_000
    private static let lanes = PolicyID(rawValue: 1)
    /// A unit a second, a burst of 10.
    private static let policies = [
        PolicyFacts(
            id: lanes,
            name: "lanes",
            maxKeys: 10,
            limits: [
                LimitFacts(
                    id: LimitID(rawValue: 1),
                    definition: LimitDefinition(role: .free, key: "client.address", interval: second, burst: 10)
                )
            ]
        )
    ]
    private static let limit = LimitCharge(
        limit: LimitID(rawValue: 1),
        key: Sample.key(1),
        fallback: Sample.key(9),
        reserve: 0
    )
    private var promise = EscrowPromise(driftPPM: 0)
    private var index: UInt64 = 0

    init() { promise.policies(Self.policies) }

    private func slice(_ sequence: UInt64) -> SliceID {
        SliceID(session: SessionID(rawValue: 1), sequence: sequence)
    }

    private mutating func apply(_ command: Command, _ result: CommandResult, sequence: UInt64, at time: UInt64) throws {
        index += 1
        let command = SequencedCommand(
            session: SessionID(rawValue: 1),
            sequence: sequence,
            floor: 0,
            command: command
        )
        try promise.applied(
            Application(
                index: LogIndex(index),
                batch: Batch(time: LedgerTime(nanoseconds: time), commands: [command]),
                results: [result],
                digest: LedgerDigest(high: 0, low: 0)
            )
        )
    }

    private mutating func lend(_ units: UInt64, sequence: UInt64, at time: UInt64) throws {
        let lend = Lend(policy: Self.lanes, limit: Self.limit, least: 1, wanted: 0, nodes: 3)
        let state = LimitState(remaining: 0, resetNanoseconds: 0, burst: 10)
        let outcome = LendOutcome.lent(slice: slice(sequence), units: units, state: state)
        try apply(.lend(lend), .lent(outcome), sequence: sequence, at: time)
        promise.granted(slice(sequence), sent: Moment(nanoseconds: time))
    }

    private mutating func giveBack(
        _ units: UInt64,
        of lend: UInt64,
        restoring restored: UInt64,
        sequence: UInt64,
        at time: UInt64
    ) throws {
        let slice = SliceReturn(slice: slice(lend), units: units)
        try apply(.returnUnits(slice), .returned(.restored(units: restored)), sequence: sequence, at: time)
    }

    private mutating func spend(_ units: UInt64, of lend: UInt64, at time: UInt64, really moment: UInt64? = nil) throws
    {
        try promise.spent(
            .init(
                slice: slice(lend),
                units: units,
                time: LedgerTime(nanoseconds: time),
                moment: Moment(nanoseconds: moment ?? time)
            )
        )
    }

    private mutating func charge(_ units: UInt32, sequence: UInt64, at time: UInt64) throws {
        let charge = Charge(policy: Self.lanes, cost: units, pass: nil, limits: [Self.limit])
        let outcome = ChargeOutcome.admitted(limits: [], passRemaining: nil)
        try apply(.charge(charge), .charged(outcome), sequence: sequence, at: time)
    }

    @Test mutating func whatIsLentIsSpentAndTheRestReturned() throws {
        try lend(8, sequence: 1, at: 0)
        try spend(3, of: 1, at: 1)
        try spend(2, of: 1, at: Self.second)
        try giveBack(3, of: 1, restoring: 2, sequence: 2, at: Self.second)
        try charge(4, sequence: 3, at: Self.second)
        try promise.finish()
        #expect(promise.slicesLent == 1 && promise.unitsSpent == 5 && promise.slicesReturned == 1)
    }

    @Test mutating func aUnitMoreThanWasLentIsFound() throws {
        try lend(8, sequence: 1, at: 0)
        try spend(8, of: 1, at: 1)
        #expect(throws: HistoryFault.self) { try spend(1, of: 1, at: 2) }
    }

    @Test mutating func aUnitThatIsSpentAndReturnedIsFound() throws {
        try lend(8, sequence: 1, at: 0)
        try spend(6, of: 1, at: 1)
        #expect(throws: HistoryFault.self) { try giveBack(3, of: 1, restoring: 3, sequence: 2, at: 1) }
    }

    @Test mutating func aReturnThatRestoresWhatCameBackMeanwhileIsFound() throws {
        try lend(8, sequence: 1, at: 0)
        #expect(throws: HistoryFault.self) { try giveBack(8, of: 1, restoring: 8, sequence: 2, at: Self.second) }
    }

    @Test mutating func aReturnTwiceOrTooLateIsFound() throws {
        try lend(4, sequence: 1, at: 0)
        try giveBack(4, of: 1, restoring: 4, sequence: 2, at: 0)
        #expect(throws: HistoryFault.self) { try giveBack(4, of: 1, restoring: 4, sequence: 3, at: 0) }
        try lend(4, sequence: 4, at: 1)
        #expect(throws: HistoryFault.self) {
            try giveBack(4, of: 4, restoring: 0, sequence: 5, at: 2 * Self.second + 1)
        }
    }

    @Test mutating func aSliceThatIsSpentAfterItsEndIsFound() throws {
        try lend(4, sequence: 1, at: 0)
        let end = Self.second / 100 * 198
        try spend(1, of: 1, at: end)
        #expect(throws: HistoryFault.self) { try spend(1, of: 1, at: end, really: end + 2_000) }
    }

    @Test mutating func aLoanOfMoreThanThereIsIsFoundInTheEnd() throws {
        try charge(5, sequence: 1, at: 0)
        try lend(6, sequence: 2, at: 0)
        #expect(throws: HistoryFault.self) { try promise.finish() }
    }

    @Test mutating func otherTermsBeginAnew() throws {
        try lend(10, sequence: 1, at: 0)
        var definition = Self.policies[0].limits[0].definition
        definition.burst = 12
        let policies = [PolicyDefinition(name: "lanes", maxKeys: 10, limits: [definition])]
        let set = Command.setPolicies(expectedRevision: 1, policies: policies)
        try apply(set, .policiesSet(revision: 2), sequence: 2, at: 1)
        try spend(10, of: 1, at: 2)
        try charge(12, sequence: 3, at: 2)
        try promise.finish()
        try charge(1, sequence: 4, at: 3)
        #expect(throws: HistoryFault.self) { try promise.finish() }
    }
}
