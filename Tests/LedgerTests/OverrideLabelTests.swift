import Testing
import Wire

@testable import Ledger

@Suite struct OverrideLabelTests {
    private func change(_ fixture: Fixture, key: UInt64 = 1, label: String?) -> OverrideChange {
        OverrideChange(
            policy: fixture.policy,
            key: .test(key),
            value: .free(interval: 10, burst: 20),
            expectedVersion: 7,
            label: label.flatMap { OverrideLabel($0) }
        )
    }

    private func bytes(_ command: Command) -> [UInt8] {
        var writer = ByteWriter()
        command.write(into: &writer)
        return writer.bytes
    }

    @Test func aLabelHasABound() {
        #expect(OverrideLabel("") == nil)
        #expect(OverrideLabel(String(repeating: "x", count: 49)) == nil)
        #expect(OverrideLabel(String(repeating: "ä", count: 24))?.text.utf8.count == 48)
        // Two spellings of one letter: replicas of different releases must not disagree about that.
        #expect(OverrideLabel("\u{E4}") != OverrideLabel("a\u{308}"))
    }

    /// What nodes of the first version write and read has not changed by a bit.
    @Test func withoutALabelTheCommandIsWhatItWas() {
        let fixture = Fixture([.free(second, 5)])
        let key = QuotaKey.test(1)
        var expected: [UInt8] = [6, 1]
        func add(_ number: some FixedWidthInteger) { withUnsafeBytes(of: number.bigEndian) { expected += $0 } }
        add(fixture.policy.rawValue)
        add(key.high)
        add(key.low)
        expected += [1, 1]
        add(UInt64(10))
        add(UInt64(20))
        expected.append(1)
        add(UInt64(7))
        let command = Command.override(change(fixture, label: nil))
        #expect(bytes(command) == expected)
        #expect(command.leastVersion == 1)
        let labelled = Command.override(change(fixture, label: "all"))
        #expect(bytes(labelled) == [6, 2] + expected.dropFirst(2) + [0, 0, 0, 3] + Array("all".utf8))
        #expect(labelled.leastVersion == 2)
    }

    @Test func anEmptyLabelIsNoneAndHasNoSecondForm() {
        let fixture = Fixture([.free(second, 5)])
        var long = bytes(.override(change(fixture, label: "x")))
        long[long.count - 2] = 0
        long.removeLast()
        var source = FieldSource(long)
        #expect(throws: LedgerDecodingError.invalid(field: "label")) { try Command(from: &source) }
    }

    @Test func aLabelIsKeptWithItsOverride() throws {
        var fixture = Fixture([.free(second, 5)])
        #expect(fixture.apply(.override(change(fixture, label: "192.0.2.1"))) == .rejected(.unknownToMembers))
        var named = change(fixture, label: nil)
        named.expectedVersion = nil
        fixture.apply(.override(named))
        // Before the version that knows labels a snapshot is of the first format.
        #expect(fixture.ledger.snapshot()[0] == 1)
        #expect(try Ledger(restoring: fixture.ledger.snapshot()).digest == fixture.ledger.digest)
        fixture.apply(.raiseVersion(to: 2))
        named.label = OverrideLabel("192.0.2.1")
        var other = fixture
        fixture.apply(.override(named))
        let held = fixture.ledger.override(policy: fixture.policy, key: .test(1))
        #expect(held == OverrideState(value: .free(interval: 10, burst: 20), version: 2, label: named.label))
        let restored = try Ledger(restoring: fixture.ledger.snapshot())
        #expect(restored.override(policy: fixture.policy, key: .test(1)) == held)
        #expect(restored.digest == fixture.ledger.digest)
        // It is part of the state.
        named.label = OverrideLabel("192.0.2.2")
        other.apply(.override(named))
        #expect(other.ledger.digest != fixture.ledger.digest)
    }

    @Test func overridesAreListedInPages() {
        var fixture = Fixture([.free(second, 5)])
        for key in 0..<UInt64(7) {
            let until = key == 3 ? LedgerTime(nanoseconds: 100) : nil
            fixture.apply(
                .override(
                    OverrideChange(
                        policy: fixture.policy,
                        key: .test(key),
                        value: .deny(until: until),
                        expectedVersion: nil
                    )
                )
            )
        }
        func pages(_ policy: PolicyID?, at time: UInt64, count: Int) -> [[OverridePlace]] {
            var pages: [[OverridePlace]] = []
            var place: OverridePlace?
            while pages.count < 20 {
                let page = fixture.ledger.overrides(
                    of: policy,
                    after: place,
                    at: LedgerTime(nanoseconds: time),
                    count: count
                )
                pages.append(page.overrides.map(\.place))
                place = page.overrides.last?.place
                if !page.hasMore { break }
            }
            return pages
        }
        let all = (0..<UInt64(7)).map { OverridePlace(policy: fixture.policy, key: .test($0)) }
        #expect(pages(nil, at: 0, count: 3).map(\.count) == [3, 3, 1])
        #expect(pages(nil, at: 0, count: 3).flatMap { $0 } == all.sorted())
        #expect(pages(fixture.policy, at: 0, count: 7) == [all.sorted()])
        // What has ended is not listed, though it is forgotten only with the next batch.
        #expect(pages(nil, at: 100, count: 7) == [all.filter { $0.key != .test(3) }.sorted()])
        #expect(pages(PolicyID(rawValue: 9), at: 0, count: 7) == [[]])
    }

    @Test func aQuotaIsReadAtAnyTime() {
        var fixture = Fixture([.free(second, 5)], maxKeys: 1)
        #expect(fixture.drain(1) == 5)
        #expect(fixture.drain(2, fallback: 7) == 5)
        func quota(_ key: UInt64, fallback: UInt64 = 0, at time: UInt64) -> QuotaReading? {
            fixture.ledger.quota(
                fixture.limitCharge(key, fallback: fallback),
                policy: fixture.policy,
                at: LedgerTime(nanoseconds: time)
            )
        }
        let empty = LimitState(remaining: 0, resetNanoseconds: 5 * second, burst: 5)
        #expect(quota(1, at: 0) == QuotaReading(bucket: .own, state: empty, interval: second, outstanding: 0))
        #expect(quota(1, at: 2 * second)?.state.remaining == 2)
        #expect(quota(2, fallback: 7, at: 0)?.bucket == .fallback)
        #expect(quota(3, fallback: 9, at: 0)?.bucket == .shared)
        var unknown = fixture.limitCharge(1)
        unknown.limit = LimitID(rawValue: 99)
        #expect(fixture.ledger.quota(unknown, policy: fixture.policy, at: .zero) == nil)
    }
}
