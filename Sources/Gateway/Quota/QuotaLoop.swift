import Ledger
import NIOCore
import Quota
import Settings

/// How one loop charges quotas: by the node's slices where the policy's consistency allows it and it is worth while, else by
/// the ledger.
///
/// Confined to the loop.
final class QuotaLoop {
    typealias Completion = (Result<ChargeOutcome, LedgerUnavailable>) -> Void

    /// A request that waits for slices.
    private struct Waiting {
        var charge: Charge
        /// Buckets that the desk has not answered for.
        var pending: Int
        /// Answers that it has had in vain: others may have been faster each time.
        var tries: Int
        var began: UInt64
        var completion: Completion
    }

    /// How long a decision may take, in nanoseconds: 2 s.
    private static let decisionTimeout: UInt64 = 2_000_000_000
    /// Between two looks for what may be forgotten.
    private static let sweepPause = TimeAmount.milliseconds(50)

    let eventLoop: any EventLoop
    private let index: Int
    private let ledger: any LedgerClient
    /// Nil once the loop ends.
    private var desk: NIOLoopBound<SliceDesk>?
    private let clock: @Sendable () -> UInt64
    private var slices: LoopSlices
    private var waiting: [UInt64: Waiting] = [:]
    private var waitingFor: [BucketID: [UInt64]] = [:]
    private var lastNumber: UInt64 = 0
    private var wants = SliceWants()
    private var isFlushDue = false
    private var isSweepDue = false
    /// Whether the members lend, as of the facts that were seen last.
    private var lends = false

    init(
        eventLoop: any EventLoop,
        index: Int,
        loops: Int,
        ledger: any LedgerClient,
        desk: NIOLoopBound<SliceDesk>,
        clock: @escaping @Sendable () -> UInt64
    ) {
        self.eventLoop = eventLoop
        self.index = index
        self.ledger = ledger
        self.desk = desk
        self.clock = clock
        slices = LoopSlices(loops: loops)
        factsChanged()
    }

    /// The ledger's facts may be others.
    func factsChanged() { lends = ledger.facts.ledgerVersion >= Ledger.lendingVersion }

    /// Slices are asked for no more: what waits for some is answered, and whatever comes yet is the ledger's to decide.
    func close() {
        eventLoop.preconditionInEventLoop()
        desk = nil
        lends = false
        wants = SliceWants()
        waitingFor = [:]
        let unanswered = waiting.sorted { $0.key < $1.key }
        waiting = [:]
        for (_, request) in unanswered { request.completion(.failure(.stopped)) }
    }

    /// Decides on a charge.
    ///
    /// `completion` runs exactly once, on the loop: within this call where the node's slices decide, later where the ledger
    /// does.
    func charge(_ charge: Charge, _ consistency: PolicySettings.Consistency, completion: @escaping Completion) {
        guard lends, consistency == .escrow, charge.pass == nil else { return submit(charge, completion: completion) }
        let now = clock()
        attempt(Waiting(charge: charge, pending: 0, tries: 0, began: now, completion: completion), now: now)
        flushLater()
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

    private func attempt(_ request: Waiting, now: UInt64) {
        switch slices.pay(request.charge, mayWait: request.tries < LoopSlices.waitsMax, now: now) {
        case .paid(let states): request.completion(.success(.admitted(limits: states, passRemaining: nil)))
        case .refused(let outcome): request.completion(.success(outcome))
        case .wanting(let places): wait(request, for: places)
        case .rest(let rest, let reservation):
            submit(rest) { result in
                switch result {
                case .success(let outcome): request.completion(.success(reservation.settle(outcome)))
                case .failure(let unavailable):
                    reservation.settle(unavailable)
                    request.completion(.failure(unavailable))
                }
            }
        }
    }

    private func wait(_ request: Waiting, for places: [Int]) {
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
                SliceWants.Want(policy: request.charge.policy, limit: limit, units: request.charge.cost)
            )
        }
        waiting[lastNumber] = request
    }

    /// What became of what was asked for.
    func hear(_ news: [SliceNews]) {
        eventLoop.preconditionInEventLoop()
        var now = clock()
        var ready: [UInt64] = []
        for item in news {
            switch item {
            case .granted(let bucket, let slice):
                slices.granted(bucket, slice, now: now)
                answer(bucket, &ready)
            case .refused(let bucket, let refusal):
                slices.refused(bucket, refusal, now: now)
                answer(bucket, &ready)
            case .unavailable(let bucket, let unavailable):
                for number in waitingFor.removeValue(forKey: bucket) ?? [] {
                    waiting.removeValue(forKey: number)?.completion(.failure(unavailable))
                }
            }
        }
        // Those that came first first.
        for number in ready.sorted() {
            guard var request = waiting.removeValue(forKey: number) else { continue }
            request.tries += 1
            // Many may be ready, and a slice must not be spent after its end.
            now = clock()
            if now >= request.began + Self.decisionTimeout {
                request.completion(.failure(.noQuorum))
            } else {
                attempt(request, now: now)
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
        guard !wants.isEmpty, let desk else { return }
        let wants = self.wants
        self.wants = SliceWants()
        desk.eventLoop.execute { [desk, index] in desk.value.take(wants, from: index) }
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
