import Ledger
import Raft
import Simulator
import Testing
import Wire

@Suite struct StateInvariantTests {
    private typealias Cluster = FabricatedCluster

    private func command(sequence: UInt64, version: UInt32 = 1) -> SequencedCommand {
        SequencedCommand(
            session: SessionID(rawValue: 1),
            sequence: sequence,
            floor: 0,
            command: .raiseVersion(to: version)
        )
    }

    private func batch(_ commands: [SequencedCommand], time: UInt64 = 0) -> Batch {
        Batch(time: LedgerTime(nanoseconds: time), commands: commands)
    }

    // MARK: - State machines

    @Test func acceptsThatAllApplyTheSame() throws {
        var cluster = try Cluster.established(3)
        for place in 0..<3 {
            try cluster.step(place) { $0.appliedIndex = LogIndex(1) }
            try cluster.apply(place, index: 1, batch([command(sequence: 1)]), results: [.versionRaised(to: 1)])
        }
    }

    @Test func stateMachineSafetyRefusesDifferentBatches() throws {
        var cluster = try Cluster.established(3)
        try cluster.apply(0, index: 1, batch([command(sequence: 1)]), results: [.versionRaised(to: 1)])
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.apply(1, index: 1, batch([command(sequence: 2)]), results: [.versionRaised(to: 1)])
            } == "StateMachineSafety"
        )
    }

    @Test func stateMachineSafetyRefusesDifferentResults() throws {
        var cluster = try Cluster.established(3)
        try cluster.apply(0, index: 1, batch([command(sequence: 1)]), results: [.versionRaised(to: 1)])
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.apply(1, index: 1, batch([command(sequence: 1)]), results: [.versionRaised(to: 2)])
            } == "StateMachineSafety"
        )
    }

    @Test func stateMachineSafetyRefusesToApplyWhatIsNotCommitted() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0) { $0.append(term: 1) }
        #expect(
            broken { () throws(InvariantViolation) in try cluster.step(0) { $0.appliedIndex = LogIndex(2) } }
                == "StateMachineSafety"
        )
    }

    @Test func stateMachineSafetyRefusesAnAppliedIndexThatGoesBack() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0) { $0.appliedIndex = LogIndex(1) }
        #expect(
            broken { () throws(InvariantViolation) in try cluster.step(0) { $0.appliedIndex = .zero } }
                == "StateMachineSafety"
        )
    }

    @Test func equalDigestsRefusesStatesThatDiffer() throws {
        var cluster = try Cluster.established(3)
        try cluster.apply(0, index: 1, digest: 5)
        try cluster.apply(1, index: 1, digest: 5)
        #expect(broken { () throws(InvariantViolation) in try cluster.apply(2, index: 1, digest: 6) } == "EqualDigests")
    }

    @Test func equalDigestsComparesARestoredStateWithTheLastOneApplied() throws {
        var cluster = try Cluster.established(3)
        try cluster.apply(0, index: 1, digest: 5)
        try cluster.apply(0, index: 3, digest: 6)
        try cluster.restore(1, index: 2, digest: 5)
        try cluster.restore(1, index: 3, digest: 6)
        try cluster.restore(1, index: 9, digest: 6)
        // A snapshot whose index is off by one.
        #expect(
            broken { () throws(InvariantViolation) in try cluster.restore(2, index: 2, digest: 6) } == "EqualDigests"
        )
    }

    // MARK: - Sessions

    @Test func sessionOnceAcceptsARetryWithTheFirstAnswer() throws {
        var cluster = try Cluster.established(3)
        try cluster.apply(0, index: 1, batch([command(sequence: 1)]), results: [.versionRaised(to: 1)])
        try cluster.apply(0, index: 2, batch([command(sequence: 1)]), results: [.versionRaised(to: 1)])
        try cluster.apply(0, index: 3, batch([command(sequence: 1)]), results: [.rejected(.belowFloor)])
        try cluster.apply(0, index: 4, batch([command(sequence: 2)]), results: [.rejected(.tooManyUnacknowledged)])
        try cluster.apply(0, index: 5, batch([command(sequence: 2)]), results: [.versionRaised(to: 1)])
    }

    @Test func sessionOnceRefusesASecondEffect() throws {
        var cluster = try Cluster.established(3)
        try cluster.apply(0, index: 1, batch([command(sequence: 1)]), results: [.versionRaised(to: 1)])
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.apply(0, index: 2, batch([command(sequence: 1)]), results: [.versionRaised(to: 2)])
            } == "SessionOnce"
        )
    }

    @Test func sessionOnceRefusesAnotherCommandOfTheSameSequence() throws {
        var cluster = try Cluster.established(3)
        try cluster.apply(0, index: 1, batch([command(sequence: 1)]), results: [.versionRaised(to: 1)])
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.apply(
                    0,
                    index: 2,
                    batch([command(sequence: 1, version: 2)]),
                    results: [.versionRaised(to: 1)]
                )
            } == "SessionOnce"
        )
    }

    // MARK: - Time

    @Test func timeMonotonicRefusesALogThatGoesBack() throws {
        var cluster = try Cluster.established(3)
        try cluster.apply(0, index: 1, batch([], time: 10))
        try cluster.apply(0, index: 2, batch([], time: 10))
        #expect(
            broken { () throws(InvariantViolation) in try cluster.apply(0, index: 3, batch([], time: 9)) }
                == "TimeMonotonic"
        )
    }

    @Test func timeMonotonicRefusesAReplicaThatGoesBack() throws {
        var cluster = try Cluster.established(3)
        try cluster.observe(0, time: 10)
        try cluster.observe(1, time: 5)
        try cluster.observe(0, time: 10)
        #expect(broken { () throws(InvariantViolation) in try cluster.observe(0, time: 9) } == "TimeMonotonic")
    }

    @Test func timeMonotonicRefusesATimeThatNoClockCanHaveCounted() throws {
        var cluster = try Cluster.established(3)
        try cluster.observe(0, time: 10, latest: 10)
        #expect(
            broken { () throws(InvariantViolation) in try cluster.observe(0, time: 12, latest: 11) } == "TimeMonotonic"
        )
    }

    @Test func aRestartBeginsWithTheTimeOfItsLog() throws {
        var cluster = try Cluster.established(3)
        try cluster.observe(0, time: 10)
        var found = cluster.replicas[0]
        found.role = .follower
        try cluster.restart(0, finding: found)
        try cluster.observe(0, time: 8)
    }

    // MARK: - Reads

    @Test func readSafetyRefusesAReadOfAnOlderState() throws {
        var cluster = try Cluster.established(3)
        let early = cluster.invariants.readAsked()
        try cluster.step(0) { $0.append(term: 1) }
        try cluster.replicate(0, to: [1])
        try cluster.commit(0, 2)
        let late = cluster.invariants.readAsked()
        try cluster.invariants.readAnswered(early, at: LogIndex(1), by: Cluster.id(2))
        try cluster.invariants.readAnswered(late, at: LogIndex(2), by: Cluster.id(2))
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.invariants.readAnswered(late, at: LogIndex(1), by: Cluster.id(2))
            } == "ReadSafety"
        )
    }
}
