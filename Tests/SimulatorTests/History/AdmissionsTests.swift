import Ledger
import Raft
import Simulator
import Testing
import Wire

@Suite struct AdmissionsTests {
    private let limit = LimitID(rawValue: 1)

    /// One policy with one free limit: a unit every 10 ns, a burst of 2.
    private func admissions(burst: UInt64 = 2) -> Admissions {
        var admissions = Admissions()
        admissions.policies(facts(burst: burst))
        return admissions
    }

    private func facts(burst: UInt64) -> LedgerFacts {
        let definition = LimitDefinition(role: .free, key: "client", interval: 10, burst: burst)
        return LedgerFacts(
            revision: 1,
            policies: [
                PolicyFacts(
                    id: Sample.policy,
                    name: "p",
                    maxKeys: 10,
                    limits: [LimitFacts(id: limit, definition: definition)]
                )
            ],
            epochs: [],
            clusterID: ClusterID(high: 0, low: 1),
            secret: [],
            ledgerVersion: 1,
            time: .zero,
            generation: 1
        )
    }

    private func charge(
        _ units: UInt32,
        key: UInt64 = 1,
        index: UInt64,
        sequence: UInt64,
        time: UInt64,
        admitted: Bool = true
    ) -> Application {
        let charge = Charge(
            policy: Sample.policy,
            cost: units,
            pass: nil,
            limits: [LimitCharge(limit: limit, key: Sample.key(key), fallback: Sample.key(99), reserve: 0)]
        )
        let outcome: ChargeOutcome =
            admitted
            ? .admitted(limits: [], passRemaining: nil)
            : .refused(limit: 0, retryAfterNanoseconds: 1, limits: [])
        return application(.charge(charge), .charged(outcome), index: index, sequence: sequence, time: time)
    }

    private func application(
        _ command: Command,
        _ result: CommandResult,
        index: UInt64,
        sequence: UInt64,
        time: UInt64
    ) -> Application {
        let sequenced = SequencedCommand(
            session: SessionID(rawValue: 1),
            sequence: sequence,
            floor: 0,
            command: command
        )
        return Application(
            index: LogIndex(index),
            batch: Batch(time: LedgerTime(nanoseconds: time), commands: [sequenced]),
            results: [result],
            digest: LedgerDigest(high: 0, low: 0)
        )
    }

    @Test func acceptsWhatTheLimitAllows() throws {
        var admissions = admissions()
        try admissions.applied(charge(2, index: 1, sequence: 1, time: 0))
        try admissions.applied(charge(5, index: 2, sequence: 2, time: 5, admitted: false))
        try admissions.applied(charge(1, index: 3, sequence: 3, time: 10))
        try admissions.applied(charge(2, key: 2, index: 4, sequence: 4, time: 10))
    }

    @Test func refusesAUnitTooMany() throws {
        var admissions = admissions()
        try admissions.applied(charge(2, index: 1, sequence: 1, time: 0))
        #expect(throws: HistoryFault.self) { try admissions.applied(charge(1, index: 2, sequence: 2, time: 9)) }
    }

    @Test func anEarlierTimeStampIsTheLedgersTime() throws {
        var admissions = admissions()
        try admissions.applied(charge(2, index: 1, sequence: 1, time: 20))
        #expect(throws: HistoryFault.self) { try admissions.applied(charge(1, index: 2, sequence: 2, time: 5)) }
    }

    @Test func countsARetriedCommandAndAnotherReplicaOnce() throws {
        var admissions = admissions()
        try admissions.applied(charge(2, index: 1, sequence: 1, time: 0))
        try admissions.applied(charge(2, index: 1, sequence: 1, time: 0))
        try admissions.applied(charge(2, index: 2, sequence: 1, time: 1))
    }

    @Test func anOverridesTermsHoldFromThereOn() throws {
        var admissions = admissions()
        try admissions.applied(charge(2, index: 1, sequence: 1, time: 0))
        let change = Sample.change(.free(interval: 10, burst: 5))
        try admissions.applied(
            application(.override(change), .overridden(.set(version: 1)), index: 2, sequence: 2, time: 0)
        )
        try admissions.applied(charge(3, index: 3, sequence: 3, time: 0))
        #expect(throws: HistoryFault.self) { try admissions.applied(charge(3, index: 4, sequence: 4, time: 9)) }
    }

    @Test func anOverrideThatIsInTheLogAgainChangesNothing() throws {
        var admissions = admissions()
        let first = Sample.change(.free(interval: 10, burst: 5))
        let second = Sample.change(.free(interval: 10, burst: 1))
        for (change, index, sequence) in [(first, 1, 1), (second, 2, 2), (first, 3, 1)]
            as [(OverrideChange, UInt64, UInt64)]
        {
            try admissions.applied(
                application(
                    .override(change),
                    .overridden(.set(version: sequence)),
                    index: index,
                    sequence: sequence,
                    time: 0
                )
            )
        }
        #expect(throws: HistoryFault.self) { try admissions.applied(charge(2, index: 4, sequence: 3, time: 0)) }
    }

    @Test func newPoliciesChangeOnlyTheirOwnBuckets() throws {
        var admissions = admissions()
        try admissions.applied(charge(2, index: 1, sequence: 1, time: 0))
        admissions.policies(facts(burst: 2))
        #expect(throws: HistoryFault.self) { try admissions.applied(charge(1, index: 2, sequence: 2, time: 9)) }
        admissions.policies(facts(burst: 3))
        try admissions.applied(charge(3, index: 3, sequence: 3, time: 9))
    }
}
