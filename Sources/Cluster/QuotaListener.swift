import NIOConcurrencyHelpers
import NIOCore
import Quota
import Wire

/// Bytes of messages that cross from one loop to another and have not arrived, bounded. Any thread.
///
/// A loop that stands still would else be owed all that came meanwhile, of which nothing is of use any more.
final class CrossingBytes: Sendable {
    /// Two rounds of the longest messages of a peer.
    static let bytesPerPeerMax = 2 << 20
    /// What a message counts at least: what it takes beside its bytes.
    static let messageBytesMin = 128

    private struct Crossing {
        var bytes = 0
        var peers = 0
    }

    private let crossing = NIOLockedValueBox(Crossing())

    /// - Returns: false where there is no room for a message of so many bytes.
    func enter(_ bytes: Int) -> Bool {
        let bytes = max(bytes, Self.messageBytesMin)
        return crossing.withLockedValue { crossing in
            let most = Self.bytesPerPeerMax * max(1, crossing.peers)
            guard crossing.bytes == 0 || crossing.bytes + bytes <= most else { return false }
            crossing.bytes += bytes
            return true
        }
    }

    func leave(_ bytes: Int) { crossing.withLockedValue { $0.bytes -= max(bytes, Self.messageBytesMin) } }

    /// There are so many peers more, or fewer.
    func change(peers: Int) { crossing.withLockedValue { $0.peers += peers } }
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
        driver.eventLoop.execute { [driver, presence, leaving] in
            let listener = QuotaListener(presence) { event in
                var bytes: Int?
                switch event {
                case .received(let message, _):
                    guard arriving.enter(message.count) else { return }
                    bytes = message.count
                case .connected:
                    for side in [arriving, leaving] { side.change(peers: 1) }
                case .disconnected:
                    for side in [arriving, leaving] { side.change(peers: -1) }
                case .removed: break
                }
                eventLoop.execute { [bytes] in
                    if let bytes { arriving.leave(bytes) }
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

    func reportUntold(_ peer: ReplicaID) {
        driver.eventLoop.execute { [driver] in driver.value.reportUntoldQuota(peer) }
    }

    func reportUnreadable(_ error: String, from peer: ReplicaID) {
        driver.eventLoop.execute { [driver] in driver.value.reportUnreadableQuota(error, from: peer) }
    }
}
