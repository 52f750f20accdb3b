import NIOConcurrencyHelpers
import NIOCore
import Quota
import Wire

/// Bytes that cross from one loop to another and have not arrived, bounded. Any thread.
///
/// A loop that stands still would else be owed all that came meanwhile, of which nothing is of use any more.
final class CrossingBytes: Sendable {
    /// Two rounds of the longest messages of two peers.
    private static let bytesMax = 4 << 20
    private let crossing = NIOLockedValueBox(0)

    /// - Returns: false where there is no room.
    func enter(_ bytes: Int) -> Bool {
        crossing.withLockedValue { crossing in
            guard crossing == 0 || crossing + bytes <= Self.bytesMax else { return false }
            crossing += bytes
            return true
        }
    }

    func leave(_ bytes: Int) { crossing.withLockedValue { $0 -= bytes } }
}

/// The quota side of this node's gateway, as long as it is there. On the replica's loop.
struct QuotaListener {
    /// Held by the client alone: when it is gone, so is the client.
    final class Presence: Sendable {}

    private weak var presence: Presence?
    /// Tells the client.
    let tell: (QuotaPeerEvent) -> Void

    init(_ presence: Presence, tell: @escaping (QuotaPeerEvent) -> Void) {
        self.presence = presence
        self.tell = tell
    }

    /// Whether the client is still there.
    var isPresent: Bool { presence != nil }
}

/// The gateway's way to the quota sides of the other members: over the connections of the replica's loop.
final class ClusterQuotaPeers: QuotaPeers {
    let replica: ReplicaID
    var onEvent: ((QuotaPeerEvent) -> Void)? { didSet { listen() } }

    private let eventLoop: any EventLoop
    private let driver: NIOLoopBound<NodeDriver>
    private let presence = QuotaListener.Presence()
    private let leaving = CrossingBytes()
    private var listens = false

    init(eventLoop: any EventLoop, driver: NIOLoopBound<NodeDriver>, replica: ReplicaID) {
        self.eventLoop = eventLoop
        self.driver = driver
        self.replica = replica
    }

    private struct Weak {
        weak var peers: ClusterQuotaPeers?
    }

    private func listen() {
        guard !listens, onEvent != nil else { return }
        listens = true
        let weak = NIOLoopBound(Weak(peers: self), eventLoop: eventLoop)
        let eventLoop = eventLoop
        let arriving = CrossingBytes()
        driver.eventLoop.execute { [driver, presence] in
            let listener = QuotaListener(presence) { event in
                let bytes = if case .received(let bytes, _) = event { bytes.count } else { 0 }
                guard bytes == 0 || arriving.enter(bytes) else { return }
                eventLoop.execute {
                    arriving.leave(bytes)
                    weak.value.peers?.onEvent?(event)
                }
            }
            driver.value.listen(listener)
        }
    }

    func send(_ bytes: [UInt8], to peer: ReplicaID) {
        guard leaving.enter(bytes.count) else { return }
        driver.eventLoop.execute { [driver, leaving] in
            leaving.leave(bytes.count)
            driver.value.sendQuota(bytes, to: peer)
        }
    }

    func reportUnreadable(_ error: String, from peer: ReplicaID) {
        driver.eventLoop.execute { [driver] in driver.value.reportUnreadableQuota(error, from: peer) }
    }
}
