import Ledger
import NIOCore
import Quota
import Testing
import Wire

@testable import Gateway

/// The eventual level: what a node decides by itself, and what it and its peers tell each other.
@Suite struct EventualQuotaTests {
    private static let day: UInt64 = 86_400 * second

    /// One end of a way between two nodes, which its test opens and cuts.
    private final class FakePeers: QuotaPeers {
        let replica: ReplicaID
        var onEvent: ((QuotaPeerEvent) -> Void)?
        private(set) var sent: [[UInt8]] = []
        private(set) var reports: [String] = []
        private(set) var untold: [ReplicaID] = []

        init(_ number: UInt64) { replica = ReplicaID(high: 9, low: number) }

        func send(_ bytes: [UInt8], to peer: ReplicaID) { sent.append(bytes) }
        func reportUntold(_ peer: ReplicaID) { untold.append(peer) }
        func reportUnreadable(_ error: String, from peer: ReplicaID) { reports.append(error) }

        func take() -> [[UInt8]] {
            defer { sent = [] }
            return sent
        }
    }

    private final class Pair {
        let peers = (FakePeers(1), FakePeers(2))
        let nodes: (QuotaWorld, QuotaWorld)
        var isCut = false

        init(_ limits: [LimitDefinition], connects: Bool = true) throws {
            nodes = (
                try QuotaWorld(limits, peers: peers.0, boot: 11), try QuotaWorld(limits, peers: peers.1, boot: 22)
            )
            for node in [nodes.0, nodes.1] {
                for client in node.clients { client.otherMembers = 1 }
                node.desks.value.eventual.adopt(tells: true)
            }
            if connects { connect() }
        }

        func connect() {
            peers.0.onEvent?(.connected(peers.1.replica))
            peers.1.onEvent?(.connected(peers.0.replica))
        }

        /// Time passes at both, and what is sent arrives a millisecond later.
        func pass(milliseconds: UInt64) {
            for _ in 0..<milliseconds {
                nodes.0.pass(milliseconds: 1)
                nodes.1.pass(milliseconds: 1)
                let (there, back) = (peers.0.take(), peers.1.take())
                if isCut { continue }
                for bytes in there { peers.1.onEvent?(.received(bytes, from: peers.0.replica)) }
                for bytes in back { peers.0.onEvent?(.received(bytes, from: peers.1.replica)) }
            }
        }
    }

    private func free(_ interval: UInt64, _ burst: UInt64) -> LimitDefinition {
        LimitDefinition(role: .free, key: "client", interval: interval, burst: burst)
    }

    private func had(_ world: QuotaWorld, _ limits: [LimitCharge]) -> Int {
        var had = 0
        while case .success(.admitted) = world.charge(limits, loop: had % 2, consistency: .eventual) { had += 1 }
        return had
    }

    @Test func aNodeIsOneOverItsLoopsAndAsksNobody() throws {
        let world = try QuotaWorld([free(Self.day, 100)])
        for client in world.clients { client.failure = .noQuorum }
        #expect(had(world, [world.limit(0, 1)]) == 100)
        #expect(had(world, [world.limit(0, 2)]) == 100)
        #expect(world.charges == 0 && world.loans == 0)
    }

    @Test func severalLimitsAreChargedTogetherOrNotAtAll() throws {
        let world = try QuotaWorld([free(Self.day, 100), free(Self.day, 10)])
        #expect(had(world, [world.limit(0, 1), world.limit(1, 1)]) == 10)
        #expect(had(world, [world.limit(0, 1), world.limit(1, 2)]) == 10)
        #expect(had(world, [world.limit(0, 1)]) == 80)
    }

    @Test func peersAreToldInARound() throws {
        let pair = try Pair([free(Self.day, 100)])
        pair.pass(milliseconds: 300)
        let limit = [pair.nodes.0.limit(0, 1)]
        for _ in 0..<60 { _ = pair.nodes.0.charge(limit, consistency: .eventual) }
        pair.pass(milliseconds: 300)
        #expect(had(pair.nodes.1, limit) == 40)
        pair.pass(milliseconds: 300)
        #expect(had(pair.nodes.0, limit) == 0)
    }

    @Test func aNodeThatBeginsLaterIsReadyWhenItKnowsWhatItsPeersKnow() throws {
        let pair = try Pair([free(Self.day, 20)], connects: false)
        // The first one was there before, and had admitted much.
        pair.nodes.0.pass(milliseconds: 10_000)
        for key in 0..<900 as Range<UInt64> {
            let limit = [pair.nodes.0.limit(0, key)]
            for _ in 0..<20 { _ = pair.nodes.0.charge(limit, consistency: .eventual) }
        }
        var isReady = false
        pair.nodes.1.desks.value.eventual.whenPeersHaveTold { isReady = true }
        pair.pass(milliseconds: 500)
        #expect(!isReady, "a member is not there yet")
        pair.connect()
        pair.pass(milliseconds: 100)
        #expect(!isReady, "it has not had the time to tell")
        for _ in 0..<2_000 where !isReady { pair.pass(milliseconds: 1) }
        #expect(isReady)
        let admitted = (0..<900 as Range<UInt64>).count { key in
            if case .success(.admitted) = pair.nodes.1.charge([pair.nodes.1.limit(0, key)], consistency: .eventual) {
                true
            } else {
                false
            }
        }
        #expect(admitted == 0)
    }

