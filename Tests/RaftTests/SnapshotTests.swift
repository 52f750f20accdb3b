import TestSupport
import Testing
import Wire

@testable import Raft

@Suite struct SnapshotTests {
    /// A group of three in which the third lacks what the leader has compacted.
    private func behind(adjust: (inout RaftSettings) -> Void = { _ in }) -> Group {
        var group = Group(3, adjust: adjust)
        group.elect(1)
        group.isolate(3)
        for number in 0..<20 { group.propose([UInt8(number), 1, 2, 3]) }
        group[1].compact()
        group[2].compact()
        return group
    }

    @Test func aFollowerThatLacksWhatIsGoneIsSentASnapshot() {
        var group = behind { $0.snapshotChunkBytes = 10 }
        group.heal()
        group.tick(40)
        #expect(group[3].machine == group[1].machine)
        #expect(group[3].raft.snapshot == group[1].raft.snapshot)
        #expect(group[1].raft.progress[2].progress.state == .replicate)
        group.propose([7])
        #expect(group[3].machine.commands.last == [7])
    }

    @Test func theWindowOfPartsIsKept() {
        var group = behind {
            $0.snapshotChunkBytes = 10
            $0.snapshotChunksInflightMax = 2
        }
        group.heal()
        group[3].isDiskSlow = true
        for _ in 0..<30 { group.tick() }
        func parts() -> [UInt64] {
            group.sent.compactMap {
                if case .snapshotRequest(let request) = $0.body { request.offset } else { nil }
            }
        }
        // What the disk has not written is not asked for again and again, nor more of it.
        #expect(Set(parts()).isSubset(of: [0, 10]))
        for _ in 0..<200 {
            group[3].write(1)
            group.tick()
        }
        #expect(group[3].machine == group[1].machine)
    }

    @Test func lostAndRepeatedPartsDoNotMatter() {
        var random = Xoshiro256(seed: seed())
        for _ in 0..<20 {
            var group = behind {
                $0.snapshotChunkBytes = 7
                $0.retryTicks = 3
            }
            group.heal()
            // As long as it takes: whenever heartbeats are lost in a row, another leads, and it begins anew.
            for _ in 0..<20_000 where group[3].machine.commands.count < 20 {
                for number in 1...3 { group[number].act { $0.tick() } }
                while !group.network.isEmpty {
                    let position = random.inRange(0...group.network.count - 1)
                    switch random.below(10) {
                    case 0, 1: group.drop(at: position)
                    case 2: group.deliver(at: position, keeping: true)
                    default: group.deliver(at: position)
                    }
                }
                group.check()
            }
            #expect(group[3].machine.commands.count == 20)
        }
    }

    @Test func aFollowerThatFailsInTheMiddleBeginsAnew() {
        var group = behind {
            $0.snapshotChunkBytes = 10
            $0.snapshotChunksInflightMax = 1
        }
        group.heal()
        var delivered = 0
        group.isDelivered = { message in
            if case .snapshotRequest = message.body { return message.to == Group.id(3) }
            return true
        }
        for _ in 0..<40 where delivered < 4 {
            for number in 1...3 { group[number].act { $0.tick() } }
            while !group.network.isEmpty, delivered < 4 {
                if case .snapshotRequest = group.network[0].body { delivered += 1 }
                group.deliverFirst()
            }
        }
        #expect(delivered == 4)
        group.crash(3)
        group.restart(3)
        group.tick(200)
        #expect(group[3].machine == group[1].machine)
    }

    @Test func aNewLeaderBeginsItsOwnTransfer() {
        var group = behind { $0.snapshotChunkBytes = 10 }
        group.heal()
        group.isDelivered = { message in
            if case .snapshotRequest(let request) = message.body { return request.offset < 20 }
            return true
        }
        group.tick(30)
        group.crash(1)
        group.isDelivered = { _ in true }
        group.tick(100)
        #expect(group.leader == 2)
        #expect(group[3].machine == group[2].machine)
    }

    /// canonical/raft#354, openraft#1808: a snapshot's membership is the one of its position, committed, and counts.
    @Test func aSnapshotBringsTheMembershipOfItsPosition() throws {
        var group = Group(3)
        group.elect(1)
        group.isolate(3)
        try group[1].act {
            _ = try $0.propose(ConfigurationChange([.addLearner(Group.member(Group.id(9)))]))
        }
        group.settle()
        group.propose([1])
        group[1].isDiskSlow = true
        try group[1].act {
            _ = try $0.propose(ConfigurationChange([.addLearner(Group.member(Group.id(8)))]))
        }
        // Not committed: not in the snapshot.
        group[1].compact()
        #expect(group[1].raft.snapshot.configuration.learners == [Group.id(9)])
        #expect(group[1].raft.configuration.learners == [Group.id(8), Group.id(9)])
        group[1].isDiskSlow = false
        group[1].write()
        group.heal()
        group.tick(40)
        #expect(group[3].raft.configuration == group[1].raft.configuration)
        #expect(group[3].raft.snapshot.configuration.learners == [Group.id(9)])
    }

