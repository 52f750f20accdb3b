import NIOConcurrencyHelpers

/// What the gateway has counted since it started. Any thread.
public final class Counters: Sendable {
    private let open = NIOLockedValueBox(0)

    func connectionOpened() { open.withLockedValue { $0 += 1 } }
    func connectionClosed() { open.withLockedValue { $0 -= 1 } }

    /// Connections of clients that are open now.
    public var connections: Int { open.withLockedValue { $0 } }
}
