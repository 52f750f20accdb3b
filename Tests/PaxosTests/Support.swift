import Paxos
import Wire

/// Replicas by number, so that tests read well.
func replica(_ number: UInt64) -> ReplicaID { ReplicaID(high: 0, low: number) }

/// Ballots by round and replica number.
func ballot(_ round: UInt64, _ number: UInt64) -> Ballot { Ballot(round: round, replica: replica(number)) }

/// Proposals by round, replica number and one byte of value.
func proposal(_ round: UInt64, _ number: UInt64, _ value: UInt8) -> Proposal {
    Proposal(ballot: ballot(round, number), value: [value])
}
