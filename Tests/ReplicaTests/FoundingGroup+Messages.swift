import Paxos
import Raft
import Wire

@testable import Replica

/// Short words for the tests of founding.
protocol FoundingWords {}

extension FoundingWords {
    var all: [String] { ["a", "b", "c"] }

    func replica(_ number: UInt64) -> ReplicaID { FoundingGroup.replica(number) }

    func vote(
        _ message: PaxosMessage,
        from number: UInt64,
        _ sender: String,
        to receiver: UInt64,
        of names: [String]
    ) -> FoundingMessage {
        FoundingMessage(
            from: replica(number),
            sender: sender,
            to: replica(receiver),
            instance: FoundingInstance(FoundingGroup.seeds(names)),
            body: .vote(message)
        )
    }

    func value(_ members: [(String, UInt64)], version: UInt32 = 1, cluster: UInt64 = 50) -> FoundingValue {
        FoundingValue(
            cluster: ClusterID(high: 9, low: cluster),
            secret: Array(repeating: 5, count: 32),
            ledgerVersion: version,
            maxRecords: 1_000,
            members: members.map { name, number in
                Member(id: replica(number), name: name, address: FoundingGroup.seed(name).address)
            }
        )
    }

    func accept(_ value: FoundingValue, round: UInt64 = 5, replica number: UInt64 = 2) -> PaxosMessage {
        .accept(Proposal(ballot: Ballot(round: round, replica: replica(number)), value: value.encode()))
    }
}
