import Testing
import Wire

@testable import Ledger

@Suite struct SessionTests {
    private func open(_ ledger: inout Ledger, _ owner: UInt64, index: UInt64) -> CommandResult {
        let command = SequencedCommand(
            session: SessionID(rawValue: 0),
            sequence: 0,
            floor: 0,
            command: .openSession(owner: ReplicaID(high: owner, low: 0))
        )
        return ledger.apply(Batch(time: .zero, commands: [command]), index: index)[0]
    }

    /// Raises the version: a command whose repetition shows, since each rotation has its own number.
    private func rotate(
        _ ledger: inout Ledger,
        _ session: UInt64,
        _ sequence: UInt64,
        floor: UInt64 = 0,
        index: UInt64
    ) -> CommandResult {
        let command = SequencedCommand(
            session: SessionID(rawValue: session),
            sequence: sequence,
            floor: floor,
            command: .rotate(secret: Array(repeating: 3, count: 32))
        )
        return ledger.apply(Batch(time: .zero, commands: [command]), index: index)[0]
    }

    // curvine#676: the same command through two leaders, and across a snapshot, was applied twice.
    @Test func aCommandThatComesAgainIsAnsweredAndNotApplied() throws {
        var ledger = Ledger(genesis: Fixture.genesis())
        #expect(open(&ledger, 1, index: 5) == .sessionOpened(SessionID(rawValue: 5)))
        #expect(rotate(&ledger, 5, 1, index: 6) == .rotated(epoch: 2))
        #expect(rotate(&ledger, 5, 2, index: 7) == .rotated(epoch: 3))
        #expect(rotate(&ledger, 5, 1, index: 8) == .rotated(epoch: 2))
        var restored = try Ledger(restoring: ledger.snapshot())
        #expect(rotate(&restored, 5, 2, index: 9) == .rotated(epoch: 3))
        #expect(restored.facts.epochs.count == 3)
        // Acknowledged and forgotten, it is not applied either.
        #expect(rotate(&restored, 5, 3, floor: 3, index: 10) == .rotated(epoch: 4))
        #expect(rotate(&restored, 5, 2, index: 11) == .rejected(.belowFloor))
        #expect(restored.counts.results == 1)
    }

    @Test func aSessionEndsWhenItsOwnerOpensAnother() {
        var ledger = Ledger(genesis: Fixture.genesis())
        #expect(rotate(&ledger, 1, 1, index: 1) == .rejected(.unknownSession))
        #expect(open(&ledger, 1, index: 2) == .sessionOpened(SessionID(rawValue: 2)))
        #expect(open(&ledger, 2, index: 3) == .sessionOpened(SessionID(rawValue: 3)))
        #expect(rotate(&ledger, 2, 1, index: 4) == .rotated(epoch: 2))
        #expect(open(&ledger, 1, index: 5) == .sessionOpened(SessionID(rawValue: 5)))
        #expect(rotate(&ledger, 2, 1, index: 6) == .rejected(.unknownSession))
        #expect(rotate(&ledger, 2, 2, index: 7) == .rejected(.unknownSession))
        #expect(rotate(&ledger, 3, 1, index: 8) == .rotated(epoch: 3))
        #expect(rotate(&ledger, 5, 1, index: 9) == .rotated(epoch: 4))
        #expect(ledger.counts.sessions == 2)
    }

