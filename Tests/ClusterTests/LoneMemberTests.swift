import RaftTransport
import Replica
import Testing
import Wire

@testable import Cluster

/// Whether a node is the only member of its cluster by mistake, by who dials it.
@Suite struct LoneMemberTests {
    private static let theirs = ClusterID(high: 0, low: 2)
    private static let before = BootTime(nanoseconds: 9)
    private static let after = BootTime(nanoseconds: 10)

    private func lone(
        isRecovered: Bool = false,
        hasPeers: Bool = true,
        seeds: [String] = ["a", "b", "c"]
    ) throws -> LoneMember {
        let seeds = try FoundingSeeds(seeds.map { FoundingSeed(name: $0, address: "\($0):1") })
        return LoneMember(
            own: "a",
            seeds: seeds,
            hasPeers: hasPeers,
            isRecovered: isRecovered,
            listensUntil: Self.after
        )
    }

    private func node(_ name: String, cluster: ClusterID? = theirs, membership: UInt64? = 5) -> NodeIdentity {
        NodeIdentity(name: name, replica: ReplicaID(high: 0, low: 7), cluster: cluster, membership: membership)
    }

    @Test func aSeedThatTakesItForAMemberOfAnotherClusterIsTheProofUntilItConnectsInPeace() throws {
        var lone = try lone()
        #expect(lone.standing(isAlone: true, now: Self.before) == .listening)
        #expect(lone.standing(isAlone: true, now: Self.after) == .well)
        lone.refused(node("c"))
        lone.refused(node("b"))
        for now in [Self.before, Self.after, BootTime(nanoseconds: .max)] {
            #expect(lone.standing(isAlone: true, now: now) == .astray(seeds: ["b", "c"], Self.theirs))
            #expect(lone.standing(isAlone: false, now: now) == .well, "it has been joined, or waits itself")
        }
        lone.met("b", isFellow: false)
        #expect(lone.standing(isAlone: true, now: Self.after) == .astray(seeds: ["c"], Self.theirs))
        lone.met("c", isFellow: false)
        #expect(lone.standing(isAlone: true, now: Self.before) == .well, "all have come: there is nobody to listen for")
    }

    @Test func oneThatIsBeingAdmittedThereIsProofToo() throws {
        var lone = try lone()
        lone.refused(node("b", membership: NodeIdentity.undecided))
        #expect(lone.standing(isAlone: true, now: Self.after) == .astray(seeds: ["b"], Self.theirs))
    }

    /// The folder is from before the node grew, and the others have connected in peace.
    @Test func aMemberOfItsOwnClusterShowsThatItsFolderIsAnEarlierOne() throws {
        var lone = try lone()
        lone.met("b", isFellow: true)
        lone.met("c", isFellow: true)
        for now in [Self.before, Self.after] {
            #expect(lone.standing(isAlone: true, now: now) == .outgrown(by: ["b", "c"]))
        }
        // The leader has told it the rest; later it is the last one again, as it knows itself.
        let joined = lone.review(isAlone: false, now: Self.after)
        lone.met("b", isFellow: true)
        let last = lone.review(isAlone: true, now: Self.after)
        #expect(joined == .well && last == .well)
        lone.met("b", isFellow: true)
        #expect(lone.standing(isAlone: true, now: Self.after) == .outgrown(by: ["b"]))
    }

    @Test func whoElseIsRefusedProvesNothing() throws {
        var lone = try lone()
        lone.refused(node("x"))
        lone.refused(node("a"))
        // It founds, or waits to be admitted somewhere.
        lone.refused(node("b", membership: nil))
        lone.refused(node("b", cluster: nil))
        #expect(lone.standing(isAlone: true, now: Self.after) == .well)
    }

    @Test func whoListensForNobodyOrIsAloneByItsOperatorsWordIsLeftAlone() throws {
        for var lone in [try lone(isRecovered: true), try lone(hasPeers: false, seeds: ["a"])] {
            #expect(lone.standing(isAlone: true, now: Self.before) == .well)
            lone.refused(node("b"))
            lone.met("b", isFellow: true)
            #expect(lone.standing(isAlone: true, now: Self.after) == .well)
        }
    }

    /// While a node grows its file may name itself alone: others dial it that it has admitted.
    @Test func whoseSeedsNameNobodyElseListensForItsOwnMembers() throws {
        var lone = try lone(seeds: ["a"])
        #expect(lone.standing(isAlone: true, now: Self.before) == .listening)
        #expect(lone.standing(isAlone: true, now: Self.after) == .well)
        // Of another cluster they have nothing to do with it.
        lone.refused(node("b"))
        lone.met("c", isFellow: false)
        #expect(lone.standing(isAlone: true, now: Self.after) == .well)
        lone.met("b", isFellow: true)
        #expect(lone.standing(isAlone: true, now: Self.before) == .outgrown(by: ["b"]))
        #expect(lone.standing(isAlone: true, now: Self.after) == .outgrown(by: ["b"]))
    }
}

extension LoneMember {
    /// What a review would say.
    fileprivate func standing(isAlone: Bool, now: BootTime) -> Standing {
        var copy = self
        return copy.review(isAlone: isAlone, now: now)
    }
}
