/// How long a link waits before it dials again: drawn evenly from nothing to a window that doubles with each failure, so
/// that the nodes of a cluster do not dial one that comes back all at once ("full jitter").
struct ReconnectBackOff {
    /// The first window, in nanoseconds.
    let minimum: UInt64
    /// The widest window, in nanoseconds.
    let maximum: UInt64
    /// A connection that lived as long, in nanoseconds, was a success: the window is the first again.
    let successful: UInt64
    /// Failures since the last success.
    private(set) var failures = 0

    init(minimum: UInt64, maximum: UInt64, successful: UInt64) {
        self.minimum = max(1, minimum)
        self.maximum = max(self.minimum, maximum)
        self.successful = successful
    }

    /// An attempt came to nothing.
    mutating func failed() { failures = min(failures + 1, 64) }

    /// A connection has ended.
    /// - Parameter lived: nanoseconds since its handshake.
    mutating func ended(lived: UInt64) {
        if lived >= successful { failures = 0 } else { failed() }
    }

    /// The window to draw from now, in nanoseconds.
    var window: UInt64 {
        let (doubled, overflow) = minimum.multipliedReportingOverflow(by: 1 << UInt64(min(max(failures - 1, 0), 32)))
        return overflow ? maximum : min(maximum, doubled)
    }

    /// Draws a wait in nanoseconds.
    /// - Parameter widest: as wide a window as is wanted now.
    func delay(within widest: UInt64 = .max, using generator: inout some RandomNumberGenerator) -> UInt64 {
        let window = min(window, widest)
        // The high half of a product: the same on every machine, whatever the standard library does.
        return generator.next().multipliedFullWidth(by: window == .max ? .max : window + 1).high
    }
}
