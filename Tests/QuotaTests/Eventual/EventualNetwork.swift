import Ledger
import TestSupport
import Wire

@testable import Quota

/// Nodes, and a network between them that loses, repeats, delays and reorders, in virtual time.
struct EventualNetwork {
    struct Faults {
        /// Of a thousand messages.
        var lost: UInt64 = 0
        var repeated: UInt64 = 0
        /// A message takes so long at least, and up to the second.
        var delay: (least: UInt64, most: UInt64) = (millisecond, 20 * millisecond)
        /// A repeated message's second copy takes up to so long.
        var repeatedDelay: UInt64 = 2 * second
    }

    struct Flight {
        var at: UInt64
        /// The round that sent it, which tells all that is not acknowledged; nil: none did.
        var round: UInt64?
        var from: Int
        var to: Int
        var bytes: [UInt8]
    }

    struct Excess {
        var total = Int64.min
        var beyondUnheard = Int64.min
        var beyondLate = Int64.min
    }

    struct Admission {
        var at: UInt64
        var node: Int
        var units: UInt64
        /// Units that other nodes had admitted and this one had not heard of.
        var unheard: UInt64
        /// Units that other nodes had admitted in a round and the delay of a message.
        var ofLate: UInt64
    }

    static let step = millisecond

    var nodes: [EventualNode] = []
    var facts: PolicyFacts
    let settings: EventualSettings
    var faults: Faults
    var time: UInt64 = 0
    var random: Seeded
    /// Nodes of different sides hear nothing of each other.
    var sides: [Int]
    /// Nor do these two.
    var cut: (Int, Int)?
    /// A node that is down.
    var down: Set<Int> = []
    /// By key.
    var admissions: [UInt64: [Admission]] = [:]
    /// For each node, until when it has heard of all that each other did.
    var heardUntil: [[UInt64]]
    private var flights: [Flight] = []
    private var phases: [UInt64]
    /// All that is heard of: entries of parts that were delivered, in order.
    var heard: [(to: Int, from: Int, entry: EventualMessage.Entry)] = []
    var keepsHeard = false
    var mostBytes = 0

    init(
        _ count: Int,
        _ facts: PolicyFacts,
        faults: Faults = Faults(),
        settings: EventualSettings = EventualSettings(),
        seed: UInt64
    ) {
        self.facts = facts
        self.settings = settings
        self.faults = faults
        random = Seeded(seed)
        sides = Array(repeating: 0, count: count)
        heardUntil = Array(repeating: Array(repeating: 0, count: count), count: count)
        phases = []
        for number in 0..<count {
            phases.append(random.below(100) * millisecond)
            nodes.append(makeNode(number))
        }
        for number in 0..<count { connect(number) }
        pass(second)
    }

    private mutating func makeNode(_ number: Int) -> EventualNode {
        let ahead = day + random.below(1_000_000) * second
        return EventualNode(number, boot: random.next() | 1, facts, settings, clockAhead: ahead, time: time)
    }

    private mutating func connect(_ number: Int) {
        for other in nodes.indices where other != number {
            nodes[number].exchange.peerConnected(.test(other), now: time + nodes[number].clockAhead)
        }
        collect(number)
    }

    /// A node ends and begins again, with nothing in its memory.
    mutating func restart(_ number: Int) {
        nodes[number] = makeNode(number)
        connect(number)
    }

    // MARK: - Time

    /// Lets time pass; `each` is called every millisecond.
    mutating func pass(_ length: UInt64, each: (inout EventualNetwork) -> Void = { _ in }) {
        for _ in 0..<length / Self.step {
            time += Self.step
            deliver()
            for number in nodes.indices where !down.contains(number) && time % (100 * millisecond) == phases[number] {
                nodes[number].tick(time)
                collect(number, round: time)
            }
            each(&self)
        }
    }