    @Test func compactionLeavesWhatASlowFollowerNeeds() {
        var group = Group(3)
        group.elect(1)
        group.isolate(3)
        group.propose([1], [2], [3])
        group[1].compact(keeping: 3)
        group.heal()
        group.tick(40)
        #expect(group[3].machine == group[1].machine)
        #expect(!group.sent.contains { if case .snapshotRequest = $0.body { true } else { false } })
    }

    @Test func aMemberThatIsSentASnapshotIsNotSentTheNextOne() {
        var group = behind { $0.snapshotChunkBytes = 10 }
        group.heal()
        // The transfer begins, and stands still while the log is compacted again and again.
        group.isDelivered = {
            if case .snapshotRequest(let request) = $0.body { request.offset < 50 } else { true }
        }
        group.tick(20)
        let first = group[1].raft.snapshot
        #expect(group[1].raft.snapshotsBeingSent == [first])
        group.propose([7], [8])
        group[1].compactWithoutFile()
        #expect(group[1].raft.snapshot != first)
        #expect(group[1].raft.firstIndex == first.position.index + 1)
        group.isDelivered = { _ in true }
        group.tick(100)
        #expect(group[3].machine == group[1].machine)
        #expect(group[3].raft.snapshot == first)
    }

    @Test func whatIsKeptForAMemberThatIsSentASnapshotIsBounded() {
        var group = behind {
            $0.snapshotChunkBytes = 10
            $0.retainedBytesMax = 100
        }
        group.heal()
        group.isDelivered = {
            if case .snapshotRequest(let request) = $0.body { request.offset < 50 } else { true }
        }
        group.tick(20)
        for number in 0..<20 { group.propose([UInt8(number)]) }
        group[1].compactWithoutFile()
        #expect(group[1].raft.firstIndex == group[1].raft.lastPosition.index + 1)
    }

    // MARK: - One follower

    private static let configuration = Harness(voters: 3).raft.configuration

    private func part(
        _ index: UInt64,
        term: UInt64 = 2,
        from: Int = 2,
        offset: UInt64 = 0,
        data: [UInt8],
        of bytes: UInt64
    ) -> Message {
        let snapshot = SnapshotDescription(
            position: Harness.position(1, index),
            configuration: Self.configuration,
            bytes: bytes
        )
        return Harness.message(
            from: from,
            term: term,
            .snapshotRequest(
                SnapshotRequest(snapshot: snapshot, offset: offset, length: UInt32(data.count), data: data)
            )
        )
    }

    private func outcomes(_ messages: [Message]) -> [SnapshotResponse.Outcome] {
        messages.compactMap {
            if case .snapshotResponse(let response) = $0.body { response.outcome } else { nil }
        }
    }

    @Test func aSnapshotThatIsBehindIsNotTaken() {
        var follower = Harness(terms: [1, 1, 1])
        _ = follower.settle(Harness.append(term: 2, after: Harness.position(1, 3), commit: 2))
        let output = follower.settle(part(2, data: [1], of: 1))
        #expect(outcomes(output) == [.installed(through: LogIndex(2))])
        #expect(follower.raft.lastPosition.index == LogIndex(3))
    }

    @Test func aSnapshotThatTheLogHasIsNotTaken() {
        var follower = Harness(terms: [1, 1, 1])
        let output = follower.settle(part(3, data: [1], of: 1))
        #expect(output.map(\.body) == [.appendResponse(.accepted(through: LogIndex(3)))])
        #expect(follower.raft.commitIndex == LogIndex(3))
    }

    @Test func aSnapshotOfWhatIsNotYetDurableIsAcknowledgedWhenItIs() {
        var follower = Harness(terms: [1], term: 2)
        _ = follower.step(Harness.append(term: 2, after: Harness.position(1, 1), terms: [1, 1, 1], commit: 4))
        #expect(follower.raft.commitIndex == LogIndex(4))
        let early = follower.step(part(3, data: [1], of: 1))
        #expect(early.messages.isEmpty)
        #expect(early.snapshotParts.isEmpty)
        #expect(follower.raft.commitIndex == LogIndex(4))
        #expect(follower.write().messages.map(\.body) == [.appendResponse(.accepted(through: LogIndex(4)))])
        #expect(outcomes(follower.settle(part(3, data: [1], of: 1))) == [.installed(through: LogIndex(3))])
    }

    @Test func theLogStaysAsItIsUntilTheSnapshotIsOnDisk() {
        var follower = Harness(terms: [1])
        let output = follower.step(part(5, data: [1, 2], of: 2))
        #expect(output.snapshotParts.map(\.isLast) == [true])
        #expect(output.apply.isEmpty)
        #expect(follower.raft.commitIndex == .zero)
        // Meanwhile nothing is appended, nor does it campaign.
        #expect(follower.settle(Harness.append(term: 2, after: Harness.position(1, 1), terms: [2])).isEmpty)
        for _ in 0..<100 { _ = follower.act { $0.tick() } }
        #expect(follower.raft.role == .follower)
        let done = follower.act { $0.snapshotInstalled(1) }
        #expect(follower.raft.lastPosition == Harness.position(1, 5))
        #expect(follower.raft.durableIndex == LogIndex(5))
        #expect(done.apply.count == 1)
    }

