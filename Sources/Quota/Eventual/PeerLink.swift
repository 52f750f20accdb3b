import DequeModule
import Ledger
import Wire

/// What a node keeps of one peer: who it is, what was told and what is to be told. Confined to the home loop.
///
/// **Out.** A bucket that changes waits in the queue, once; each round sends as many as fit, the longest waiting first, with
/// what they are then. Parts on their way are remembered until a receipt says what became of them; what was lost, or has been
/// on its way for a round, waits again, until a receipt comes for what it is now.
///
/// **In.** A part is taken once. One that comes after later ones is taken if it was sent little before them, and they came just
/// now; else it is not, since what it tells may have been forgotten meanwhile. Its sender learns of that, and tells again.
struct PeerLink: Sendable {
    /// A bucket that a peer is to hear of.
    struct Item: Hashable, Sendable {
        var limit: LimitID
        var bucket: EventualBucketID
    }

    /// What a part told of a bucket.
    struct Told: Hashable, Sendable {
        var item: Item
        /// Of this node's component.
        var count: UInt64
    }

    private struct Flight: Sendable {
        var sequence: UInt64
        var at: UInt64
        var isState: Bool
        /// Whether all of it waits again.
        var isRepeated = false
        var told: [Told]
    }

    /// What became of parts.
    struct Fate: Sendable {
        var taken: [Told] = []
        /// To be told again.
        var lost: [Told] = []
        var lostStates: [Told] = []
    }

    /// Parts on their way at most: what a receipt can speak of.
    static let flightsMax = 64

    let replica: ReplicaID
    var greeting: PeerGreeting
    var isConnected = false
    /// The last message of the living boot; before the first, when the peer was added.
    var heardAt: UInt64
    /// When the living boot became known, and when it last told of what it knew before.
    private(set) var adoptedAt: UInt64 = 0
    private var stateAt: UInt64 = 0
    /// What the peer is to hear of.
    var queue: Deque<Item> = []
    /// The same, when it began after this node: all there is.
    var states: Deque<Item> = []
    private(set) var receipt = EventualMessage.Receipt(latest: 0, taken: 0)
    /// The longest that the peer was heard to have been running.
    private var uptime: UInt64 = 0
    private var flights: Deque<Flight> = []
    /// How long a receipt takes: a moving average.
    private var roundTrip: UInt64 = 0
    private(set) var lastSequence: UInt64

    /// - Parameter after: numbers that this boot may have given to the same replica, when it was a peer before.
    init(replica: ReplicaID, boot: UInt64, after: (token: UInt32, sequence: UInt64), now: UInt64) {
        self.replica = replica
        greeting = PeerGreeting(boot: boot, lastToken: after.token)
        lastSequence = after.sequence
        heardAt = now
    }

    /// Whether the peer is yet to hear of all there is.
    var isInState: Bool { !states.isEmpty || flights.contains { $0.isState && !$0.isRepeated } }

    /// Whether the next part is of what the peer is told since it began later, rather than of what changes.
    var isTurnOfStates: Bool { lastSequence & 1 == 1 }

    var maySend: Bool {
        isConnected && greeting.peer != nil && (flights.count < Self.flightsMax || flights[0].isRepeated)
    }

    /// Another boot of the peer: it knows nothing, and nothing is known of it.
    mutating func begin(now: UInt64) {
        adoptedAt = now
        stateAt = 0
        queue.removeAll()
        states.removeAll()
        flights.removeAll()
        receipt = EventualMessage.Receipt(latest: 0, taken: 0)
        uptime = 0
        roundTrip = 0
    }

    /// A message came.
    /// - Returns: whether it was sent little before the last that was, at most.
    mutating func heard(uptime: UInt64, now: UInt64, _ settings: EventualSettings) -> Bool {
        heardAt = now
        self.uptime = max(self.uptime, uptime)
        return uptime.plus(settings.lookback) >= self.uptime
    }

    /// A part of what the peer knew before came.
    mutating func heardState(now: UInt64) { stateAt = now }

    /// Whether the peer has told all that it knew before, if that can be said: it has had two rounds to begin with it, or has
    /// told nothing of it for two, and is heard.
    func hasTold(_ settings: EventualSettings) -> Bool {
        greeting.peer != nil && heardAt >= max(adoptedAt, stateAt).plus(settings.round.times(2))
    }

    /// Whether a part is to be heard. If so, and it can be heard whole, it is taken from now on.
    mutating func take(_ sequence: UInt64, isWhole: Bool, mayBeLate: Bool) -> Bool {
        if sequence <= receipt.latest {
            let age = receipt.latest - sequence
            guard mayBeLate, age < 64, receipt.taken >> age & 1 == 0 else { return false }
            if isWhole { receipt.taken |= 1 << age }
            return true
        }
        guard isWhole else { return true }
        let step = sequence - receipt.latest
        receipt.taken = (step < 64 ? receipt.taken << step : 0) | 1
        receipt.latest = sequence
        return true
    }

    /// The number of a part that is sent now.
    mutating func sending(_ told: [Told], isState: Bool, now: UInt64) -> UInt64 {
        if flights.count >= Self.flightsMax { flights.removeFirst() }
        lastSequence += 1
        flights.append(Flight(sequence: lastSequence, at: now, isState: isState, told: told))
        return lastSequence
    }

    /// What became of parts: those that a receipt speaks of, and those that have been on their way for too long.
    mutating func fate(_ receipt: EventualMessage.Receipt?, now: UInt64, _ settings: EventualSettings) -> Fate {
        var fate = Fate()
        while let receipt, let oldest = flights.first, oldest.sequence <= receipt.latest {
            let age = receipt.latest - oldest.sequence
            flights.removeFirst()
            if age < 64, receipt.taken >> age & 1 == 1 {
                let time = now.minus(oldest.at)
                roundTrip = roundTrip == 0 ? time : (7 * roundTrip + time) / 8
                fate.taken += oldest.told
            } else if !oldest.isRepeated {
                fate.lose(oldest.told, isState: oldest.isState)
            }
        }
        for place in flights.indices where !flights[place].isRepeated {
            let isState = flights[place].isState
            let patience = isState ? max(settings.resendState, 2 * roundTrip) : settings.resend
            // Not all behind it are as young: states are given more time.
            guard flights[place].at.plus(patience) <= now else { continue }
            flights[place].isRepeated = true
            fate.lose(flights[place].told, isState: isState)
        }
        return fate
    }
}

extension PeerLink.Fate {
    fileprivate mutating func lose(_ told: [PeerLink.Told], isState: Bool) {
        if isState { lostStates += told } else { lost += told }
    }
}
