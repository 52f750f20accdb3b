import Ledger
import NIOCore
import Quota
import Settings

/// How one loop charges quotas, by the policy's consistency: `eventual` at this node, of which peers are told; `escrow` by the
/// node's slices where that is worth while; else by the ledger. A pass is the ledger's to charge at every level.
///
/// Confined to the loop.
package final class QuotaLoop {
    package typealias Completion = (Result<ChargeOutcome, LedgerUnavailable>) -> Void

    /// A request that waits for slices.
    private struct Waiting {
        var charge: Charge
        /// Buckets that the desk has not answered for.
        var pending: Int
        /// Answers that it has had in vain: others may have been faster each time.
        var tries: Int
        var began: UInt64
        /// What the ledger has said, and by which bucket, where the node may hold itself what that lacks.
        var refusal: (outcome: ChargeOutcome, bucket: BucketID)?
        var completion: Completion
    }

    /// How long a decision may take, in nanoseconds: 2 s.
    private static let decisionTimeout: UInt64 = 2_000_000_000
    /// Between two looks for what may be forgotten.
    private static let sweepPause = TimeAmount.milliseconds(50)

    package let eventLoop: any EventLoop
    private let index: Int
    private let ledger: any LedgerClient
    /// Nil once the loop ends.
    private var desks: NIOLoopBound<Quotas.Desks>?
    private let revisions: EventualRevisions
    let offline: OfflineDesk
    private let lendsAlone: Bool
    private let clock: @Sendable () -> UInt64
    private var slices: LoopSlices
    private var eventual: EventualLoop
    private var waiting: [UInt64: Waiting] = [:]
    private var waitingFor: [BucketID: [UInt64]] = [:]
    private var lastNumber: UInt64 = 0
    private var wants = SliceWants()
    private var isFlushDue = false
    private var isSweepDue = false
    /// Whether the desk knows that limits are charged at this node alone.
    private var hasBegun = false
    /// Whether the members lend, as of the facts that were seen last.
    private var lends = false

    init(
        eventLoop: any EventLoop,
        index: Int,
        loops: Int,
        ledger: any LedgerClient,
        desks: NIOLoopBound<Quotas.Desks>,
        revisions: EventualRevisions,
        offline: OfflineDesk,
        lendsAlone: Bool = false,
        clock: @escaping @Sendable () -> UInt64
    ) {
        self.eventLoop = eventLoop
        self.index = index
        self.ledger = ledger
        self.desks = desks
        self.revisions = revisions
        self.offline = offline
        self.lendsAlone = lendsAlone
        self.clock = clock
        slices = LoopSlices(loops: loops)
        eventual = EventualLoop(limits: EventualLimits())
        factsChanged()
    }

    /// The ledger's facts may be others.
    func factsChanged() {
        lends = ledger.facts.ledgerVersion >= Ledger.lendingVersion
        eventual.limits = revisions.limits(ledger.facts, now: clock())
    }

    /// What was charged at this node since the last call, for the desk.
    func takeJournal() -> EventualJournal { eventual.takeJournal() }

    /// Slices are asked for no more: what waits for some is answered, and whatever comes yet is the ledger's to decide.
    func close() {
        eventLoop.preconditionInEventLoop()
        desks = nil
        lends = false
        wants = SliceWants()
        waitingFor = [:]
        let unanswered = waiting.sorted { $0.key < $1.key }
        waiting = [:]
        for (_, request) in unanswered { request.completion(.failure(.stopped)) }
    }

    /// Decides on a charge.
    ///
    /// `completion` runs exactly once, on the loop: within this call where the node decides, later where the ledger does.
    /// - Parameter mayAsk: whether the ledger is asked for what the node cannot decide; if not, that fails for want of a quorum
    ///   at once, and nothing is charged.
    package func charge(
        _ charge: Charge,
        _ consistency: PolicySettings.Consistency,
        mayAsk: Bool = true,
        completion: @escaping Completion
    ) {
        if let outcome = chargeAtOnce(charge, consistency) { return completion(.success(outcome)) }
        if consistency == .eventual { return chargeHere(charge, mayAsk: mayAsk, completion: completion) }
        // A node that is alone is exact: its log is asked, which is no round trip.
        guard lends, consistency == .escrow, lendsAlone || ledger.members > 1 else {
            guard mayAsk else { return completion(.failure(.noQuorum)) }
            return submit(charge, completion: completion)
        }
        let now = clock()
        attempt(
            Waiting(charge: charge, pending: 0, tries: 0, began: now, completion: completion),
            mayAsk: mayAsk,
            now: now
        )
        flushLater()
    }

    /// Charges what this node decides by itself and at once: what slices pay whole, and limits at the level `eventual`.
    ///
    /// - Returns: nil where that is not so, and then nothing is charged: ``charge(_:_:mayAsk:completion:)`` is to decide.
    package func chargeAtOnce(_ charge: Charge, _ consistency: PolicySettings.Consistency) -> ChargeOutcome? {
        switch consistency {
        case .escrow:
            guard lends, let states = slices.payWhole(charge, now: clock()) else { return nil }
            if slices.hasLow || !isSweepDue { flushLater() }
            return .admitted(limits: states, passRemaining: nil)
        case .eventual:
            guard charge.pass == nil else { return nil }
            let outcome = eventual.charge(charge, now: clock())
            handOverIfLong()
            return outcome
        case .strong:
            return nil
        }
    }

    /// Charges limits at this node, and the pass by the ledger: the limits are reserved until it answers.
    private func chargeHere(_ charge: Charge, mayAsk: Bool, completion: @escaping Completion) {
        guard mayAsk else { return completion(.failure(.noQuorum)) }
        var local = charge
        local.pass = nil
        let (outcome, reservation) = eventual.reserve(local, now: clock())
        guard case .admitted(let states, _) = outcome, let reservation else { return completion(.success(outcome)) }
        var rest = charge
        rest.limits = []
        submit(rest) { [self] result in
            switch result {
            case .success(.admitted(_, let passRemaining)):
                eventual.keep(reservation)
                handOverIfLong()
                completion(.success(.admitted(limits: states, passRemaining: passRemaining)))
            case .success(let refused):
                eventual.giveBack(reservation, now: clock())
                completion(.success(refused))
            case .failure(.overloaded):
                // The ledger has not been asked.
                eventual.giveBack(reservation, now: clock())
                completion(.failure(.overloaded))
            case .failure(let unavailable):
                // Perhaps the pass has paid.
                eventual.keep(reservation)
                completion(.failure(unavailable))
            }
        }
    }

    /// Charges a pass that is good at this node alone, and the limits of the charge as ever; at this node, where no majority can.
    func chargePassOfHere(
        _ charge: Charge,
        _ consistency: PolicySettings.Consistency,
        mayAsk: Bool,
        completion: @escaping Completion
    ) {
        guard let pass = charge.pass else {
            return self.charge(charge, consistency, mayAsk: mayAsk, completion: completion)
        }
        let remaining: UInt32
        switch offline.charge(pass, of: charge.policy, cost: charge.cost, now: ledger.now()) {
        case .failure(let failure): return completion(.success(.passRefused(failure.reason)))
        case .success(let left): remaining = left
        }
        var limits = charge
        limits.pass = nil
        if limits.limits.isEmpty { return completion(.success(.admitted(limits: [], passRemaining: remaining))) }
        self.charge(limits, consistency, mayAsk: mayAsk) { [self] result in
            var result = result
            if result == .failure(.noQuorum) { result = .success(chargeUndecided(limits, consistency)) }
            switch result {
            case .success(.admitted(let states, _)):
                completion(.success(.admitted(limits: states, passRemaining: remaining)))
            case .success(let refused):
                offline.giveBack(charge.cost, to: pass.challenge)
                completion(.success(refused))
            case .failure(let unavailable):
                offline.giveBack(charge.cost, to: pass.challenge)
                completion(.failure(unavailable))
            }
        }
    }

    /// Charges limits at this node alone since the ledger does not answer, and notes for it what was admitted.
    private func chargeUndecided(_ charge: Charge, _ consistency: PolicySettings.Consistency) -> ChargeOutcome {
        let outcome = eventual.charge(charge, now: clock())
        if case .admitted = outcome { note(charge, consistency) }
        return outcome
    }

    /// A charge on which nobody has decided is let through: it is counted, and the ledger is told when it is there again.
    ///
    /// At the eventual level the node has its own word on the limits, which holds whatever the pass is worth.
    /// - Parameter wasAsked: whether the ledger was asked for it. Then the limits of the eventual level have been charged.
    /// - Returns: the refusal, where the node itself refuses; then nothing is counted.
    func letThrough(_ charge: Charge, _ consistency: PolicySettings.Consistency, wasAsked: Bool) -> ChargeOutcome {
        var limits = charge
        limits.pass = nil
        if consistency == .eventual, !wasAsked {
            let outcome = eventual.charge(limits, now: clock())
            guard case .admitted = outcome else { return outcome }
        }
        note(limits, consistency)
        return .admitted(limits: [], passRemaining: nil)
    }

    private func note(_ charge: Charge, _ consistency: PolicySettings.Consistency) {
        handOverIfLong()
        guard let desks else { return }
        // What is charged at this node anyway the ledger does not count.
        let isFirst = consistency != .eventual && offline.admitted(charge, limits: eventual.limits, now: clock())
        guard isFirst || !hasBegun else { return }
        hasBegun = true
        desks.eventLoop.execute {
            desks.value.eventual.begin()
            if isFirst { desks.value.reports.begin() }
        }
    }

    /// A journal does not grow without bounds between two rounds.
    private func handOverIfLong() {
        guard eventual.journalCount >= EventualLoop.journalComfortable, let desks else { return }
        let journal = eventual.takeJournal()
        desks.eventLoop.execute { desks.value.eventual.take(journal) }
    }

    private func submit(_ charge: Charge, completion: @escaping Completion) {
        ledger.submit([.charge(charge)]) { result in
            switch result {
            case .success(let results):
                guard case .charged(let outcome)? = results.first else { return completion(.failure(.noQuorum)) }
                completion(.success(outcome))
            case .failure(let unavailable): completion(.failure(unavailable))
            }
        }
    }

    private func attempt(_ request: Waiting, mayAsk: Bool, now: UInt64) {
        switch slices.pay(request.charge, mayWait: request.tries < LoopSlices.waitsMax, now: now) {
        case .paid(let states): request.completion(.success(.admitted(limits: states, passRemaining: nil)))
        case .refused(let outcome): request.completion(.success(outcome))
        case .wanting where !mayAsk: request.completion(.failure(.noQuorum))
        case .wanting(let places): wait(request, for: places)
        case .rest(_, let reservation) where !mayAsk:
            // The ledger is not asked.
            reservation.settle(.overloaded)
            request.completion(.failure(.noQuorum))
        case .rest(let rest, let reservation):
            submit(rest) { [self, clock] result in
                switch result {
                case .success(let outcome):
                    let result = reservation.settle(outcome, now: clock())
                    guard case .success(.refused(let place, _, _)) = result, request.refusal == nil, self.desks != nil,
                        request.charge.cost > 0, request.charge.limits.indices.contains(place)
                    else { return request.completion(result) }
                    self.askForHeld(request, place: place, result)
                case .failure(let unavailable):
                    reservation.settle(unavailable)
                    request.completion(.failure(unavailable))
                }
            }
        }
    }

    /// The ledger has refused a request for want of units that another loop of the node may hold: then they are spent first.
    private func askForHeld(_ request: Waiting, place: Int, _ result: Result<ChargeOutcome, LedgerUnavailable>) {
        guard case .success(let outcome) = result else { return request.completion(result) }
        var request = request
        request.refusal = (outcome, BucketID(request.charge.limits[place]))
        wait(request, for: [place], isHeldOnly: true)
        flushLater()
    }

    private func wait(_ request: Waiting, for places: [Int], isHeldOnly: Bool = false) {
        lastNumber += 1
        var request = request
        request.pending = 0
        var asked: Set<BucketID> = []
        for place in places {
            let limit = request.charge.limits[place]
            let bucket = BucketID(limit)
            guard asked.insert(bucket).inserted else { continue }
            request.pending += 1
            waitingFor[bucket, default: []].append(lastNumber)
            wants.wanted.append(
                SliceWants.Want(
                    policy: request.charge.policy,
                    limit: limit,
                    units: request.charge.cost,
                    isHeldOnly: isHeldOnly
                )
            )
        }
        waiting[lastNumber] = request
    }

    /// What became of what was asked for.
    func hear(_ news: [SliceNews]) {
        eventLoop.preconditionInEventLoop()
        var now = clock()
        var ready: [UInt64] = []
        var granted: Set<BucketID> = []
        for item in news {
            switch item {
            case .granted(let bucket, let slice):
                granted.insert(bucket)
                slices.granted(bucket, slice, now: now)
                answer(bucket, &ready)
            case .refused(let bucket, let refusal):
                if refusal.until > now { slices.refused(bucket, refusal, now: now) }
                answer(bucket, &ready)
            case .unavailable(let bucket, let unavailable):
                for number in waitingFor.removeValue(forKey: bucket) ?? [] {
                    guard let request = waiting.removeValue(forKey: number) else { continue }
                    request.completion(request.refusal.map { .success($0.outcome) } ?? .failure(unavailable))
                }
            }
        }
        // Those that came first first.
        for number in ready.sorted() {
            guard var request = waiting.removeValue(forKey: number) else { continue }
            request.tries += 1
            // Many may be ready, and a slice must not be spent after its end.
            now = clock()
            if let refusal = request.refusal, !granted.contains(refusal.bucket) {
                request.completion(.success(refusal.outcome))
            } else if now >= request.began + Self.decisionTimeout {
                request.completion(.failure(.noQuorum))
            } else {
                attempt(request, mayAsk: true, now: now)
            }
        }
        flushLater()
    }

    private func answer(_ bucket: BucketID, _ ready: inout [UInt64]) {
        for number in waitingFor.removeValue(forKey: bucket) ?? [] {
            guard let pending = waiting[number]?.pending else { continue }
            waiting[number]?.pending = pending - 1
            if pending == 1 { ready.append(number) }
        }
    }

    /// Tells the desk what this turn has brought about, once.
    private func flushLater() {
        sweepLater()
        guard !isFlushDue, !wants.isEmpty || slices.hasLow else { return }
        isFlushDue = true
        eventLoop.assumeIsolated().execute { self.flush() }
    }

    private func flush() {
        isFlushDue = false
        wants.low += slices.takeLow()
        guard !wants.isEmpty, let desks else { return }
        let wants = self.wants
        self.wants = SliceWants()
        desks.eventLoop.execute { [desks, index] in desks.value.slices.take(wants, from: index) }
    }

    /// As long as there is something to forget.
    private func sweepLater() {
        guard !isSweepDue, slices.count > 0 else { return }
        isSweepDue = true
        // It waits for nobody: a loop that has ended does not sweep.
        eventLoop.assumeIsolated().scheduleTask(in: Self.sweepPause) { [weak self] in
            guard let self else { return }
            self.isSweepDue = false
            self.slices.tick(now: self.clock())
            self.sweepLater()
        }
    }
}
