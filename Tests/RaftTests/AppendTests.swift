import Testing
import Wire

@testable import Raft

/// A follower's side of AppendEntries.
@Suite struct AppendTests {
    private func accepted(_ messages: [Message]) -> [UInt64] {
        messages.compactMap {
            if case .appendResponse(.accepted(let index)) = $0.body { index.rawValue } else { nil }
        }
    }

    private func hints(_ messages: [Message]) -> [LogPosition] {
        messages.compactMap {
            if case .appendResponse(.rejected(_, let hint)) = $0.body { hint } else { nil }
        }
    }

    /// Figure 7 of the paper: what a follower's log becomes when the leader's last entries come.
    @Test(
        arguments: [
            [1, 1, 1, 4, 4, 5, 5, 6, 6], [1, 1, 1, 4], [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], [1, 1, 1, 4, 4, 4, 4], [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
        ] as [[UInt64]]
    ) func aFollowersLogBecomesTheLeaders(_ terms: [UInt64]) {
        let leader: [UInt64] = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6]
        var follower = Harness(terms: terms, term: 7)
        var previous = 10
        // The leader goes back as the hints say.
        for _ in 0..<10 {
            let position = Harness.position(leader[previous - 1], UInt64(previous))
            let message = Harness.append(term: 8, after: position, terms: Array(leader[previous...]) + [8])
            let answers = follower.settle(message)
            if accepted(answers) == [11] { break }
            guard let hint = hints(answers).first else { break }
            previous = Int(hint.index.rawValue)
            while previous > 0, leader[previous - 1] > hint.term.rawValue { previous -= 1 }
        }
        #expect(follower.terms == leader + [8])
    }

    /// openraft 9540c904, redpanda#25018: an old message is no reason to forget newer entries.
    @Test func anOldShortAppendTakesNothingAway() {
        var follower = Harness()
        let short = Harness.append(term: 1, after: .zero, terms: [1])
        #expect(accepted(follower.settle(short)) == [1])
        #expect(accepted(follower.settle(Harness.append(term: 1, after: .zero, terms: [1, 1, 1], commit: 3))) == [3])
        #expect(accepted(follower.settle(short)) == [3])
        #expect(accepted(follower.settle(Harness.append(term: 1, after: .zero))) == [3])
        #expect(follower.terms == [1, 1, 1])
        #expect(follower.raft.commitIndex == LogIndex(3))
    }

    @Test func aRepeatedAppendWritesNothing() {
        var follower = Harness()
        let message = Harness.append(term: 1, after: .zero, terms: [1, 1])
        _ = follower.settle(message)
        let again = follower.step(message)
        #expect(again.persist == nil)
        #expect(accepted(again.messages) == [2])
    }

    @Test func anEntryIsAcknowledgedWhenItIsDurable() {
        var follower = Harness(terms: [1])
        let output = follower.step(Harness.append(term: 1, after: Harness.position(1, 1), terms: [1, 1]))
        #expect(output.persist?.entries.count == 2)
        // What was there before is known to agree, and is durable.
        #expect(accepted(output.messages) == [1])
        #expect(follower.raft.durableIndex == LogIndex(1))
        #expect(accepted(follower.write().messages) == [3])
    }

    @Test func whatIsDurableIsAcknowledgedWhileTheRestIsWritten() {
        var follower = Harness(terms: [1])
        _ = follower.step(Harness.append(term: 1, after: Harness.position(1, 1), terms: [1]))
        let first = follower.lastNumber
        _ = follower.step(Harness.append(term: 1, after: Harness.position(1, 2), terms: [1]))
        #expect(accepted(follower.write(first).messages) == [2])
        #expect(accepted(follower.write().messages) == [3])
        #expect(follower.take().isEmpty)
    }

    /// The old leader must not count an entry that was on its way to the disk when another leader replaced it.
    @Test func whatWasTruncatedBeforeItWasDurableIsNotAcknowledged() {
        var follower = Harness(terms: [1])
        _ = follower.step(Harness.append(from: 2, term: 1, after: Harness.position(1, 1), terms: [1, 1]))
        let old = follower.lastNumber
        _ = follower.step(Harness.append(from: 3, term: 2, after: Harness.position(1, 1), terms: [2, 2]))
        let late = follower.write(old)
        #expect(late.messages.isEmpty)
        #expect(follower.raft.durableIndex == LogIndex(1))
        let answers = follower.write().messages
        #expect(answers.map(\.to) == [Group.id(3)])
        #expect(answers.map(\.term) == [Term(2)])
        #expect(accepted(answers) == [3])
    }

