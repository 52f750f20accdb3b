import Raft
import Simulator
import Testing

@Suite struct MembershipInvariantTests {
    private typealias Cluster = FabricatedCluster

    private func append(_ configuration: Configuration, _ cluster: inout Cluster) throws(InvariantViolation) {
        try cluster.step(0) { $0.append(.configuration(configuration), term: 1) }
    }

    @Test func acceptsAChangeByAJointMembership() throws {
        var cluster = try Cluster.established(4)
        try append(Cluster.configuration(voters: [0, 1, 2], outgoing: [0, 1, 2, 3]), &cluster)
        try cluster.replicate(0, to: [1, 2, 3])
        try cluster.commit(0, 2)
        try append(Cluster.configuration(voters: [0, 1, 2]), &cluster)
        try cluster.replicate(0, to: [1, 2])
        try cluster.commit(0, 3)
        try append(Cluster.configuration(voters: [0, 1, 2], learners: [3]), &cluster)
    }

    @Test func acceptsThatAMembershipRevertsWithItsEntry() throws {
        var cluster = try Cluster.established(3)
        try append(Cluster.configuration(voters: [0, 1, 2], learners: [3]), &cluster)
        try cluster.elect(1, term: 2, votes: [1, 2])
        try cluster.replicate(1, to: [0])
    }

