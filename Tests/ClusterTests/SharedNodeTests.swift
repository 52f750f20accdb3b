import Ledger
import Raft
import RaftStorage
import Testing
import Wire

@testable import Cluster
@testable import Replica

/// What other loops learn from a node's state.
@Suite struct SharedNodeTests {
    private static let id = ReplicaID(high: 1, low: 1)
    private static let cluster = ClusterID(high: 1, low: 2)

    private static func spend(_ policy: PolicyID) -> Spend {
        Spend(
            challenge: ChallengeID(high: 7, low: 7),
            policy: policy,
            issued: .zero,
            challengeLifetime: 300,
            passLifetime: 600,
            grants: 10,
            binding: 5,
            idempotencyKey: nil
        )
    }

    /// The state of a cluster of one after a challenge was redeemed, and how.
    private static func ledger() -> (ledger: Ledger, spend: Spend) {
        var ledger = Ledger(genesis: Genesis(clusterID: cluster, secret: Array(repeating: 1, count: 32)))
        let limit = LimitDefinition(role: .free, key: "client", interval: 1_000_000_000, burst: 10)
        let policy = PolicyDefinition(name: "api", maxKeys: 100, limits: [limit])
        func apply(_ number: UInt64, _ command: Command) {
            let sequenced = SequencedCommand(
                session: SessionID(rawValue: 1),
                sequence: number,
                floor: number,
                command: command
            )
            _ = ledger.apply(Batch(time: .zero, commands: [sequenced]), index: number)
        }
        apply(1, .openSession(owner: id))
        apply(2, .setPolicies(expectedRevision: 0, policies: [policy]))
        let spend = spend(ledger.facts.policies[0].id)
        apply(3, .spend(spend))
        return (ledger, spend)
    }

    static func node() throws -> (shared: SharedNode, spend: Spend) {
        let (ledger, spend) = ledger()
        let member = Member(id: id, name: "a", address: "localhost:0")
        let snapshot = SnapshotDescription(
            position: LogPosition(term: Term(1), index: LogIndex(3)),
            configuration: Configuration(members: [member], voters: [id]),
            bytes: 1
        )
        let recovered = RecoveredReplica(
            identity: StorageIdentity(cluster: cluster, node: "a", replica: id),
            restored: RestoredState(hardState: HardState(term: Term(1), vote: nil), snapshot: snapshot, entries: []),
            machine: ledger,
            clock: nil
        )
        let shared = SharedNode(
            try Node(
                configuration: NodeConfiguration(
                    name: "a",
                    seeds: FoundingSeeds([FoundingSeed(name: "a", address: "localhost:0")]),
                    founding: FoundingSettings(),
                    replica: ReplicaSettings()
                ),
                start: NodeStart(record: nil, replica: recovered, damage: nil),
                candidate: FoundingCandidate(cluster: cluster, secret: Array(repeating: 2, count: 32)),
                drawn: id,
                now: .zero,
                wall: WallTime(nanoseconds: 0),
                seed: 1
            )
        )
        return (shared, spend)
    }

    @Test func aStateThatIsKnownToBeWrongSaysNothingOfARedemption() throws {
        let (shared, spend) = try Self.node()
        #expect(shared.spent(spend) == .alreadySpent)
        shared.withNode { node -> Void in
            node.replica?.divergence = Divergence(
                index: LogIndex(3),
                digest: LedgerDigest(high: 1, low: 1),
                sources: [],
                now: .zero
            )
        }
        #expect(shared.spent(spend) == nil)
        shared.withNode { node -> Void in node.replica?.divergence = nil }
        #expect(shared.spent(spend) == .alreadySpent)
    }

    @Test func norDoesOneThatNoMajoritySharesIfNobodyKnowsWhoseIsRight() throws {
        let (shared, spend) = try Self.node()
        shared.withNode { node -> Void in node.replica?.dispute = Dispute(index: LogIndex(3), since: .zero) }
        #expect(shared.spent(spend) == .alreadySpent, "whoever has not answered may settle it")
        shared.withNode { node -> Void in node.replica?.dispute?.isDeclared = true }
        #expect(shared.spent(spend) == nil)
    }
}