    @Test func aCommitGoesNoFurtherThanWhatAgreesWithTheLeader() {
        var follower = Harness(terms: [1, 1, 1])
        _ = follower.settle(Harness.append(term: 2, after: Harness.position(1, 1), commit: 3))
        #expect(follower.raft.commitIndex == LogIndex(1))
        let heartbeat = HeartbeatRequest(commit: LogIndex(3), round: 1)
        _ = follower.settle(Harness.message(from: 2, term: 2, .heartbeatRequest(heartbeat)))
        #expect(follower.raft.commitIndex == LogIndex(1))
        _ = follower.settle(Harness.append(term: 2, after: Harness.position(1, 1), terms: [2], commit: .max >> 2))
        #expect(follower.raft.commitIndex == LogIndex(2))
        #expect(follower.terms == [1, 2])
    }

    @Test func aHeartbeatCommitsAfterARestartInTheSameTerm() {
        var follower = Harness(terms: [1, 2])
        let heartbeat = HeartbeatRequest(commit: LogIndex(2), round: 1)
        _ = follower.settle(Harness.message(from: 2, term: 2, .heartbeatRequest(heartbeat)))
        #expect(follower.raft.commitIndex == LogIndex(2))
    }

    @Test func nothingIsAppliedBeforeItIsDurableHere() {
        var follower = Harness(terms: [1])
        let output = follower.step(Harness.append(term: 1, after: Harness.position(1, 1), terms: [1, 1], commit: 3))
        #expect(output.apply == [.entries(Harness.entries([1]))])
        #expect(follower.write().apply == [.entries(Harness.entries([1, 1], from: 2))])
    }

    @Test func whatIsCommittedIsNeverReplaced() {
        var follower = Harness(terms: [1, 1, 1])
        _ = follower.settle(Harness.append(term: 1, after: Harness.position(1, 3), commit: 3))
        #expect(follower.raft.commitIndex == LogIndex(3))
        _ = follower.settle(Harness.append(term: 5, after: Harness.position(1, 1), terms: [4, 4]))
        _ = follower.settle(Harness.append(term: 5, after: .zero, terms: [5]))
        _ = follower.settle(Harness.append(term: 5, after: Harness.position(4, 3), terms: [5]))
        #expect(follower.terms == [1, 1, 1])
    }

    @Test func anAppendThatCannotBeTrueChangesNothing() {
        let gap = [Harness.entries([1])[0], Harness.entries([1], from: 3)[0]]
        let wrong: [AppendRequest] = [
            AppendRequest(previous: Harness.position(1, 1), entries: gap, commit: .zero),
            AppendRequest(previous: Harness.position(1, 1), entries: Harness.entries([2, 1], from: 2), commit: .zero),
            AppendRequest(previous: Harness.position(1, 1), entries: Harness.entries([9], from: 2), commit: .zero),
            AppendRequest(previous: Harness.position(9, 1), entries: [], commit: .zero),
            AppendRequest(previous: Harness.position(1, .max), entries: Harness.entries([1], from: 2), commit: .zero),
            AppendRequest(
                previous: Harness.position(1, 1),
                entries: [
                    Entry(
                        position: Harness.position(2, 2),
                        payload: .configuration(
                            Configuration(members: [Group.member(Group.id(2))], voters: [Group.id(3)])
                        )
                    )
                ],
                commit: .zero
            ),
        ]
        for request in wrong {
            var follower = Harness(terms: [1])
            #expect(follower.settle(Harness.message(from: 2, term: 2, .appendRequest(request))).isEmpty)
            #expect(follower.raft.term == Term(1))
            #expect(follower.terms == [1])
        }
    }

    @Test func aFollowerWhoseDiskIsBehindTakesNoMore() {
        var settings = RaftSettings()
        settings.unpersistedBytesMax = 50
        var follower = Harness(terms: [1], settings: settings)
        _ = follower.step(Harness.append(term: 1, after: Harness.position(1, 1), terms: [1, 1, 1]))
        _ = follower.step(Harness.append(term: 1, after: Harness.position(1, 4), terms: [1]))
        #expect(follower.raft.lastPosition.index == LogIndex(4))
        _ = follower.write()
        #expect(accepted(follower.settle(Harness.append(term: 1, after: Harness.position(1, 4), terms: [1]))) == [5])
    }

    @Test func whoHasNothingTakesASnapshotFirst() {
        var blank = Harness(blank: true)
        let answers = blank.settle(Harness.append(term: 1, after: .zero, terms: [1, 1]))
        #expect(answers.map(\.body) == [.appendResponse(.rejected(previous: .zero, hint: .zero))])
        #expect(blank.raft.lastPosition == .zero)
        let request = VoteRequest(isPreVote: false, last: Harness.position(1, 1), isTransfer: true)
        #expect(
            blank.settle(Harness.message(from: 3, term: 2, .voteRequest(request))).map(\.body)
                == [.voteResponse(VoteResponse(isPreVote: false, granted: false))]
        )
    }
}
