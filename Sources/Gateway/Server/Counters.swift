import NIOConcurrencyHelpers

/// What the gateway has counted since it started. Any thread.
public final class Counters: Sendable {
    struct Values {
        var connections = 0
        var refusals: [RefusalKind: UInt64] = [:]
    }

    private let values = NIOLockedValueBox(Values())

    func connectionOpened() { values.withLockedValue { $0.connections += 1 } }
    func connectionClosed() { values.withLockedValue { $0.connections -= 1 } }
    func refused(_ kind: RefusalKind) { values.withLockedValue { $0.refusals[kind, default: 0] += 1 } }

    /// Connections of clients that are open now.
    public var connections: Int { values.withLockedValue(\.connections) }
}
