import Raft
import RaftTransport
import Testing
import Wire

@testable import Cluster

/// Whom a node talks to, by what it knows of the members.
struct PeerAdmissionTests {
    private static let cluster = ClusterID(high: 1, low: 1)

    private func id(_ number: UInt64) -> ReplicaID { ReplicaID(high: 1, low: number) }

    private func member(_ name: String, _ number: UInt64) -> Member {
        Member(id: id(number), name: name, address: "\(name):7400")
    }

    /// Node a, replica 1, in a cluster of a, b and c, as of entry 50.
    private func admission(
        known: UInt64 = 50,
        members: [Member]? = nil,
        coming: [Member] = [],
        promotion: LogIndex? = nil,
        cluster: ClusterID? = Self.cluster
    ) -> PeerAdmission {
        PeerAdmission(
            name: "a",
            address: "a:7400",
            replica: id(1),
            cluster: cluster,
            known: LogIndex(known),
            members: members ?? [member("a", 1), member("b", 2), member("c", 3)],
            coming: coming,
            promotion: promotion
        )
    }

    private func peer(
        _ name: String,
        _ number: UInt64,
        knows membership: UInt64?,
        cluster: ClusterID? = Self.cluster
    ) -> NodeIdentity {
        NodeIdentity(name: name, replica: id(number), cluster: cluster, membership: membership)
    }

    @Test func `members are let in, however little or much they know`() {
        for known in [nil, 0, 49, 50, 51, .max] as [UInt64?] {
            #expect(admission().objection(to: peer("b", 2, knows: known)) == nil)
        }
    }

    @Test func `a removed node is told so, and what to do`() {
        let text = admission().objection(to: peer("d", 4, knows: 50))
        #expect(text?.hasPrefix("d was removed from the cluster, with its replica \(id(4)): stop it; or clear") == true)
        #expect(text?.contains("\"tollgate cluster add d\"") == true)
    }

    @Test func `the old disk of a node that was replaced is told so, and what to do`() {
        let text = admission().objection(to: peer("b", 9, knows: 12))
        #expect(text?.hasPrefix("b has an old disk: its replica \(id(9)) is no member any more") == true)
        #expect(text?.contains("replaced by \(id(2))") == true)
        #expect(text?.contains("\"tollgate cluster replace b\"") == true)
    }

    @Test func `a member's disk in another node is refused, whatever it knows`() {
        for known in [nil, 12, 51] as [UInt64?] {
            let text = admission().objection(to: peer("d", 2, knows: known))
            #expect(text?.hasPrefix("d has the disk of member b") == true)
        }
        let renaming = admission(coming: [member("a", 1), member("d", 2), member("c", 3)])
        #expect(renaming.objection(to: peer("d", 2, knows: 12)) == nil)
    }

    @Test func `a copy of this node's own disk is refused`() {
        for name in ["a", "b"] {
            for known in [nil, 3, 99] as [UInt64?] {
                #expect(admission().objection(to: peer(name, 1, knows: known))?.contains("a copy of its disk") == true)
            }
        }
    }

    @Test func `who has no place and says so is let in, also with a member's name on another disk`() {
        for name in ["b", "d"] {
            #expect(admission().objection(to: peer(name, 9, knows: nil)) == nil)
            #expect(admission().objection(to: peer(name, 9, knows: nil, cluster: nil)) == nil)
        }
        func remark(_ name: String, _ number: UInt64, knows membership: UInt64?) -> String? {
            admission().remark(
                on: PeerIdentity(
                    name: name,
                    replica: id(number),
                    cluster: Self.cluster,
                    membership: membership,
                    lane: .messages
                )
            )
        }
        #expect(remark("b", 9, knows: nil)?.contains("run \"tollgate cluster replace b\"") == true)
        #expect(remark("d", 9, knows: nil) == nil)
        #expect(remark("b", 2, knows: nil) == nil)
    }

    @Test func `a node that founds, or waits, knows nothing and lets all in`() {
        for own in [admission(known: 0, members: [], cluster: nil), admission(known: 0, members: [])] {
            #expect(own.identity.membership == nil)
            for known in [nil, 0, 7] as [UInt64?] {
                #expect(own.objection(to: peer("d", 4, knows: known)) == nil)
            }
        }
    }

    @Test func `who knows more is believed: members that were added while this node was away`() {
        // Of all whom a knew none is left.
        let now = [member("d", 4), member("e", 5), member("f", 6)]
        let away = admission()
        for one in now {
            #expect(away.objection(to: peer(one.name, one.id.low, knows: 80)) == nil)
        }
        // And they tell a that it was removed, though it says that it is a member.
        let other = PeerAdmission(
            name: "d",
            address: "d:7400",
            replica: id(4),
            cluster: Self.cluster,
            known: LogIndex(80),
            members: now
        )
        #expect(away.identity.membership == 50)
        #expect(other.objection(to: away.identity)?.hasPrefix("a was removed") == true)
    }

    @Test func `a member that was just added is refused for no longer than it takes to hear of it`() {
        let added = PeerAdmission(
            name: "d",
            address: "d:7400",
            replica: id(4),
            cluster: Self.cluster,
            known: LogIndex(60),
            members: [member("a", 1), member("b", 2), member("c", 3), member("d", 4)]
        )
        #expect(admission(known: 50).objection(to: added.identity) == nil, "it knows more")
        #expect(added.objection(to: admission(known: 50).identity) == nil)
        // Taken back before it was heard of: a later connection is judged by later knowledge.
        let left = admission(known: 70)
        #expect(left.objection(to: added.identity)?.hasPrefix("d was removed") == true)
        // Added once more, which is in the log and not decided yet.
        #expect(admission(known: 70, coming: [member("d", 4)]).objection(to: added.identity) == nil)
    }

    @Test func `a node says that it is a member only where it is one`() {
        var own = peer("a", 1, knows: 50)
        own.address = "a:7400"
        #expect(admission().identity == own)
        own.membership = nil
        #expect(admission(members: [member("b", 2)]).identity == own)
        // It is being admitted. Who does not know of it yet does not take it for one that was removed.
        own.membership = NodeIdentity.undecided
        #expect(admission(members: [member("b", 2)], coming: [member("a", 1), member("b", 2)]).identity == own)
        let b = PeerAdmission(
            name: "b",
            address: "b:7400",
            replica: id(2),
            cluster: Self.cluster,
            known: LogIndex.max,
            members: [member("b", 2)]
        )
        #expect(b.objection(to: own) == nil)
        #expect(b.objection(to: admission().identity)?.hasPrefix("a was removed") == true)
        // What makes it a voter came after what made it a member.
        own.membership = 60
        let promoted = admission(
            members: [member("b", 2)],
            coming: [member("a", 1), member("b", 2)],
            promotion: LogIndex(60)
        )
        #expect(promoted.identity == own)
    }
}
