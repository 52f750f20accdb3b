import Raft
import Simulator
import Testing

@Suite struct DiskInvariantTests {
    private typealias Cluster = FabricatedCluster

    private func accepted(_ index: UInt64) -> Message.Body { .appendResponse(.accepted(through: LogIndex(index))) }

    @Test func acknowledgedDurableRefusesACommitOnAMinorityOfDisks() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0) { $0.append(term: 1) }
        #expect(broken { () throws(InvariantViolation) in try cluster.commit(0, 2) } == "AcknowledgedDurable")
        try cluster.replicate(0, to: [2])
        try cluster.commit(0, 2)
    }

    @Test func acknowledgedDurableCountsTheLeadersOwnDiskLikeAnyOther() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0, durable: false) { $0.append(term: 1) }
        let entries = cluster.replicas[0].entries
        try cluster.step(1) { $0.entries = entries }
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(0, durable: false) { $0.commitIndex = LogIndex(2) }
            } == "AcknowledgedDurable"
        )
    }

    @Test func acknowledgedDurableRefusesALoneNodeThatDoesNotWaitForItsDisk() throws {
        var cluster = try Cluster(1)
        try cluster.elect(0, term: 1, votes: [0])
        try cluster.commit(0, 1)
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(0, durable: false) {
                    $0.append(term: 1)
                    $0.commitIndex = LogIndex(2)
                }
            } == "AcknowledgedDurable"
        )
    }

    @Test func acknowledgedDurableAsksBothSetsOfAJointMembership() throws {
        var cluster = try Cluster.established(5)
        let joint = Cluster.configuration(voters: [0, 1, 2], outgoing: [0, 1, 2, 3, 4])
        try cluster.step(0) { $0.append(.configuration(joint), term: 1) }
        try cluster.replicate(0, to: [1])
        try cluster.replicate(0, to: [3, 4])
        try cluster.commit(0, 2)
        try cluster.step(0) { $0.append(term: 1) }
        // A majority of all five, and no majority of the three.
        try cluster.replicate(0, to: [3, 4])
        #expect(broken { () throws(InvariantViolation) in try cluster.commit(0, 3) } == "AcknowledgedDurable")
        try cluster.replicate(0, to: [1])
        try cluster.commit(0, 3)
    }

    @Test func acknowledgedDurableAcceptsWhatACrashMayLoseAndWhatItMayKeep() throws {
        for kept in 0...2 {
            var cluster = try Cluster.established(3)
            try cluster.step(0, durable: false) {
                $0.append(term: 1)
                $0.append(term: 1)
            }
            var found = cluster.replicas[0]
            found.role = .follower
            found.commitIndex = .zero
            found.cut(from: 2 + UInt64(kept))
            try cluster.restart(0, finding: found)
        }
    }

    @Test func acknowledgedDurableAcceptsAReplacementThatReachedTheDisk() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0) {
            $0.append(term: 1)
            $0.append(term: 1)
        }
        try cluster.elect(1, term: 2, votes: [1, 2])
        try cluster.step(0, durable: false) { [entries = cluster.replicas[1].entries] in
            $0.role = .follower
            $0.term = Term(2)
            $0.vote = nil
            $0.entries = entries
        }
        var found = cluster.replicas[0]
        found.commitIndex = .zero
        try cluster.restart(0, finding: found)
    }

    @Test(arguments: [true, false])
    func acknowledgedDurableAcceptsASnapshotInPlaceOfALogThatContradictsItOnceItIsHandedOver(_ isHanded: Bool) throws {
        var cluster = try Cluster.established(3)
        // Nobody else gets it.
        try cluster.step(0) { $0.append(term: 1) }
        try cluster.elect(1, term: 2, votes: [1, 2])
        if cluster.replicas[1].lastPosition.index < LogIndex(2) { try cluster.step(1) { $0.append(term: 2) } }
        try cluster.replicate(1, to: [2])
        try cluster.commit(1, 2)
        try cluster.step(0) {
            $0.role = .follower
            $0.term = Term(2)
            $0.vote = nil
        }
        let position = LogPosition(term: Term(2), index: LogIndex(2))
        if isHanded { cluster.snapshotHanded(position, 0) }
        var found = cluster.replicas[0]
        found.snapshot = SnapshotDescription(
            position: position,
            configuration: Cluster.configuration(voters: [0, 1, 2]),
            bytes: 1
        )
        found.entries = []
        found.commitIndex = position.index
        let violation = broken { () throws(InvariantViolation) in try cluster.restart(0, finding: found) }
        #expect(violation == (isHanded ? nil : "AcknowledgedDurable"))
    }

    @Test func acknowledgedDurableRefusesADiskThatLostEntries() throws {
        var cluster = try Cluster.established(3)
        var found = cluster.replicas[1]
        found.commitIndex = .zero
        found.cut(from: 1)
        #expect(
            broken { () throws(InvariantViolation) in try cluster.restart(1, finding: found) } == "AcknowledgedDurable"
        )
    }

    @Test func acknowledgedDurableRefusesADiskThatLostAVote() throws {
        var cluster = try Cluster.established(3)
        var found = cluster.replicas[1]
        found.commitIndex = .zero
        found.vote = nil
        #expect(
            broken { () throws(InvariantViolation) in try cluster.restart(1, finding: found) } == "AcknowledgedDurable"
        )
        found.vote = Cluster.id(0)
        found.term = .zero
        #expect(
            broken { () throws(InvariantViolation) in try cluster.restart(1, finding: found) } == "AcknowledgedDurable"
        )
    }

    @Test func durableBeforeAcknowledgedRefusesAnAnswerBeforeTheDisk() throws {
        var cluster = try Cluster.established(3)
        try cluster.step(0) { $0.append(term: 1) }
        let entries = cluster.replicas[0].entries
        try cluster.step(1, durable: false) { $0.entries = entries }
        #expect(
            broken { () throws(InvariantViolation) in try cluster.send(1, to: 0, accepted(2)) }
                == "DurableBeforeAcknowledged"
        )
        try cluster.send(1, to: 0, accepted(1))
        cluster.synchronize(1)
        try cluster.send(1, to: 0, accepted(2))
    }

    @Test func durableBeforeAcknowledgedRefusesAnIndexThatWasRefilledSince() throws {
        // Entry 2 of term 1 is durable; entry 2 of term 2 took its place in memory, and waits for the disk.
        var cluster = try Cluster.established(3)
        try cluster.step(0) { $0.append(term: 1) }
        try cluster.replicate(0, to: [2])
        try cluster.elect(1, term: 2, votes: [0, 1])
        let entries = cluster.replicas[1].entries
        try cluster.step(2, durable: false) {
            $0.term = Term(2)
            $0.vote = nil
            $0.entries = entries
        }
        #expect(
            broken { () throws(InvariantViolation) in try cluster.send(2, to: 1, accepted(2)) }
                == "DurableBeforeAcknowledged"
        )
    }

    @Test func durableBeforeAcknowledgedRefusesWhatIsNotThere() throws {
        var cluster = try Cluster.established(3)
        #expect(
            broken { () throws(InvariantViolation) in try cluster.send(1, to: 0, accepted(2)) }
                == "DurableBeforeAcknowledged"
        )
    }
}
