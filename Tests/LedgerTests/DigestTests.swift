import TestSupport
import Testing
import Wire

@testable import Ledger

@Suite struct DigestTests {
    /// A ledger whose state has a bit of everything.
    private func everything() -> Fixture {
        var fixture = Fixture([.free(minute, 2), .ceiling(minute, 9)], maxKeys: 3)
        for key in 0..<UInt64(8) { fixture.charge([fixture.limitCharge(key, fallback: key)], at: second) }
        fixture.apply(fixture.spend(1, key: 1), at: second)
        let policy = fixture.policy
        fixture.apply(
            .override(OverrideChange(policy: policy, key: .test(1), value: .deny(until: nil), expectedVersion: nil))
        )
        fixture.apply(.rotate(secret: Array(repeating: 1, count: 32)))
        return fixture
    }

    @Test func everyPartOfTheStateCounts() throws {
        let ledger = everything().ledger
        var seen: [LedgerDigest: String] = [ledger.digest: "unchanged"]
        func changed(_ name: String, _ change: (inout Ledger) -> Void) {
            var copy = ledger
            change(&copy)
            let other = seen.updateValue(name, forKey: copy.digest)
            #expect(other == nil, "\(name) has the digest of \(other ?? "")")
        }
        changed("revision") { $0.standing.revision += 1 }
        changed("generation") { $0.standing.generation += 1 }
        changed("cluster") { $0.standing.clusterID.low += 1 }
        changed("secret") { $0.standing.secret[31] ^= 1 }
        changed("version") { $0.standing.ledgerVersion += 1 }
        changed("time") { $0.now = $0.now.adding(nanoseconds: 1) }
        changed("index") { $0.lastIndex += 1 }
        changed("sweep") { $0.swept += 1 }
        changed("policy ids") { $0.nextPolicyID += 1 }
        changed("limit ids") { $0.nextLimitID += 1 }
        changed("override version") { $0.overrideVersion += 1 }
        changed("epoch number") { $0.standing.epochs[1].number += 1 }
        changed("epoch secret") { $0.standing.epochs[1].secret[0] ^= 1 }
        changed("epoch begin") { $0.standing.epochs[1].began = .zero }
        changed("epochs") { $0.standing.epochs.removeFirst() }
        changed("maxKeys") { $0.policies[0].maxKeys += 1 }
        changed("definition") { $0.policies[0].limits[0].definition.burst += 1 }
        changed("key expression") { $0.policies[0].limits[0].definition.key = "b" }
        changed("order of limits") { $0.policies[0].limits.swapAt(0, 1) }
    }

    /// What the digest sums up as it goes must be what is there.
    @Test func everyEntryThatChangesChangesTheDigest() throws {
        let fixture = everything()
        let base = fixture.ledger.digest
        var digests: Set<LedgerDigest> = [base]
        func after(_ name: Comment, _ change: (inout Fixture) -> Void) throws {
            var copy = fixture
            change(&copy)
            #expect(digests.insert(copy.ledger.digest).inserted, name)
            #expect(try Ledger(restoring: copy.ledger.snapshot()).digest == copy.ledger.digest, name)
        }
        try after("a batch") {
            $0.index += 1
            _ = $0.ledger.apply(Batch(time: .zero, commands: []), index: $0.index)
        }
        try after("own bucket") { $0.charge([$0.limitCharge(0)]) }
        try after("another own bucket") { $0.charge([$0.limitCharge(2)]) }
        try after("the same key in another limit") { $0.charge([$0.limitCharge(0, limit: 1)]) }
        try after("shared bucket") { $0.charge([$0.limitCharge(99, fallback: 99)]) }
        try after("spend") { _ = $0.apply($0.spend(2), at: second) }
        try after("grant") {
            let spend = $0.spend(1)
            let pass = PassCharge(challenge: spend.challenge, recordExpiry: spend.recordExpiry, binding: 5)
            $0.charge([], pass: pass)
        }
        try after("another session") {
            let owner = ReplicaID(high: 1, low: 1)
            $0.apply(.openSession(owner: owner))
        }
    }

    @Test func theOrderOfArrivalDoesNotCount() {
        let seed = seed()
        var random = Seeded(seed)
        let keys = (0..<3_000).map { _ in QuotaKey(high: random.next(), low: random.next()) }
        var digests: Set<LedgerDigest> = []
        for _ in 0..<3 {
            var fixture = Fixture([.free(minute, 10)], maxKeys: 10_000)
            let limit = fixture.limit()
            let charges = keys.shuffled(using: &random).map {
                Command.charge(
                    Charge(
                        policy: fixture.policy,
                        cost: 1 + UInt32($0.low % 5),
                        pass: nil,
                        limits: [LimitCharge(limit: limit, key: $0, fallback: .test(0), reserve: 0)]
                    )
                )
            }
            var commands = charges.enumerated().map {
                SequencedCommand(
                    session: fixture.session,
                    sequence: 2 + UInt64($0.offset),
                    floor: 2 + UInt64($0.offset),
                    command: $0.element
                )
            }
            // The last result is kept: it must not tell the order.
            commands.append(
                SequencedCommand(session: fixture.session, sequence: 9_999, floor: 9_999, command: .raiseVersion(to: 0))
            )
            _ = fixture.ledger.apply(Batch(time: .zero, commands: commands), index: 100)
            digests.insert(fixture.ledger.digest)
        }
        #expect(digests.count == 1, "seed \(seed)")
    }

    @Test func entriesThatComeAndGoLeaveNoTrace() {
        // Two ledgers, one of which held ten thousand other keys in between: its tables lie differently in memory.
        func run(_ visitors: Int) -> Ledger {
            var fixture = Fixture([.free(second, 10)], maxKeys: 100_000)
            let limit = fixture.limit()
            let policy = fixture.policy
            let commands = (0..<UInt64(10_000)).map { number in
                let charge = Charge(
                    policy: policy,
                    cost: number < visitors ? 1 : 0,
                    pass: nil,
                    limits: [LimitCharge(limit: limit, key: .test(number), fallback: .test(0), reserve: 0)]
                )
                return SequencedCommand(
                    session: fixture.session,
                    sequence: 100 + number,
                    floor: 100 + number,
                    command: .charge(charge)
                )
            }
            _ = fixture.ledger.apply(Batch(time: .zero, commands: commands), index: 10)
            fixture.index = 20
            fixture.sequence = 20_000
            fixture.pass(to: 200 * second)
            for key in 0..<UInt64(50) { fixture.charge([fixture.limitCharge(key)], at: 200 * second) }
            return fixture.ledger
        }
        let quiet = run(0)
        let busy = run(10_000)
        #expect(quiet.counts.keys == 50 && busy.counts.keys == 50)
        #expect(quiet.digest == busy.digest)
    }

    @Test func copiesGoTheirOwnWays() throws {
        var fixture = everything()
        let copy = fixture.ledger
        let before = copy.digest
        let bytes = copy.snapshot()
        for key in 0..<UInt64(40) { fixture.charge([fixture.limitCharge(key, fallback: key)], at: 2 * minute) }
        #expect(copy.digest == before)
        #expect(copy.snapshot() == bytes)
        #expect(fixture.ledger.digest != before)
    }
}
