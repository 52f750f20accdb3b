import Testing
import Wire

@testable import Ledger

/// The bytes of version 1, as nodes of the releases that know no other have written them and must read them: a change of
/// the encoding is seen here, whatever else still agrees with itself.
@Suite struct VersionOneBytesTests {
    private static let policy = PolicyID(rawValue: 3)
    private static let challenge = ChallengeID(high: 0x0A0B, low: 0x0C0D)

    /// Each kind of command once, and of those with choices each choice.
    private static let commands: [Command] = [
        .openSession(owner: ReplicaID(high: 1, low: 2)),
        .setPolicies(
            expectedRevision: 4,
            policies: [
                PolicyDefinition(
                    name: "api",
                    maxKeys: 5,
                    limits: [
                        LimitDefinition(role: .free, key: "client", interval: 6, burst: 7),
                        LimitDefinition(role: .ceiling, key: "all", interval: 8, burst: 9),
                    ]
                )
            ]
        ),
        .charge(
            Charge(
                policy: policy,
                cost: 10,
                pass: PassCharge(challenge: challenge, recordExpiry: LedgerTime(nanoseconds: 11), binding: 12),
                limits: [
                    LimitCharge(
                        limit: LimitID(rawValue: 13),
                        key: QuotaKey(high: 14, low: 15),
                        fallback: QuotaKey(high: 16, low: 17),
                        reserve: 18
                    )
                ]
            )
        ),
        .charge(Charge(policy: policy, cost: 0, pass: nil, limits: [])),
        .spend(spend(key: QuotaKey(high: 19, low: 20))),
        .spend(spend(key: nil)),
        .rebind(
            Rebind(challenge: challenge, policy: policy, recordExpiry: LedgerTime(nanoseconds: 21), binding: 22)
        ),
        .override(override(.free(interval: 23, burst: 24), expectedVersion: 25)),
        .override(override(.deny(until: LedgerTime(nanoseconds: 26)), expectedVersion: nil)),
        .override(override(.deny(until: nil), expectedVersion: 0)),
        .override(override(nil, expectedVersion: nil)),
        .rotate(secret: Array(0..<32)),
        .raiseVersion(to: 27),
    ]

    private static func spend(key: QuotaKey?) -> Spend {
        Spend(
            challenge: challenge,
            policy: policy,
            issued: LedgerTime(nanoseconds: 28),
            challengeLifetime: 29,
            passLifetime: 30,
            grants: 31,
            binding: 32,
            idempotencyKey: key
        )
    }

    private static func override(_ value: OverrideValue?, expectedVersion: UInt64?) -> OverrideChange {
        OverrideChange(
            policy: policy,
            key: QuotaKey(high: 33, low: 34),
            value: value,
            expectedVersion: expectedVersion
        )
    }

    private static let batch = Batch(
        time: LedgerTime(nanoseconds: 35),
        commands: commands.enumerated().map { place, command in
            SequencedCommand(
                session: SessionID(rawValue: 36),
                sequence: 37 + UInt64(place),
                floor: 38,
                command: command
            )
        }
    )

    /// A ledger with something of everything.
    private static func ledger() -> Ledger {
        var fixture = Fixture(maxRecords: 1_000)
        fixture.set([.free(second, 10), .ceiling(second / 2, 40, key: "all")], maxKeys: 1)
        fixture.charge([fixture.limitCharge(1), fixture.limitCharge(9, limit: 1)], cost: 3, at: second)
        fixture.charge([fixture.limitCharge(2, fallback: 1)], at: second)
        fixture.charge([fixture.limitCharge(3, fallback: 2)], cost: 2, at: second)
        fixture.apply(fixture.spend(5, key: 6), at: second)
        fixture.override(7, .free(interval: 8, burst: 9))
        fixture.override(8, .deny(until: LedgerTime(nanoseconds: minute)))
        fixture.apply(.rotate(secret: Array(repeating: 4, count: 32)))
        return fixture.ledger
    }

