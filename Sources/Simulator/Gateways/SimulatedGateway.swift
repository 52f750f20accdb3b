import Ledger
import Quota
import Raft
import Wire

/// The quota side of one boot of a node, as its gateway has it: the real book of slices, loops, limits that the node decides
/// by itself, and what nodes tell each other of these.
///
/// What goes from loop to loop arrives at once. It does what a careless gateway may do, too: it returns a slice again, and
/// hears an answer twice.
struct SimulatedGateway {
    static let loops = 2
    /// How long a request waits for slices, in nanoseconds of the node's clock.
    private static let decisionTimeout: UInt64 = 2_000_000_000
    /// Before a return that was not taken is tried again, and between two looks for what may be forgotten.
    private static let pause: UInt64 = 20_000_000
    private static let sweepPause: UInt64 = 50_000_000

    /// What time it is.
    struct Now {
        /// By the node's clock, above 0.
        var clock: UInt64
        /// By the node's estimate of replicated time.
        var time: LedgerTime
        var moment: Moment
    }

    /// What a command is for.
    enum Errand {
        case lend(ticket: UInt64)
        /// A return that was not taken is tried again until then, by the node's clock.
        case give(SliceReturn, until: UInt64)
        case rest(number: UInt64, Reservation?, taken: [EscrowPromise.Taken])
    }

    /// What became of a client's request.
    enum Decision {
        /// What was taken of slices. The rest, if there was one, is in the log.
        case admitted([EscrowPromise.Taken])
        /// The node decided by itself.
        case admittedAlone(Charge)
        case refused
        case unavailable
    }

    /// What it wants done.
    enum Action {
        case submit(Command, Errand)
        case decided(UInt64, Decision)
        case granted(SliceID, sent: Moment)
        case tell(ReplicaID, [UInt8])
        /// Units were taken that nobody paid, or the other way round.
        case fault(String)
    }

    private struct Waiting {
        var number: UInt64
        var charge: Charge
        var loop: Int
        var pending: Set<BucketID> = []
        var tries = 0
        var began: UInt64
    }

    let replica: ReplicaID
    /// Of the limits by which it decides.
    private(set) var revision: UInt64 = 0
    /// Of the facts that were seen last.
    private(set) var generation: UInt64?
    private(set) var peers: [ReplicaID] = []
    private var lends = false
    private var book = SliceBook(nodes: 1)
    private var slices: [LoopSlices]
    /// All slices that are not over, as they were granted.
    private var held: [BucketID: [Slice]] = [:]
    private var sent: [UInt64: Moment] = [:]
    private var waiting: [Waiting] = []
    private var returns: [(slice: SliceReturn, until: UInt64, at: UInt64)] = []
    private var limits = EventualLimits()
    private var walks: [EventualLoop]
    private var exchange: EventualExchange?
    private var nextRound: UInt64
    private var nextSweep: UInt64 = 0
    private var actions: [Action] = []
    /// How careless it is.
    private var generator: Xoshiro256

    /// - Parameter tellsPeers: whether nodes decide limits by themselves in this run.
    init(replica: ReplicaID, boot: UInt64, tellsPeers: Bool, now: Now, generator: Xoshiro256) {
        self.replica = replica
        self.generator = generator
        slices = (0..<Self.loops).map { _ in LoopSlices(loops: Self.loops) }
        walks = [EventualLoop](repeating: EventualLoop(limits: limits), count: Self.loops)
        nextRound = now.clock + self.generator.below(100_000_000)
        guard tellsPeers else { return }
        exchange = EventualExchange(replica: replica, boot: boot, limits: limits, now: now.clock)
    }

    mutating func takeActions() -> [Action] {
        defer { actions.removeAll(keepingCapacity: true) }
        return actions
    }

    var hasActions: Bool { !actions.isEmpty }

    /// Whether nothing is held, and nothing waits.
    var isIdle: Bool { book.counts.buckets == 0 && waiting.isEmpty && returns.isEmpty }

    /// When ``tick(_:)`` is due, by the node's clock; nil: not before the next event.
    var nextWake: UInt64? {
        let sweep = held.isEmpty && waiting.isEmpty ? nil : nextSweep
        return [book.nextTick, exchange == nil ? nil : nextRound, returns.map { $0.at }.min(), sweep]
            .compactMap(\.self).min()
    }

    // MARK: - What is known

    /// The ledger's facts may be others.
    /// - Returns: whether the limits are.
    mutating func factsChanged(_ facts: LedgerFacts, _ now: Now) -> Bool {
        guard generation != facts.generation else { return false }
        generation = facts.generation
        lends = facts.ledgerVersion >= Ledger.lendingVersion
        guard revision != facts.revision else { return false }
        revision = facts.revision
        book.renounce(now: now.clock)
        limits = limits.revised(facts.policies.filter { Workload.level(of: $0) == .eventual }, now: now.clock)
        for loop in walks.indices { walks[loop].limits = limits }
        exchange?.limitsChanged(limits)
        perform(now)
        return true
    }

