import DequeModule
import Ledger
import Wire

/// What a node keeps of one peer: who it is, what was told and what is to be told. Confined to the home loop.
///
/// **Out.** A bucket that changes waits in the queue, once; each round sends as many as fit, the longest waiting first, with
/// what they are then. Parts on their way are remembered until a receipt says what became of them; what was lost waits again.
///
/// **In.** A part is taken once. One that comes after later ones is taken if it was sent little before them, and they came just
/// now; else it is not, since what it tells may have been forgotten meanwhile. Its sender learns of that, and tells again.
struct PeerLink: Sendable {
    /// A bucket that a peer is to hear of.
    struct Item: Hashable, Sendable {
        var limit: LimitID
        var bucket: EventualBucketID
    }

    private struct Flight: Sendable {
        var sequence: UInt64
        var at: UInt64
        var isState: Bool
        var items: [Item]
    }

    /// Parts on their way at most: what a receipt can speak of.
    static let flightsMax = 64

    let replica: ReplicaID
    var greeting: PeerGreeting
    var isConnected = false
    /// The last message of the living boot; before the first, when the peer was added.
    var heardAt: UInt64
    /// What the peer is to hear of.
    var queue: Deque<Item> = []
    /// The same, when it began after this node: all there is.
    var states: Deque<Item> = []
    private(set) var receipt = EventualMessage.Receipt(latest: 0, taken: 0)
    /// The longest that the peer was heard to have been running.
    private var uptime: UInt64 = 0
    private var flights: Deque<Flight> = []
    private var lastSequence: UInt64 = 0

    init(replica: ReplicaID, boot: UInt64, now: UInt64) {
        self.replica = replica
        greeting = PeerGreeting(boot: boot)
        heardAt = now
    }

    /// Whether the peer is yet to hear of all there is.
    var isInState: Bool { !states.isEmpty || flights.contains { $0.isState } }

    /// Whether the next part is of what the peer is told since it began later, rather than of what changes.
    var isTurnOfStates: Bool { lastSequence & 1 == 1 }

    var maySend: Bool { isConnected && greeting.peer != nil && flights.count < Self.flightsMax }

    /// Another boot of the peer: it knows nothing, and nothing is known of it.
    mutating func begin() {
        queue.removeAll()
        states.removeAll()
        flights.removeAll()
        receipt = EventualMessage.Receipt(latest: 0, taken: 0)
        uptime = 0
    }

    /// A message came.
    /// - Returns: whether it was sent little before the last that was, at most.
    mutating func heard(uptime: UInt64, now: UInt64, _ settings: EventualSettings) -> Bool {
        heardAt = now
        self.uptime = max(self.uptime, uptime)
        return uptime.plus(settings.lookback) >= self.uptime
    }

    /// Whether a part is to be taken. If so it is from now on.
    mutating func take(_ sequence: UInt64, mayBeLate: Bool) -> Bool {
        if sequence <= receipt.latest {
            let age = receipt.latest - sequence
            guard mayBeLate, age < 64, receipt.taken >> age & 1 == 0 else { return false }
            receipt.taken |= 1 << age
            return true
        }
        let step = sequence - receipt.latest
        receipt.taken = (step < 64 ? receipt.taken << step : 0) | 1
        receipt.latest = sequence
        return true
    }

    /// The number of a part that is sent now.
    mutating func sending(_ items: [Item], isState: Bool, now: UInt64) -> UInt64 {
        lastSequence += 1
        flights.append(Flight(sequence: lastSequence, at: now, isState: isState, items: items))
        return lastSequence
    }

    /// Takes the parts that did not arrive off the list: those that the receipt says were not taken, and those that have been
    /// on their way for too long.
    mutating func lost(
        _ receipt: EventualMessage.Receipt?,
        now: UInt64,
        _ settings: EventualSettings
    ) -> (items: [Item], states: [Item]) {
        var lost: (items: [Item], states: [Item]) = ([], [])
        while let oldest = flights.first {
            var isLost = oldest.at.plus(oldest.isState ? settings.resendState : settings.resend) <= now
            if let receipt, oldest.sequence <= receipt.latest {
                let age = receipt.latest - oldest.sequence
                isLost = age >= 64 || receipt.taken >> age & 1 == 0
            } else if !isLost {
                break
            }
            flights.removeFirst()
            guard isLost else { continue }
            if oldest.isState { lost.states += oldest.items } else { lost.items += oldest.items }
        }
        return lost
    }
}