    @Test func aBatchWithEachCommandHasTheBytesThatItHad() throws {
        #expect(hex(Self.batch.encode()) == Self.batchHex)
        #expect(try Batch(decoding: bytes(Self.batchHex)) == Self.batch)
    }

    @Test func aSnapshotHasTheBytesThatItHad() throws {
        let ledger = Self.ledger()
        #expect(hex(ledger.snapshot()) == Self.snapshotHex)
        let restored = try Ledger(restoring: bytes(Self.snapshotHex))
        #expect(restored.digest == ledger.digest)
        #expect(restored.facts == ledger.facts)
    }

    private func hex(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    private func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private static let batchHex = """
        0100000000000000230000000d000000000000002400000000000000250000000000000026010100000000000000010000000000\
        00000200000000000000240000000000000026000000000000002602010000000000000004000000010000000361706900000005\
        000000020000000006636c69656e74000000000000000600000000000000070100000003616c6c00000000000000080000000000\
        0000090000000000000024000000000000002700000000000000260301000000030000000a010000000000000a0b000000000000\
        0c0d000000000000000b000000000000000c000000010000000d000000000000000e000000000000000f00000000000000100000\
        00000000001100000012000000000000002400000000000000280000000000000026030100000003000000000000000000000000\
        00000000240000000000000029000000000000002604010000000000000a0b0000000000000c0d00000003000000000000001c00\
        00001d0000001e0000001f000000000000002001000000000000001300000000000000140000000000000024000000000000002a\
        000000000000002604010000000000000a0b0000000000000c0d00000003000000000000001c0000001d0000001e0000001f0000\
        000000000020000000000000000024000000000000002b000000000000002605010000000000000a0b0000000000000c0d000000\
        03000000000000001500000000000000160000000000000024000000000000002c00000000000000260601000000030000000000\
        00002100000000000000220101000000000000001700000000000000180100000000000000190000000000000024000000000000\
        002d000000000000002606010000000300000000000000210000000000000022010201000000000000001a000000000000000024\
        000000000000002e0000000000000026060100000003000000000000002100000000000000220102000100000000000000000000\
        000000000024000000000000002f0000000000000026060100000003000000000000002100000000000000220000000000000000\
        002400000000000000300000000000000026070100000020000102030405060708090a0b0c0d0e0f101112131415161718191a1b\
        1c1d1e1f00000000000000240000000000000031000000000000002608010000001b
        """
    private static let snapshotHex = """
        01000000000000000100000000000000020707070707070707070707070707070707070707070707070707070707070707000003\
        e80000000100000000000000010000000000000002000000003b9aca000000000000000009000000000000003b00000002000000\
        03000000000000000200000002000000010000000000000000070707070707070707070707070707070707070707070707070707\
        070707070700000002000000003b9aca000404040404040404040404040404040404040404040404040404040404040404000000\
        0100000001000000036170690000000100000002000000010000000006636c69656e74000000003b9aca00000000000000000a00\
        0000020100000003616c6c000000001dcd6500000000000000002800000001910a2dec89025cc1beeb8da1658eec6700000000ee\
        6b280000000001cc79d960fa6f5abf1a29358b09adf930000000007735940000000000b2d05e0000000001aeaf52febe706064c0\
        2d8a5e87afea62000000009502f900000000000000000000000000000000029e5651b0ef9536369ca8a164477d78010000000000\
        00000202010000000df847580063cbe1e459320dd7044c3cd7f43c661c0000000000000001010000000000000008000000000000\
        0009000000010000000000000005000000000000000501bd64a5d9adefe00072419db23951df9900000000000000050000008bee\
        643a00000000d18c2e28000000000000000000000000010000000a00000001030000000100000000000000010000000000000009\
        0000000000000009000000000000000900000000000000080000000100000000000000080800000002b07e0b23f9650fa1b4c9f8\
        2b41771293
        """
}