    @Test func theAnswerComesWhenTheSnapshotIsInstalled() {
        var follower = Harness(terms: [1], term: 2)
        _ = follower.step(part(5, data: [1, 2], of: 2))
        #expect(follower.settle(part(5, data: [1, 2], of: 2)).isEmpty)
        let done = follower.act { $0.snapshotInstalled(1) }
        #expect(outcomes(done.messages) == [.installed(through: LogIndex(5))])
        guard case .restore(let description)? = done.apply.first else {
            Issue.record("not restored")
            return
        }
        #expect(description.position == Harness.position(1, 5))
        _ = follower.act { $0.applied(through: LogIndex(5)) }
        #expect(outcomes(follower.settle(part(5, data: [1, 2], of: 2))) == [.installed(through: LogIndex(5))])
    }

    @Test func whatTheDiskSaysOfAnEarlierTransferIsNotOfThisOne() {
        var follower = Harness(terms: [1, 1], term: 1)
        let snapshot = SnapshotDescription(
            position: Harness.position(1, 10),
            configuration: follower.raft.configuration,
            bytes: 20
        )
        func part(_ leader: Int, _ term: UInt64, _ offset: UInt64) -> Message {
            Harness.message(
                from: leader,
                term: term,
                .snapshotRequest(
                    SnapshotRequest(
                        snapshot: snapshot,
                        offset: offset,
                        length: 10,
                        data: Array(repeating: 0, count: 10)
                    )
                )
            )
        }
        // The first part of one leader will be refused, for want of room; the next leader sends all of it.
        let early = follower.step(part(2, 2, 0)).snapshotParts.map(\.transfer)
        _ = follower.step(part(3, 3, 0))
        let last = follower.step(part(3, 3, 10)).snapshotParts
        #expect(last.map(\.isLast) == [true])
        #expect(early != last.map(\.transfer))
        _ = follower.act { $0.snapshotRefused(early[0]) }
        _ = follower.write()
        _ = follower.act { $0.snapshotInstalled(last[0].transfer) }
        #expect(follower.raft.snapshot.position == snapshot.position)
    }

    @Test func aRefusedSnapshotIsSaidToBe() {
        var follower = Harness(terms: [1], term: 2)
        _ = follower.step(part(5, data: [1, 2], of: 2))
        let refused = follower.act { $0.snapshotRefused(1) }
        #expect(outcomes(refused.messages) == [.refused])
        #expect(follower.step(part(5, data: [1], of: 2)).snapshotParts.map(\.offset) == [0])
    }

    @Test func aPartThatCannotBeTrueIsDropped() {
        var follower = Harness(terms: [1], term: 2)
        var wrong = part(5, data: [1, 2], of: 4)
        guard case .snapshotRequest(var request) = wrong.body else { return }
        request.length = 3
        wrong.body = .snapshotRequest(request)
        let messages = [
            wrong, part(5, offset: 3, data: [1, 2], of: 4), part(5, offset: .max, data: [1], of: 4),
            part(5, data: [], of: 4), part(.max, data: [1], of: 1), part(5, offset: 5, data: [], of: 0),
        ]
        for message in messages { #expect(follower.step(message).isEmpty) }
    }

    @Test func partsOfAnotherLeadersFileAreNotMixedIn() {
        var follower = Harness(terms: [1], term: 2)
        #expect(follower.step(part(5, data: [1, 2], of: 4)).snapshotParts.count == 1)
        let other = follower.step(part(5, term: 3, from: 3, offset: 2, data: [3, 4], of: 4))
        #expect(other.snapshotParts.isEmpty)
        let first = follower.step(part(5, term: 3, from: 3, data: [9, 9], of: 4))
        #expect(first.snapshotParts.map(\.offset) == [0])
    }
    /// The leader would take an answer of what a crash may yet take away for good, and never send it again.
    @Test func whoHasTheEntriesOfASnapshotSaysSoWhenTheyAreDurable() {
        var follower = Harness(terms: [1, 1], term: 2)
        let appended = follower.step(
            Harness.append(term: 2, after: Harness.position(1, 2), terms: [1, 1, 1], commit: 5)
        )
        #expect(appended.persist?.entries.count == 3)
        #expect(follower.raft.commitIndex == LogIndex(5))
        for index in [4, 5] as [UInt64] {
            let answered = follower.step(part(index, data: [9, 9], of: 2))
            #expect(answered.messages.isEmpty)
            #expect(answered.snapshotParts.isEmpty)
            #expect(follower.raft.commitIndex == LogIndex(5))
        }
        let written = follower.write()
        #expect(
            written.messages.map(\.body) == [.appendResponse(.accepted(through: LogIndex(5)))]
        )
        let again = follower.step(part(4, data: [9, 9], of: 2))
        #expect(
            again.messages.map(\.body) == [
                .snapshotResponse(
                    SnapshotResponse(position: Harness.position(1, 4), outcome: .installed(through: LogIndex(4)))
                )
            ]
        )
    }
}