    @Test func peersThatDoNotTellAreNotWaitedForForEver() throws {
        let pair = try Pair([free(Self.day, 20)])
        pair.isCut = true
        var isReady = false
        pair.nodes.1.desks.value.eventual.whenPeersHaveTold { isReady = true }
        pair.pass(milliseconds: 4_900)
        #expect(!isReady)
        pair.pass(milliseconds: 300)
        #expect(isReady)
    }

    @Test func aNodeThatHasNobodyToHearIsReadyAtOnce() throws {
        let alone = try QuotaWorld([free(Self.day, 20)])
        var isReady = false
        alone.desks.value.eventual.whenPeersHaveTold { isReady = true }
        #expect(isReady, "no policy is at this level")
        alone.desks.value.eventual.adopt(tells: true)
        isReady = false
        alone.desks.value.eventual.whenPeersHaveTold { isReady = true }
        #expect(isReady, "it is the only member")
        // A member that is down is waited for as long as one takes to connect.
        for client in alone.clients { client.otherMembers = 1 }
        isReady = false
        alone.desks.value.eventual.whenPeersHaveTold { isReady = true }
        alone.pass(milliseconds: 1_900)
        #expect(!isReady)
        alone.pass(milliseconds: 300)
        #expect(isReady)
    }

    @Test func membersOverTheBoundAreToldOf() throws {
        let peers = FakePeers(1)
        let world = try QuotaWorld([free(second, 10)], peers: peers)
        world.desks.value.eventual.adopt(tells: true)
        let others = (2...18).map { ReplicaID(high: 9, low: $0) }
        for other in others { peers.onEvent?(.connected(other)) }
        #expect(peers.untold == Array(others.suffix(2)))
    }

    @Test func whatMayBeHadBeyondTheLimitCountsMembersThatWereNeverHeardOf() throws {
        let world = try QuotaWorld([free(second, 10)], peers: FakePeers(1))
        world.desks.value.eventual.adopt(tells: true)
        #expect(world.desks.value.eventual.excessMax(world.limits[0]) == 0)
        for client in world.clients { client.otherMembers = 2 }
        world.pass(milliseconds: 5_000)
        // Of each a burst, and what came back since this node began.
        #expect(world.desks.value.eventual.excessMax(world.limits[0]) == 2 * (10 + 5))
    }

    @Test func aStateThatHasCountedFewerChangesIsTakenInItsTurn() throws {
        let world = try QuotaWorld([free(Self.day, 10)])
        var wrong = world.clients[0].facts
        wrong.generation = 10
        var right = wrong
        right.generation = 8
        right.policies[0].limits[0].definition.burst = 3
        let revisions = EventualRevisions(wrong, now: 1)
        let key = QuotaKey(high: 1, low: 1)
        func left(_ limits: EventualLimits) -> UInt64? {
            limits.limit(wrong.policies[0].limits[0].id)?.state(key, fallback: key, now: 1).remaining
        }
        #expect(left(revisions.limits(right, now: 1)) == 10, "a loop that has seen nothing yet is behind")
        #expect(left(revisions.limits(right, after: 10, now: 1)) == 3)
        #expect(left(revisions.limits(right, after: 10, now: 1)) == 3)
        #expect(left(revisions.limits(wrong, after: 9, now: 1)) == 10)
        var next = right
        next.generation = 11
        #expect(left(revisions.limits(next, after: 10, now: 1)) == 3)
        #expect(left(revisions.limits(wrong, after: 9, now: 1)) == 3, "a loop that is behind changes nothing")
    }

    @Test func aNodeThatHasNothingToForgetDoesNothing() throws {
        let world = try QuotaWorld([free(second, 10), free(second, 10)])
        world.desks.value.eventual.begin()
        #expect(world.desks.value.eventual.isAtWork)
        world.pass(milliseconds: 200)
        #expect(!world.desks.value.eventual.isAtWork)
        for _ in 0..<2 {
            for client in world.clients { client.quorumLostNanoseconds = 5 * second }
            let charge = Charge(policy: world.policy, cost: 1, pass: nil, limits: [world.limit(0, 1)])
            _ = world.loops[0].letThrough(charge, .eventual, wasAsked: false)
            world.pass(milliseconds: 1_000)
            #expect(world.desks.value.eventual.isAtWork, "there is something to forget")
            world.pass(milliseconds: 20_000)
            #expect(!world.desks.value.eventual.isAtWork)
        }
    }

