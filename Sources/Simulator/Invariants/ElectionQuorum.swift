import Raft
import Wire

/// A leader was elected by a majority, of both sets of voters in a joint membership, whose votes are on their disks
/// (sections 5.2 and 6).
///
/// It says why before two leaders come of it: a vote counted twice, or before it was durable, or of one set for both.
struct ElectionQuorum: Invariant {
    mutating func stepped<View: RaftView>(
        _ step: Step,
        _ view: View,
        _ record: ClusterRecord
    ) throws(InvariantViolation) {
        guard step.becameLeader else { return }
        let candidate = step.id
        let term = step.after.term
        let votes = record.votes
        let hasVote = { (voter: ReplicaID) -> Bool in
            votes[ClusterRecord.VoteKey(voter: voter, term: term)] == candidate
        }
        // The membership may have changed with the same step, after the election.
        let memberships = record.replicas[step.place].configurations
        guard !record.isQuorum(of: memberships.before, where: hasVote),
            !record.isQuorum(of: memberships.after, where: hasVote)
        else { return }
        throw InvariantViolation(
            invariant: "ElectionQuorum",
            rule: "a majority's durable votes, sections 5.2 and 6",
            detail: "a leader of term \(term.rawValue) has no majority of durable votes",
            replicas: [candidate]
        )
    }
}
