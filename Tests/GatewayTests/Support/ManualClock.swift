import NIOConcurrencyHelpers

/// A clock that a test moves. Any thread; never backwards.
final class ManualClock: Sendable {
    private let current = NIOLockedValueBox<UInt64>(1)

    var nanoseconds: UInt64 { current.withLockedValue { $0 } }

    func advance(nanoseconds: UInt64) { current.withLockedValue { $0 += nanoseconds } }

    func advance(seconds: UInt64) { advance(nanoseconds: seconds * second) }
}
