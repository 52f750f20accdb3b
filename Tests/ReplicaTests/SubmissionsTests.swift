import Ledger
import Testing
import Wire

@testable import Replica

@Suite("What flies when its session is closed") struct SubmissionsTests {
    private let owner = ReplicaID(high: 1, low: 1)
    private let boot: UInt64 = 7

    /// One command that flies in the session of index 5.
    private func flying() -> Submissions<Ledger> {
        var submissions = Submissions<Ledger>(owner: owner, boot: boot, settings: ReplicaSettings())
        submissions.openSession()
        opened(&submissions, at: 5)
        submissions.submit(
            [.rotate(secret: Array(repeating: 1, count: LedgerBounds.secretBytes))],
            id: RequestID(1),
            deadline: BootTime(nanoseconds: .max),
            refusal: nil,
            version: 1
        )
        submissions.launch()
        return submissions
    }

    /// The opening of this boot is applied: the first time, or again, for a message may be late or come twice.
    private func opened(_ submissions: inout Submissions<Ledger>, at index: UInt64) {
        let opening = SequencedCommand(
            session: SessionID(rawValue: 0),
            sequence: boot,
            floor: 0,
            command: .openSession(owner: owner)
        )
        submissions.applied(
            Batch(time: .zero, commands: [opening]),
            [.sessionOpened(SessionID(rawValue: index))]
        )
    }

    @Test func fliesAgainWhereAllOfTheLogWasSeen() {
        var submissions = flying()
        opened(&submissions, at: 9)
        #expect(submissions.takeAnswers().isEmpty)
        submissions.launch()
        #expect(submissions.flightPlaces == 0..<1)
    }

    @Test func isUnknownWhereItMayHaveBeenAppliedInASkippedPart() throws {
        var submissions = flying()
        submissions.restored(SessionID(rawValue: 5))
        #expect(submissions.takeAnswers().isEmpty, "the kept result may still answer it")
        // A repeated opening closes the session, and the kept result with it.
        opened(&submissions, at: 9)
        let answers = submissions.takeAnswers()
        #expect(answers.count == 1)
        guard case .failure(.unknown)? = answers.first?.1 else {
            Issue.record("it would be applied twice")
            return
        }
        submissions.launch()
        #expect(submissions.flightPlaces.isEmpty)
        #expect(submissions.commandCount == 0)
    }

    @Test func isAnsweredByTheKeptResultWhereTheSessionLives() {
        var submissions = flying()
        submissions.restored(SessionID(rawValue: 5))
        let again = SequencedCommand(
            session: SessionID(rawValue: 5),
            sequence: 0,
            floor: 0,
            command: .rotate(secret: Array(repeating: 1, count: LedgerBounds.secretBytes))
        )
        submissions.applied(Batch(time: .zero, commands: [again]), [.rotated(epoch: 2)])
        let answers = submissions.takeAnswers()
        #expect(answers.count == 1)
        guard case .success(.applied([.rotated(epoch: 2)]))? = answers.first?.1 else {
            Issue.record("the kept result is the answer")
            return
        }
    }
}