    @Test func cutOffEachHasALimitAndTheyAgreeAfterwards() throws {
        let pair = try Pair([free(Self.day, 100)])
        pair.pass(milliseconds: 300)
        pair.isCut = true
        let one = [pair.nodes.0.limit(0, 1)]
        let other = [pair.nodes.0.limit(0, 2)]
        #expect(had(pair.nodes.0, one) == 100)
        #expect(had(pair.nodes.1, one) == 100)
        for node in [pair.nodes.0, pair.nodes.1] {
            for _ in 0..<20 { _ = node.charge(other, consistency: .eventual) }
        }
        pair.pass(milliseconds: 5_000)
        pair.isCut = false
        pair.pass(milliseconds: 2_000)
        #expect(had(pair.nodes.0, other) == 60)
        pair.pass(milliseconds: 300)
        #expect(had(pair.nodes.1, other) == 0)
    }

    @Test func aMessageThatCannotBeReadIsReportedAndHarmsNothing() throws {
        let pair = try Pair([free(Self.day, 100)])
        pair.pass(milliseconds: 300)
        let limit = [pair.nodes.0.limit(0, 1)]
        for _ in 0..<60 { _ = pair.nodes.0.charge(limit, consistency: .eventual) }
        for bytes in [[], [1], [255, 0, 1], [UInt8](repeating: 1, count: 70_000)] as [[UInt8]] {
            pair.peers.1.onEvent?(.received(bytes, from: pair.peers.0.replica))
        }
        #expect(pair.peers.1.reports.count == 4)
        pair.pass(milliseconds: 300)
        #expect(had(pair.nodes.1, limit) == 40)
    }

    @Test func nothingIsToldWhereNoPolicyIsAtThisLevel() throws {
        let peers = FakePeers(1)
        let world = try QuotaWorld([free(Self.day, 100)], peers: peers)
        peers.onEvent?(.connected(ReplicaID(high: 9, low: 2)))
        world.pass(milliseconds: 1_000)
        #expect(peers.sent.isEmpty)
        world.desks.value.eventual.adopt(tells: true)
        world.pass(milliseconds: 1_000)
        #expect(peers.take().count >= 10)
        world.desks.value.eventual.adopt(tells: false)
        world.pass(milliseconds: 1_000)
        #expect(peers.sent.isEmpty)
        world.desks.value.close()
        #expect(peers.onEvent == nil)
    }

    @Test func aPassIsTheLedgersAndWhatItRefusesIsGivenBack() throws {
        let world = try QuotaWorld([free(Self.day, 10)])
        let nobody = PassCharge(
            challenge: ChallengeID(high: 1, low: 1),
            recordExpiry: LedgerTime(nanoseconds: 2_000 * second),
            binding: 1
        )
        for _ in 0..<20 {
            let answer = world.charge([world.limit(0, 1)], consistency: .eventual, pass: nobody)
            #expect(answer == .success(.passRefused(.unknown)))
        }
        #expect(world.charges == 20, "one proposal each, of the pass alone")
        for case .charge(let charge) in world.proposals { #expect(charge.limits.isEmpty) }
        #expect(had(world, [world.limit(0, 1)]) == 10, "the limit has lost nothing")
        // Over the limit nobody asks about the pass.
        let refused = world.charge([world.limit(0, 1)], consistency: .eventual, pass: nobody)
        guard case .success(.refused) = refused else {
            Issue.record("\(String(describing: refused))")
            return
        }
        #expect(world.charges == 20)
    }

    @Test func whatTheLedgerMayHaveTakenStaysReserved() throws {
        let world = try QuotaWorld([free(Self.day, 10)])
        let pass = PassCharge(challenge: ChallengeID(high: 1, low: 1), recordExpiry: .zero, binding: 1)
        world.clients[0].failure = .noQuorum
        #expect(
            world.charge([world.limit(0, 1)], consistency: .eventual, pass: pass) == .failure(.noQuorum)
        )
        #expect(
            world.charge([world.limit(0, 1)], consistency: .eventual, pass: pass, mayAsk: false) == .failure(.noQuorum)
        )
        world.clients[0].failure = .overloaded
        #expect(
            world.charge([world.limit(0, 1)], consistency: .eventual, pass: pass) == .failure(.overloaded)
        )
        #expect(had(world, [world.limit(0, 1)]) == 9, "only what was asked for and not answered")
    }

    @Test func changedLimitsHoldAtOnce() throws {
        let world = try QuotaWorld([free(Self.day, 100)])
        for _ in 0..<50 { _ = world.charge([world.limit(0, 1)], consistency: .eventual) }
        world.clients[0].submit([
            .setPolicies(
                expectedRevision: 1,
                policies: [PolicyDefinition(name: "api", maxKeys: 1_000, limits: [free(Self.day, 60)])]
            )
        ]) { _ in }
        world.eventLoop.run()
        for loop in world.loops { loop.factsChanged() }
        #expect(had(world, [world.limit(0, 1)]) == 10)
    }
}
