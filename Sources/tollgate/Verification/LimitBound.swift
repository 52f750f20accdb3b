/// What one limit may let through at all nodes together (DESIGN section 7).
struct LimitBound {
    /// A slice's life, in seconds.
    static let sliceSeconds = 2.0

    /// As in `RateLimit` fields.
    let name: String
    /// Units that may come at once at the beginning.
    let burst: UInt64
    /// Units a second.
    let rate: Double
    /// Whether slices may be spent so much later than they were lent.
    let lends: Bool

    /// Units in a time that began with the first request, in seconds.
    func allowed(_ seconds: Double) -> UInt64 {
        UInt64(min(Double(burst) + rate * (seconds + (lends ? Self.sliceSeconds : 0)), 1e15))
    }
}

/// When nodes let requests through.
struct AdmissionTimes {
    /// For each request, the node, and when it was sent and answered, in nanoseconds.
    private(set) var all: [(node: Int, sent: UInt64, answered: UInt64)] = []

    mutating func add(node: Int, sent: UInt64, answered: UInt64) { all.append((node, sent, answered)) }

    /// The most that any one node let through within a time, in nanoseconds: where they only tell each other how much, it is what
    /// the others cannot have known of.
    func most(within nanoseconds: UInt64) -> UInt64 {
        var most = 0
        for node in Set(all.map(\.node)) {
            let times = all.filter { $0.node == node }.map(\.answered).sorted()
            var first = 0
            for (place, time) in times.enumerated() {
                while time - times[first] > nanoseconds { first += 1 }
                most = max(most, place - first + 1)
            }
        }
        return UInt64(most)
    }
}
