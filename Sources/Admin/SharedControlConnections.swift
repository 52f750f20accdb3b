import NIOConcurrencyHelpers
import NIOCore

/// The connections of a small server, on all its loops together. Any thread.
final class SharedControlConnections: Sendable {
    private struct State: Sendable {
        var table: ControlConnections<ObjectIdentifier>
        var channels: [ObjectIdentifier: any Channel] = [:]
    }

    private let state: NIOLockedValueBox<State>

    init(connectionsMax: Int) {
        state = NIOLockedValueBox(State(table: ControlConnections(connectionsMax: connectionsMax)))
    }

    /// A connection has come. Another one may be closed to make room for it.
    /// - Returns: whether it may stay.
    func arrived(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let (isAccepted, evicted) = state.withLockedValue { state in
            let decision = state.table.arrived(id)
            if decision.isAccepted { state.channels[id] = channel }
            return (decision.isAccepted, decision.evicted.flatMap { state.channels.removeValue(forKey: $0) })
        }
        evicted?.close(promise: nil)
        guard isAccepted else { return false }
        channel.closeFuture.whenComplete { _ in
            self.state.withLockedValue { state in
                state.table.closed(id)
                state.channels[id] = nil
            }
        }
        return true
    }

    /// As ``ControlConnections/requestBegan(_:)``.
    func requestBegan(_ channel: any Channel) -> Bool {
        state.withLockedValue { $0.table.requestBegan(ObjectIdentifier(channel)) }
    }

    /// As ``ControlConnections/requestEnded(_:)``.
    func requestEnded(_ channel: any Channel) {
        state.withLockedValue { $0.table.requestEnded(ObjectIdentifier(channel)) }
    }
}