    @Test func theLeastRecentlyUsedSessionIsClosed() {
        var ledger = Ledger(genesis: Fixture.genesis())
        for owner in 1...UInt64(256) { #expect(open(&ledger, owner, index: owner) != .rejected(.secondSession)) }
        #expect(rotate(&ledger, 1, 1, index: 300) == .rotated(epoch: 2))
        #expect(open(&ledger, 1_000, index: 301) == .sessionOpened(SessionID(rawValue: 301)))
        #expect(ledger.counts.sessions == 256)
        #expect(rotate(&ledger, 2, 1, index: 302) == .rejected(.unknownSession))
        #expect(rotate(&ledger, 1, 2, index: 303) == .rotated(epoch: 3))
        #expect(rotate(&ledger, 3, 1, index: 304) == .rotated(epoch: 4))
        // An owner that is there takes nobody else's place.
        #expect(open(&ledger, 5, index: 305) == .sessionOpened(SessionID(rawValue: 305)))
        #expect(rotate(&ledger, 4, 1, index: 306) == .rotated(epoch: 5))
        #expect(ledger.counts.sessions == 256)
    }

    @Test func oneEntryOpensOneSession() {
        var ledger = Ledger(genesis: Fixture.genesis())
        let commands = [1, 2].map {
            SequencedCommand(
                session: SessionID(rawValue: 0),
                sequence: 0,
                floor: 0,
                command: .openSession(owner: ReplicaID(high: $0, low: 0))
            )
        }
        let results = ledger.apply(Batch(time: .zero, commands: commands), index: 4)
        #expect(results == [.sessionOpened(SessionID(rawValue: 4)), .rejected(.secondSession)])
        #expect(ledger.counts.sessions == 1)
    }

    @Test func aSessionKeeps4096ResultsAndNoMore() throws {
        var ledger = Ledger(genesis: Fixture.genesis())
        #expect(open(&ledger, 1, index: 1) == .sessionOpened(SessionID(rawValue: 1)))
        let commands = (100..<UInt64(4_300)).map {
            SequencedCommand(
                session: SessionID(rawValue: 1),
                sequence: $0,
                floor: 100,
                command: .raiseVersion(to: UInt32($0))
            )
        }
        let results = ledger.apply(Batch(time: .zero, commands: commands), index: 2)
        #expect(results[4_095] == .versionRaised(to: 4_195))
        #expect(results[4_096...].allSatisfy { $0 == .rejected(.tooManyUnacknowledged) })
        #expect(ledger.facts.ledgerVersion == 4_195)
        #expect(ledger.counts.results == 4_096)
        ledger = try Ledger(restoring: ledger.snapshot())
        #expect(rotate(&ledger, 1, 100, index: 3) == .versionRaised(to: 100))
        // Acknowledging makes room, for exactly as many.
        #expect(rotate(&ledger, 1, 4_196, floor: 101, index: 4) == .rotated(epoch: 2))
        #expect(rotate(&ledger, 1, 4_197, floor: 101, index: 5) == .rejected(.tooManyUnacknowledged))
        #expect(rotate(&ledger, 1, 101, floor: 0, index: 6) == .versionRaised(to: 101))
        #expect(rotate(&ledger, 1, 100, floor: 0, index: 7) == .rejected(.belowFloor))
        #expect(ledger.counts.results == 4_096)
        #expect(rotate(&ledger, 1, 9_000, floor: 9_000, index: 8) == .rotated(epoch: 3))
        #expect(ledger.counts.results == 1)
    }

    @Test func theGreatestSequencesOverflowNothing() throws {
        var ledger = Ledger(genesis: Fixture.genesis())
        #expect(open(&ledger, 1, index: 1) == .sessionOpened(SessionID(rawValue: 1)))
        #expect(rotate(&ledger, 1, 7, index: 2) == .rotated(epoch: 2))
        #expect(rotate(&ledger, 1, .max, index: 3) == .rejected(.tooManyUnacknowledged))
        #expect(rotate(&ledger, 1, .max, floor: .max, index: 4) == .rotated(epoch: 3))
        #expect(rotate(&ledger, 1, .max, floor: .max, index: 5) == .rotated(epoch: 3))
        #expect(rotate(&ledger, 1, .max - 1, floor: 0, index: 6) == .rejected(.belowFloor))
        let restored = try Ledger(restoring: ledger.snapshot())
        #expect(restored.digest == ledger.digest)
        #expect(ledger.counts.results == 1)
    }
}