    /// The members of the group may be others.
    /// - Returns: whether they are.
    mutating func membersChanged(_ members: [ReplicaID], _ now: Now) -> Bool {
        book.nodes = UInt8(clamping: max(1, members.count))
        let others = members.filter { $0 != replica }
        guard others != peers else { return false }
        for gone in peers where !others.contains(gone) { exchange?.peerRemoved(gone) }
        for new in others where !peers.contains(new) { exchange?.peerConnected(new, now: now.clock) }
        peers = others
        perform(now)
        return true
    }

    mutating func recalled(_ recalls: [SliceRecall], _ now: Now) {
        for recall in recalls { book.recalled(recall, now: now.clock) }
        perform(now)
    }

    /// A message of a peer.
    mutating func received(_ bytes: [UInt8], from peer: ReplicaID, _ now: Now) {
        do { try exchange?.received(bytes, from: peer, now: now.clock) } catch {
            actions.append(.fault("a message of replica \(peer.low) cannot be read: \(error)"))
        }
        perform(now)
    }

    // MARK: - Time

    mutating func tick(_ now: Now) {
        book.tick(now: now.clock)
        if now.clock >= nextSweep { sweep(now) }
        for due in returns where due.at <= now.clock && now.clock < due.until {
            actions.append(.submit(.returnUnits(due.slice), .give(due.slice, until: due.until)))
        }
        returns.removeAll { $0.at <= now.clock }
        if exchange != nil, now.clock >= nextRound {
            nextRound = now.clock + EventualSettings().round
            for loop in walks.indices { exchange?.admitted(walks[loop].takeJournal(), now: now.clock) }
            exchange?.tick(now: now.clock)
        }
        perform(now)
    }

    private mutating func sweep(_ now: Now) {
        nextSweep = now.clock + Self.sweepPause
        for loop in slices.indices { slices[loop].tick(now: now.clock) }
        for (bucket, known) in held {
            let open = known.filter { $0.isOpen(at: now.clock) }
            if open.count < known.count { held[bucket] = open.isEmpty ? nil : open }
        }
    }

    // MARK: - Requests

    /// Decides on a charge: exactly one decision follows, now or later.
    mutating func charge(_ number: UInt64, _ charge: Charge, _ level: PolicyLevel, _ now: Now) {
        let loop = Int(number % UInt64(Self.loops))
        if level == .eventual { return decideAlone(number, charge, loop, now) }
        let isPaidBySlices = lends && level == .escrow && charge.pass == nil
        let request = Waiting(number: number, charge: charge, loop: loop, began: now.clock)
        guard isPaidBySlices else { return submit(request) }
        attempt(request, now)
        perform(now)
    }

    private mutating func decideAlone(_ number: UInt64, _ charge: Charge, _ loop: Int, _ now: Now) {
        let outcome: ChargeOutcome
        if generator.chance(1, of: 8) {
            // As one whose pass is asked for first, and may be bad.
            let (decision, reservation) = walks[loop].reserve(charge, now: now.clock)
            if let reservation, generator.chance(1, of: 3) {
                walks[loop].giveBack(reservation, now: now.clock)
                outcome = walks[loop].charge(charge, now: now.clock)
            } else {
                outcome = decision
                if let reservation { walks[loop].keep(reservation) }
            }
        } else {
            outcome = walks[loop].charge(charge, now: now.clock)
        }
        if case .admitted = outcome { return actions.append(.decided(number, .admittedAlone(charge))) }
        actions.append(.decided(number, .refused))
    }

    /// A charge that the ledger decides as a whole.
    private mutating func submit(_ request: Waiting) {
        actions.append(.submit(.charge(request.charge), .rest(number: request.number, nil, taken: [])))
    }

    private mutating func attempt(_ request: Waiting, _ now: Now) {
        let charge = request.charge
        var seen: Set<BucketID> = []
        let buckets = charge.limits.map { BucketID($0) }.filter { seen.insert($0).inserted }.flatMap { held[$0] ?? [] }
        let before = buckets.map(\.left)
        let payment = slices[request.loop].pay(
            charge,
            mayWait: request.tries < LoopSlices.waitsMax,
            now: now.clock
        )
        var taken: [EscrowPromise.Taken] = []
        for (slice, left) in zip(buckets, before) where slice.left != left {
            let units = left - min(left, slice.left)
            taken.append(.init(slice: slice.id, units: units, time: now.time, moment: now.moment))
        }
        let all = taken.reduce(0) { $0 + $1.units }
        var paid = 0
        switch payment {
        case .paid:
            paid = charge.cost == 0 ? 0 : charge.limits.count
            actions.append(.decided(request.number, .admitted(taken)))
        case .refused: actions.append(.decided(request.number, .refused))
        case .wanting(let places): wait(request, places, now)
        case .rest(let rest, let reservation):
            paid = charge.limits.count - rest.limits.count
            actions.append(
                .submit(.charge(rest), .rest(number: request.number, reservation, taken: taken))
            )
        }
        if all != UInt64(paid) * UInt64(charge.cost) {
            actions.append(.fault("\(paid) limits are paid with \(charge.cost) each, and \(all) units are taken"))
        }
    }

