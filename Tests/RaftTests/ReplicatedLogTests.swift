import TestSupport
import Testing
import Wire

@testable import Raft

@Suite struct ReplicatedLogTests {
    private static let configuration = Configuration(
        members: [Group.member(Group.id(1))],
        voters: [Group.id(1)]
    )

    private func log(
        snapshot: LogPosition = .zero,
        terms: [UInt64],
        from first: UInt64 = 1
    ) -> ReplicatedLog {
        ReplicatedLog(
            RestoredState(
                hardState: .initial,
                snapshot: SnapshotDescription(
                    position: snapshot,
                    configuration: Self.configuration,
                    bytes: 0
                ),
                entries: Harness.entries(terms, from: first)
            )
        )
    }

    private func other(_ number: Int) -> Configuration {
        Configuration(members: [Group.member(Group.id(number))], voters: [Group.id(number)])
    }

    private func entry(_ term: UInt64, _ index: UInt64, _ configuration: Configuration) -> Entry {
        Entry(position: Harness.position(term, index), payload: .configuration(configuration))
    }

    @Test func termsAreKnownFromJustBeforeTheFirstEntry() {
        let log = log(snapshot: Harness.position(2, 5), terms: [2, 3, 3], from: 6)
        #expect(log.term(at: LogIndex(4)) == nil)
        #expect(log.term(at: LogIndex(5)) == Term(2))
        #expect(log.term(at: LogIndex(8)) == Term(3))
        #expect(log.term(at: LogIndex(9)) == nil)
        #expect(log.entry(at: LogIndex(5)) == nil)
        #expect(log.entry(at: LogIndex(6))?.position == Harness.position(2, 6))
        #expect(log.last == Harness.position(3, 8))
        #expect(log.firstIndex == LogIndex(6))
    }

    @Test func entriesBelowTheSnapshotAreKept() {
        let log = log(snapshot: Harness.position(2, 5), terms: [1, 2, 2, 3], from: 3)
        #expect(log.firstIndex == LogIndex(4))
        #expect(log.term(at: LogIndex(3)) == Term(1))
        #expect(log.committed == LogIndex(5))
        #expect(log.last == Harness.position(3, 6))
    }

    @Test func aLogThatASnapshotContradictsIsGone() {
        // Installed, and the node died before its log was cut.
        #expect(log(snapshot: Harness.position(4, 5), terms: [1, 1, 2, 2, 2, 2]).last == Harness.position(4, 5))
        #expect(log(snapshot: Harness.position(4, 9), terms: [1, 1, 2]).last == Harness.position(4, 9))
        #expect(log(snapshot: Harness.position(2, 5), terms: [1, 1, 2, 2, 2, 2]).last == Harness.position(2, 6))
    }

    @Test func agreementIsTheGreatestPositionWithinBothLimits() {
        var random = Xoshiro256(seed: seed())
        for _ in 0..<500 {
            var term: UInt64 = 1
            let terms = (0..<random.inRange(0...12)).map { _ -> UInt64 in
                term += random.below(3)
                return term
            }
            let log = log(snapshot: Harness.position(1, 10), terms: terms, from: 11)
            let limit = Harness.position(random.below(20), 10 + random.below(16))
            var expected = limit.term >= Term(1) ? Harness.position(1, 10) : .zero
            for (offset, term) in terms.enumerated() {
                let position = Harness.position(term, UInt64(11 + offset))
                if position.index <= limit.index, position.term <= limit.term { expected = position }
            }
            #expect(log.agreement(atMost: limit) == expected, "\(terms) \(limit)")
        }
        #expect(
            log(snapshot: Harness.position(3, 10), terms: []).agreement(atMost: Harness.position(9, 4)).index.rawValue
                == 4
        )
    }

    @Test func aMembershipCountsFromItsEntryAndIsGoneWithIt() {
        var log = log(terms: [1, 1])
        log.append(entry(1, 3, other(2)))
        #expect(log.configuration == other(2))
        #expect(log.configurationIndex == LogIndex(3))
        log.append(entry(2, 4, other(3)))
        #expect(log.configuration(at: LogIndex(3)) == other(2))
        #expect(log.configuration(at: LogIndex(2)) == Self.configuration)
        log.truncate(from: LogIndex(4))
        #expect(log.configuration == other(2))
        log.truncate(from: LogIndex(2))
        #expect(log.configuration == Self.configuration)
        #expect(log.last == Harness.position(1, 1))
    }

    @Test func compactionKeepsTheMembershipOfTheSnapshot() {
        var log = log(terms: [1, 1])
        log.append(entry(1, 3, other(2)))
        log.append(Entry(position: Harness.position(1, 4), payload: .noOperation))
        log.append(entry(1, 5, other(3)))
        log.commit(through: LogIndex(5))
        log.handOut(through: LogIndex(5))
        log.apply(through: LogIndex(4))
        let snapshot = SnapshotDescription(position: Harness.position(1, 4), configuration: other(2), bytes: 0)
        log.compact(to: snapshot, keepingFrom: LogIndex(100))
        #expect(log.snapshot == snapshot)
        #expect(log.firstIndex == LogIndex(5))
        #expect(log.previous == Harness.position(1, 4))
        #expect(log.configuration(at: LogIndex(4)) == other(2))
        #expect(log.configuration == other(3))
    }

    @Test func compactionKeepsWhatIsAskedFor() {
        var log = log(terms: [1, 1, 1, 2, 2])
        log.commit(through: LogIndex(5))
        log.handOut(through: LogIndex(5))
        log.apply(through: LogIndex(5))
        let snapshot = SnapshotDescription(
            position: Harness.position(2, 5),
            configuration: Self.configuration,
            bytes: 0
        )
        log.compact(to: snapshot, keepingFrom: LogIndex(3))
        #expect(log.firstIndex == LogIndex(3))
        #expect(log.term(at: LogIndex(2)) == Term(1))
        log.compact(to: snapshot, keepingFrom: LogIndex(1))
        #expect(log.firstIndex == LogIndex(3))
    }

    @Test func aSnapshotReplacesALogThatLacksItsPosition() {
        var log = log(terms: [1, 1, 1])
        let snapshot = SnapshotDescription(position: Harness.position(2, 3), configuration: other(2), bytes: 0)
        let replaced = log.install(snapshot, isFirst: false)
        #expect(replaced)
        #expect(log.last == Harness.position(2, 3))
        #expect(log.configuration == other(2))
        #expect(log.handedOut == LogIndex(3))
        #expect(log.committed == LogIndex(3))
    }

    @Test func aSnapshotLeavesALogThatHasItsPosition() {
        var log = log(terms: [1, 1, 1, 2])
        let snapshot = SnapshotDescription(
            position: Harness.position(1, 3),
            configuration: Self.configuration,
            bytes: 0
        )
        let replaced = log.install(snapshot, isFirst: false)
        #expect(replaced)
        #expect(log.last == Harness.position(2, 4))
        #expect(log.committed == LogIndex(3))
    }

    @Test func aMessageHoldsAtLeastOneEntryAndElseKeepsToBothBounds() {
        let log = log(terms: [1, 1, 1, 1, 1])
        func end(_ bytes: Int, _ entries: Int) -> UInt64 {
            log.end(from: LogIndex(2), through: LogIndex(5), bytesMax: bytes, entriesMax: entries).rawValue
        }
        let cost = Harness.entries([1])[0].cost
        #expect(end(0, 10) == 2)
        #expect(end(cost * 2, 10) == 3)
        #expect(end(cost * 2 + cost - 1, 10) == 3)
        #expect(end(.max, 3) == 4)
        #expect(end(.max, 10) == 5)
    }
}
