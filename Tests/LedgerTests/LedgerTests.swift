import Testing

@testable import Ledger

@Test func smoke() {
    var ledger = Ledger(genesis: Genesis(clusterID: ClusterID(high: 1, low: 2), secret: Array(repeating: 7, count: 32)))
    func c(_ s: UInt64, _ q: UInt64, _ c: Command) -> SequencedCommand {
        SequencedCommand(session: SessionID(rawValue: s), sequence: q, floor: 0, command: c)
    }
    let r1 = ledger.apply(
        Batch(
            time: LedgerTime(nanoseconds: 5),
            commands: [c(0, 0, .openSession(owner: ReplicaID(high: 1, low: 1)))]
        ),
        index: 1
    )
    #expect(r1 == [.sessionOpened(SessionID(rawValue: 1))])
    let r2 = ledger.apply(
        Batch(
            time: LedgerTime(nanoseconds: 10),
            commands: [
                c(
                    1,
                    1,
                    .setPolicies(
                        expectedRevision: 0,
                        policies: [
                            PolicyDefinition(
                                name: "api",
                                maxKeys: 100,
                                limits: [LimitDefinition(role: .free, key: "client", interval: 10, burst: 2)]
                            )
                        ]
                    )
                )
            ]
        ),
        index: 2
    )
    #expect(r2 == [.policiesSet(revision: 1)])
    let facts = ledger.facts
    let charge = Command.charge(
        Charge(
            policy: facts.policies[0].id,
            cost: 1,
            pass: nil,
            limits: [
                LimitCharge(
                    limit: facts.policies[0].limits[0].id,
                    key: QuotaKey(high: 3, low: 4),
                    fallback: QuotaKey(high: 5, low: 6),
                    reserve: 0
                )
            ]
        )
    )
    let r3 = ledger.apply(
        Batch(
            time: LedgerTime(nanoseconds: 10),
            commands: [c(1, 2, charge), c(1, 3, charge), c(1, 4, charge), c(1, 3, charge)]
        ),
        index: 3
    )
    print(r3)
    let restored = try! Ledger(restoring: ledger.snapshot())
    #expect(restored.digest == ledger.digest)
}