    @Test func refusesAMembershipThatDoesNotRevert() throws {
        var cluster = try Cluster.established(3)
        let larger = Cluster.configuration(voters: [0, 1, 2], learners: [3])
        try append(larger, &cluster)
        try cluster.elect(1, term: 2, votes: [1, 2])
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(0) { [entries = cluster.replicas[1].entries] in
                    $0.role = .follower
                    $0.term = Term(2)
                    $0.vote = nil
                    $0.entries = entries
                    $0.wrongConfiguration = larger
                }
            } == "ConfigurationSafety"
        )
    }

    @Test func refusesASecondChangeBeforeTheFirstIsCommitted() throws {
        var cluster = try Cluster.established(3)
        try append(Cluster.configuration(voters: [0, 1, 2], learners: [3]), &cluster)
        #expect(
            broken { () throws(InvariantViolation) in
                try append(Cluster.configuration(voters: [0, 1, 2], learners: [3, 4]), &cluster)
            } == "ConfigurationSafety"
        )
    }

    @Test func refusesAChangeBeforeTheLeaderCommittedAnything() throws {
        var cluster = try Cluster(3)
        try cluster.elect(0, term: 1, votes: [0, 1])
        #expect(
            broken { () throws(InvariantViolation) in
                try append(Cluster.configuration(voters: [0, 1, 2], learners: [3]), &cluster)
            } == "ConfigurationSafety"
        )
    }

    @Test func refusesNewVotersAtOnce() throws {
        var cluster = try Cluster.established(3)
        #expect(
            broken { () throws(InvariantViolation) in
                try append(Cluster.configuration(voters: [0, 1, 2, 3]), &cluster)
            } == "ConfigurationSafety"
        )
    }

    @Test func refusesAJointMembershipThatForgetsTheOldVoters() throws {
        var cluster = try Cluster.established(3)
        #expect(
            broken { () throws(InvariantViolation) in
                try append(Cluster.configuration(voters: [0, 1, 2, 3], outgoing: [0, 1]), &cluster)
            } == "ConfigurationSafety"
        )
    }

    @Test func refusesToLeaveAJointMembershipForOthersThanItsIncomingVoters() throws {
        var cluster = try Cluster.established(4)
        try append(Cluster.configuration(voters: [0, 1, 2], outgoing: [0, 1, 2, 3]), &cluster)
        try cluster.replicate(0, to: [1, 2, 3])
        try cluster.commit(0, 2)
        #expect(
            broken { () throws(InvariantViolation) in
                try append(Cluster.configuration(voters: [0, 1]), &cluster)
            } == "ConfigurationSafety"
        )
    }

    // MARK: - Snapshots

    private func snapshot(_ index: UInt64, term: UInt64, _ configuration: Configuration) -> SnapshotDescription {
        SnapshotDescription(
            position: LogPosition(term: Term(term), index: LogIndex(index)),
            configuration: configuration,
            bytes: 1
        )
    }

    private func take(
        _ description: SnapshotDescription,
        _ place: Int,
        _ cluster: inout Cluster
    ) throws(InvariantViolation) {
        cluster.snapshotStored(description.position, place)
        try cluster.step(place) {
            $0.snapshot = description
            $0.entries.removeAll { $0.position.index <= description.position.index }
        }
    }

    @Test func acceptsASnapshotOfWhatIsCommitted() throws {
        var cluster = try Cluster.established(3)
        try take(snapshot(1, term: 1, Cluster.configuration(voters: [0, 1, 2])), 0, &cluster)
        try cluster.step(0) { $0.append(term: 1) }
        let part = SnapshotRequest(snapshot: cluster.replicas[0].snapshot, offset: 0, length: 1, data: [0])
        try cluster.send(0, to: 1, .snapshotRequest(part))
    }

    @Test func refusesASnapshotOfWhatIsNotCommitted() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0) { $0.append(term: 1) }
        #expect(
            broken { () throws(InvariantViolation) in
                try take(snapshot(2, term: 1, Cluster.configuration(voters: [0, 1, 2])), 0, &cluster)
            } == "SnapshotSafety"
        )
    }

    @Test func refusesASnapshotOfAnotherEntry() throws {
        var cluster = try Cluster.established(3)
        let wrong = snapshot(1, term: 0, Cluster.configuration(voters: [0, 1, 2]))
        let part = SnapshotRequest(snapshot: wrong, offset: 0, length: 1, data: [0])
        #expect(
            broken { () throws(InvariantViolation) in try cluster.send(0, to: 1, .snapshotRequest(part)) }
                == "SnapshotSafety"
        )
    }

    @Test func refusesASnapshotWithAMembershipThatIsNotCommittedThere() throws {
        var cluster = try Cluster.established(3)
        let larger = Cluster.configuration(voters: [0, 1, 2], learners: [3])
        try append(larger, &cluster)
        try cluster.replicate(0, to: [1, 2])
        try cluster.commit(0, 2)
        // The newer one, for the state before it, and the older one, for the state with it.
        for bad in [snapshot(1, term: 1, larger), snapshot(2, term: 1, Cluster.configuration(voters: [0, 1, 2]))] {
            let part = SnapshotRequest(snapshot: bad, offset: 0, length: 1, data: [0])
            #expect(
                broken { () throws(InvariantViolation) in try cluster.send(0, to: 1, .snapshotRequest(part)) }
                    == "SnapshotSafety"
            )
        }
        let good = SnapshotRequest(snapshot: snapshot(2, term: 1, larger), offset: 0, length: 1, data: [0])
        try cluster.send(0, to: 1, .snapshotRequest(good))
    }

    @Test func refusesASnapshotThatGoesBack() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0) { $0.append(term: 1) }
        try cluster.replicate(0, to: [1, 2])
        try cluster.commit(0, 2)
        let configuration = Cluster.configuration(voters: [0, 1, 2])
        cluster.snapshotStored(LogPosition(term: Term(1), index: LogIndex(2)), 0)
        try cluster.step(0) { $0.snapshot = snapshot(2, term: 1, configuration) }
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(0) { $0.snapshot = snapshot(1, term: 1, configuration) }
            } == "SnapshotSafety"
        )
    }

    @Test func aFollowerThatWasFarBehindGoesOnAfterTheLeadersSnapshot() throws {
        var cluster = try Cluster.established(3)
        for _ in 0..<3 { try cluster.step(0) { $0.append(term: 1) } }
        try cluster.replicate(0, to: [1])
        try cluster.commit(0, 4)
        let description = snapshot(3, term: 1, Cluster.configuration(voters: [0, 1, 2]))
        cluster.snapshotStored(description.position, 2)
        try cluster.step(2) {
            $0.snapshot = description
            $0.entries = []
            $0.commitIndex = LogIndex(3)
            $0.appliedIndex = LogIndex(3)
        }
        try cluster.send(
            2,
            to: 0,
            .snapshotResponse(
                SnapshotResponse(position: description.position, outcome: .installed(through: LogIndex(3)))
            )
        )
        let last = cluster.replicas[0].entries[3]
        try cluster.step(2) { $0.entries = [last] }
        try cluster.send(2, to: 0, .appendResponse(.accepted(through: LogIndex(4))))
        try cluster.commit(2, 4)
    }

    @Test func refusesAnAnswerToASnapshotThatIsNotOnDisk() throws {
        var cluster = try Cluster.established(3)
        for _ in 0..<3 { try cluster.step(0) { $0.append(term: 1) } }
        try cluster.replicate(0, to: [1])
        try cluster.commit(0, 4)
        try cluster.step(2) {
            $0.snapshot = snapshot(3, term: 1, Cluster.configuration(voters: [0, 1, 2]))
            $0.entries = []
            $0.commitIndex = LogIndex(3)
        }
        let position = LogPosition(term: Term(1), index: LogIndex(3))
        let answer = SnapshotResponse(position: position, outcome: .installed(through: LogIndex(3)))
        #expect(
            broken { () throws(InvariantViolation) in try cluster.send(2, to: 0, .snapshotResponse(answer)) }
                == "DurableBeforeAcknowledged"
        )
    }
}
