import NIOCore

/// Bounds and times of the transport. Every one has a default that fits a cluster on a local or a wide network.
public struct TransportSettings: Sendable {
    /// The versions of the protocol that this release speaks. Version 2 has the lane of quotas.
    public var versions: ClosedRange<UInt16> = 1...2
    /// Longest frame that is sent or taken, in bytes with its head: 4 MiB, sixteen times the 256 KiB to which Raft cuts its
    /// appends and parts of snapshots. A payload that is longer is dropped and counted; an owner that has longer ones must
    /// raise this at every node (``allow(payloadBytesMax:)``).
    public var frameBytesMax = 4 << 20
    /// Bytes that are taken of an accepted connection before it has shown who it is: 1 KiB. The longest ``Hello`` is 578.
    public var handshakeBytesMax = 1 << 10
    /// Bytes that may wait on the lane of messages to one peer: 16 MiB, what Raft has in flight to a member that lags, and a
    /// bound on what a member that hangs costs the leader.
    public var messagesQueueBytesMax = 16 << 20
    /// Bytes that may wait on the lane of snapshots to one peer: 8 MiB. Its flow control keeps a few parts in flight.
    public var snapshotsQueueBytesMax = 8 << 20
    /// Bytes that may wait on the lane of quotas to one peer: 2 MiB, two rounds of the longest messages. What finds no room is
    /// dropped, and told again.
    public var quotasQueueBytesMax = 2 << 20
    /// Bytes that wait for a peer while there is no connection to it: 1 MiB, some heartbeats and what is on its way when a
    /// peer restarts.
    public var disconnectedQueueBytesMax = 1 << 20
    /// Accepted connections, over all peers: 256. The 63 others of the largest cluster have three each; the rest is for
    /// nodes that wait to be admitted, and for who has not shown who it is.
    public var acceptedMax = 256
    /// Accepted connections of one remote address that have not shown who they are: 8. A peer needs three.
    public var unfinishedMax = 8
    /// Links that are made for nodes outside of the list of peers: 64. Those of the list always have theirs.
    public var strangerLinksMax = 64
    /// How long a connection may take from being open to having passed TLS and the handshake.
    public var handshakeTimeout = TimeAmount.seconds(5)
    /// How long it may take to look a name up and to connect.
    public var connectTimeout = TimeAmount.seconds(2)
    /// The first and the widest window from which the wait before a new attempt is drawn.
    public var reconnectMinimum = TimeAmount.milliseconds(50)
    /// See ``reconnectMinimum``.
    public var reconnectMaximum = TimeAmount.seconds(2)
    /// The widest window where nobody has answered, or who did has gone without a word: a node that comes back is to be found soon, and to be in vain costs one
    /// packet.
    public var unreachableMaximum = TimeAmount.milliseconds(500)
    /// A connection that lived as long was a success, and the window is the first again.
    public var reconnectReset = TimeAmount.seconds(5)
    /// How long a link is kept on which nothing is sent: one to a node outside of the list of peers, and any lane but that of
    /// messages.
    public var idleTimeout = TimeAmount.seconds(60)
    /// How long sent bytes may go unacknowledged before the connection is given up (tcp(7), TCP_USER_TIMEOUT): 5 s. When a
    /// cut link is whole again, TCP waits about as long as it was cut before it sends anew; a new connection does not.
    public var unacknowledgedTimeout = TimeAmount.seconds(5)
    /// How often the same fault of the same peer is told.
    public var reportInterval = TimeAmount.seconds(60)
    /// How often it is told that one node does not talk to another: that lasts until somebody does something about it.
    public var refusalReportInterval = TimeAmount.hours(1)

    /// The defaults.
    public init() {}

    /// Sees to it that payloads of this length pass: a frame holds one, and the lane of messages has room for one behind
    /// what usually waits there.
    public mutating func allow(payloadBytesMax: Int) {
        frameBytesMax = max(frameBytesMax, payloadBytesMax + Frame.headBytes)
        messagesQueueBytesMax = max(messagesQueueBytesMax, 2 * frameBytesMax)
    }

    /// Most file descriptors that a transport has at one time: its listener, connections that it accepts, one more that is being
    /// refused or makes room, and its links.
    /// - Parameter peers: how long the list of peers is.
    public func descriptorsMax(peers: Int) -> Int {
        2 + acceptedMax + Lane.allCases.count * peers + strangerLinksMax
    }

    func queueBytesMax(_ lane: Lane) -> Int {
        switch lane {
        case .messages: messagesQueueBytesMax
        case .snapshots: snapshotsQueueBytesMax
        case .quotas: quotasQueueBytesMax
        }
    }
}