    private mutating func wait(_ request: Waiting, _ places: [Int], _ now: Now) {
        var request = request
        request.pending = Set(places.map { BucketID(request.charge.limits[$0]) })
        waiting.append(request)
        var asked: Set<BucketID> = []
        for place in places where asked.insert(BucketID(request.charge.limits[place])).inserted {
            book.want(
                request.charge.limits[place],
                policy: request.charge.policy,
                least: request.charge.cost,
                loop: request.loop,
                now: now.clock
            )
        }
    }

    // MARK: - Answers

    /// What became of a command.
    mutating func answered(_ errand: Errand, _ result: Result<CommandResult, LedgerUnavailable>, _ now: Now) {
        switch errand {
        case .lend(let ticket):
            if case .success(.lent(.lent(let slice, _, _))) = result, let moment = sent.removeValue(forKey: ticket) {
                actions.append(.granted(slice, sent: moment))
            }
            book.answered(ticket, result, now: now.clock)
            // A second answer to the same request does nothing.
            if generator.chance(1, of: 8) { book.answered(ticket, result, now: now.clock) }
        case .give(let slice, let until):
            // It was not taken.
            if result == .failure(.overloaded) { returns.append((slice, until, now.clock + Self.pause)) }
        case .rest(let number, let reservation, let taken):
            actions.append(.decided(number, settle(reservation, result, taken, now)))
        }
        perform(now)
    }

    private func settle(
        _ reservation: Reservation?,
        _ result: Result<CommandResult, LedgerUnavailable>,
        _ taken: [EscrowPromise.Taken],
        _ now: Now
    ) -> Decision {
        switch result {
        case .success(.charged(let outcome)):
            switch reservation?.settle(outcome, now: now.clock) ?? .success(outcome) {
            case .success(.admitted): return .admitted(taken)
            case .success: return .refused
            case .failure: return .unavailable
            }
        case .success:
            reservation?.settle(LedgerUnavailable.noQuorum)
            return .unavailable
        case .failure(let unavailable):
            reservation?.settle(unavailable)
            return .unavailable
        }
    }

    /// Carries out what the book and the exchange want, until they want nothing more.
    private mutating func perform(_ now: Now) {
        for loop in slices.indices {
            for bucket in slices[loop].takeLow() { book.low(bucket, now: now.clock) }
        }
        while book.hasActions {
            for action in book.takeActions() { carryOut(action, now) }
        }
        for case .send(let peer, let bytes) in exchange?.takeActions() ?? [] { actions.append(.tell(peer, bytes)) }
    }

    private mutating func carryOut(_ action: SliceAction, _ now: Now) {
        switch action {
        case .lend(let ticket, let lend):
            sent[ticket] = now.moment
            actions.append(.submit(.lend(lend), .lend(ticket: ticket)))
        case .give(let slice):
            let until = now.clock + LedgerBounds.sliceNanoseconds
            actions.append(.submit(.returnUnits(slice), .give(slice, until: until)))
            // As one that does not know whether it has done so.
            if generator.chance(1, of: 8) {
                actions.append(.submit(.returnUnits(slice), .give(slice, until: 0)))
            }
        case .granted(let bucket, let slice, let set):
            if held[bucket]?.contains(where: { $0 === slice }) != true { held[bucket, default: []].append(slice) }
            for loop in slices.indices where set.contains(loop) {
                slices[loop].granted(bucket, slice, now: now.clock)
            }
            tryAgain(bucket, set, now)
        case .refused(let bucket, let refusal, let set):
            for loop in slices.indices where set.contains(loop) {
                slices[loop].refused(bucket, refusal, now: now.clock)
            }
            tryAgain(bucket, set, now)
        case .unavailable(let bucket, _, let set):
            for request in waiting where request.pending.contains(bucket) && set.contains(request.loop) {
                actions.append(.decided(request.number, .unavailable))
            }
            waiting.removeAll { $0.pending.contains(bucket) && set.contains($0.loop) }
        }
    }

    /// A bucket is answered for: what waited for nothing else tries again, the earliest first.
    private mutating func tryAgain(_ bucket: BucketID, _ set: LoopSet, _ now: Now) {
        var ready: [Waiting] = []
        for place in waiting.indices where set.contains(waiting[place].loop) {
            guard waiting[place].pending.remove(bucket) != nil, waiting[place].pending.isEmpty else { continue }
            ready.append(waiting[place])
        }
        waiting.removeAll { $0.pending.isEmpty }
        for var request in ready {
            request.tries += 1
            if now.clock >= request.began + Self.decisionTimeout {
                actions.append(.decided(request.number, .unavailable))
            } else {
                attempt(request, now)
            }
        }
        for loop in slices.indices {
            for bucket in slices[loop].takeLow() { book.low(bucket, now: now.clock) }
        }
    }
}
