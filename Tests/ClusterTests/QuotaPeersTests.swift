import NIOConcurrencyHelpers
import NIOCore
import Quota
import Raft
import Testing
import Wire

@testable import Cluster

/// The gateways' way to each other: who is there, what arrives, and who is there no more.
@Suite(.timeLimit(.minutes(2))) struct QuotaPeersTests {
    /// A gateway's end of it, and what it was told.
    private final class Gateway: Sendable {
        let events = NIOLockedValueBox<[QuotaPeerEvent]>([])
        let replica: ReplicaID
        private let loop: any EventLoop
        private let peers: NIOLoopBound<any QuotaPeers>

        init(_ cluster: Cluster) async throws {
            let loop = cluster.loop
            let events = self.events
            peers = try await loop.submit {
                let peers = cluster.makeQuotaPeers(on: loop)
                peers.onEvent = { event in events.withLockedValue { $0.append(event) } }
                return NIOLoopBound(peers, eventLoop: loop)
            }.get()
            let peers = self.peers
            replica = try await loop.submit { peers.value.replica }.get()
            self.loop = loop
        }

        func send(_ bytes: [UInt8], to peer: ReplicaID) async throws {
            try await loop.submit { [peers] in peers.value.send(bytes, to: peer) }.get()
        }

        func report(_ error: String, from peer: ReplicaID) async throws {
            try await loop.submit { [peers] in peers.value.reportUnreadable(error, from: peer) }.get()
        }

        /// Waits for an event.
        func told(_ event: QuotaPeerEvent, sourceLocation: SourceLocation = #_sourceLocation) async throws {
            let deadline = ContinuousClock.now + .seconds(30)
            while !events.withLockedValue({ $0.contains(event) }) {
                try #require(ContinuousClock.now < deadline, "never told \(event)", sourceLocation: sourceLocation)
                try await loop.scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
            }
        }
    }

    private func withTrio(_ body: (Trio) async throws -> Void) async throws {
        let trio = try await Trio()
        let result: Result<Void, any Error>
        do { result = .success(try await body(trio)) } catch { result = .failure(error) }
        try await trio.stopAll()
        try result.get()
    }

    @Test func membersHearEachOther() async throws {
        try await withTrio { trio in
            var gateways: [Gateway] = []
            for name in Trio.names { gateways.append(try await Gateway(try #require(trio.nodes[name]))) }
            for one in gateways {
                for other in gateways where other.replica != one.replica {
                    try await one.told(.connected(other.replica))
                    try await one.send([7, UInt8(truncatingIfNeeded: one.replica.low)], to: other.replica)
                    // Once the connection of its own is there; until then a few wait.
                    try await other.told(
                        .received([7, UInt8(truncatingIfNeeded: one.replica.low)], from: one.replica)
                    )
                }
            }
            // To nobody who is there, and to itself: dropped.
            try await gateways[0].send([1], to: ReplicaID(high: 1, low: 1))
            try await gateways[0].send([1], to: gateways[0].replica)
            try await gateways[0].report("three bytes too many", from: gateways[1].replica)
            await trio.lines["a"]?.logged("a peer tells of quotas what cannot be read")
        }
    }

    @Test func whoEndsIsToldOfAndWhoIsRemovedToo() async throws {
        try await withTrio { trio in
            let a = try await Gateway(try #require(trio.nodes["a"]))
            let c = try #require(trio.nodes["c"]?.view.status?.id)
            try await a.told(.connected(c))
            await trio.stop("c")
            try await a.told(.disconnected(c))
            try await trio.change([.remove(c)]) { !$0.contains(c) }
            try await a.told(.removed(c))
        }
    }
}