    private mutating func collect(_ number: Int, round: UInt64? = nil) {
        for case .send(let peer, let bytes) in nodes[number].exchange.takeActions() {
            mostBytes = max(mostBytes, bytes.count)
            let to = Int(peer.low)
            if !isOpen(number, to) || random.perMille(faults.lost) { continue }
            let delay = faults.delay.least + random.below(faults.delay.most - faults.delay.least + 1)
            flights.append(Flight(at: time + delay, round: round, from: number, to: to, bytes: bytes))
            if random.perMille(faults.repeated) {
                let later = random.below(faults.repeatedDelay)
                flights.append(Flight(at: time + delay + later, round: round, from: number, to: to, bytes: bytes))
            }
        }
    }

    private func isOpen(_ one: Int, _ other: Int) -> Bool {
        guard sides[one] == sides[other] else { return false }
        guard let cut else { return true }
        return cut != (one, other) && cut != (other, one)
    }

    private mutating func deliver() {
        guard flights.contains(where: { $0.at <= time }) else { return }
        let due = flights.filter { $0.at <= time }
        flights.removeAll { $0.at <= time }
        for flight in due where !down.contains(flight.to) && isOpen(flight.from, flight.to) {
            do {
                let now = time + nodes[flight.to].clockAhead
                try nodes[flight.to].exchange.received(flight.bytes, from: .test(flight.from), now: now)
                if keepsHeard, let message = try? EventualMessage(decoding: flight.bytes), let part = message.part {
                    heard += part.entries.map { (flight.to, flight.from, $0) }
                }
            } catch {
                preconditionFailure("a node sent what cannot be read: \(error)")
            }
            heardUntil[flight.to][flight.from] = max(heardUntil[flight.to][flight.from], flight.round ?? 0)
            collect(flight.to)
        }
    }

    // MARK: - Requests

    /// A request of a key at a node.
    @discardableResult
    mutating func request(_ key: UInt64, at node: Int, cost: UInt32 = 1) -> Bool {
        guard !down.contains(node) else { return false }
        let loop = Int(random.below(2))
        guard nodes[node].charge(charge([limit(key)], cost: cost), loop: loop, time).isAdmitted else { return false }
        var admission = Admission(at: time, node: node, units: UInt64(cost), unheard: 0, ofLate: 0)
        let late = 100 * millisecond + faults.delay.most + Self.step
        let horizon = min(heardUntil[node].min() ?? 0, time.minus(late))
        for earlier in (admissions[key] ?? []).reversed() {
            if earlier.at < horizon { break }
            guard earlier.node != node else { continue }
            if earlier.at >= heardUntil[node][earlier.node] { admission.unheard += earlier.units }
            if earlier.at + late >= time { admission.ofLate += earlier.units }
        }
        admissions[key, default: []].append(admission)
        return true
    }

    /// Units that were admitted since a time.
    func units(_ key: UInt64, since: UInt64 = 0) -> UInt64 {
        (admissions[key] ?? []).reduce(0) { $1.at >= since ? $0 + $1.units : $0 }
    }

    /// The greatest excess over burst + rate × w of any interval; and the greatest over what was unheard besides, and over
    /// what others admitted in a round and the delay: in nanoseconds of the interval, at most 0 if there is none.
    ///
    /// Of the admissions that `nodes` made, and for intervals that begin at `since` or later. A bucket that gets all of them
    /// in order is full at the moment that makes the worst of all intervals: no interval needs to be looked at by itself.
    func excess(_ key: UInt64, since: UInt64 = 0, nodes: Set<Int>? = nil) -> Excess {
        let terms = self.nodes[0].limits.limit(LimitID(rawValue: 1))?.terms ?? EventualTerms(interval: 1, burst: 1)
        var tat: UInt64 = 0
        var most = Excess()
        for admission in admissions[key] ?? [] {
            guard admission.at >= since, nodes?.contains(admission.node) ?? true else { continue }
            tat = max(tat, admission.at) + admission.units * terms.interval
            let excess = Int64(tat) - Int64(admission.at) - Int64(terms.fill)
            most.total = max(most.total, excess)
            most.beyondUnheard = max(most.beyondUnheard, excess - Int64(admission.unheard * terms.interval))
            most.beyondLate = max(most.beyondLate, excess - Int64(admission.ofLate * terms.interval))
        }
        return most
    }
}
