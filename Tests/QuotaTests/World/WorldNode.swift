import Ledger
import Quota
import TestSupport
import Wire

/// A node: its book, its loops, and requests that wait. All of it is gone at a restart.
final class WorldNode {
    /// A request that is not decided.
    final class Request {
        let loop: Int
        let charge: Charge
        let done: (Verdict) -> Void
        var missing: Set<BucketID> = []
        var attempts = 0

        init(loop: Int, charge: Charge, done: @escaping (Verdict) -> Void) {
            self.loop = loop
            self.charge = charge
            self.done = done
        }
    }

    enum Verdict: Hashable {
        case admitted
        case refused
        case unavailable
    }

    unowned let world: World
    private let number: Int
    private let clockStart: UInt64
    private let clockPerMille: UInt64
    var boot = 0
    var session = SessionID(rawValue: 0)
    var sequence: UInt64 = 0
    var outstanding: Set<UInt64> = []
    private(set) var book = SliceBook(nodes: 3)
    private(set) var loops: [LoopSlices] = []
    private var waiting: [[Request]] = []

    init(_ number: Int, _ world: World) {
        self.number = number
        self.world = world
        clockStart = world.random.below(1_000_000 * second)
        clockPerMille = 995 + world.random.below(11)
        start()
        tick()
    }

    /// Requests that nobody has answered.
    var waitingCount: Int { waiting.reduce(0) { $0 + $1.count } }

    private var now: UInt64 { clockStart + world.now * clockPerMille / 1_000 }

    /// Ends this boot at once, and begins the next.
    func restart() {
        boot += 1
        start()
    }

    private func start() {
        session = world.open(ReplicaID(high: 1, low: UInt64(number)))
        sequence = 0
        outstanding = []
        book = SliceBook(nodes: 3)
        loops = (0..<World.loops).map { _ in LoopSlices(loops: World.loops) }
        waiting = Array(repeating: [], count: World.loops)
    }

    /// This boot gets another session. What was lent to the former is of no use to the ledger any more.
    func renewSession() {
        session = world.open(ReplicaID(high: 1, low: UInt64(number)))
        sequence = 0
        outstanding = []
    }

    /// Later in this boot, if it lasts.
    func later(_ delay: UInt64, _ happen: @escaping (WorldNode) -> Void) {
        let boot = boot
        world.plan(after: delay) { [unowned self] in
            if boot == self.boot { happen(self) }
        }
    }

    /// From one loop to another.
    private var hop: UInt64 { 1_000 + world.random.below(50_000) }

    private func tick() {
        book.tick(now: now)
        perform()
        for loop in loops.indices { loops[loop].tick(now: now) }
        world.plan(after: 5 * millisecond) { [unowned self] in tick() }
    }

    func recalled(_ recall: SliceRecall) {
        book.recalled(recall, now: now)
        perform()
    }

    func limitsChanged() {
        book.renounce(now: now)
        perform()
    }

    func close() {
        book.close(now: now)
        perform()
    }

    // MARK: - Requests

    func request(_ limits: [LimitCharge], cost: UInt32 = 1, loop: Int, done: @escaping (Verdict) -> Void = { _ in }) {
        let charge = Charge(policy: world.policy, cost: cost, pass: nil, limits: limits)
        attempt(Request(loop: loop, charge: charge, done: done))
    }

    private func attempt(_ request: Request) {
        let loop = request.loop
        let cost = UInt64(request.charge.cost)
        switch loops[loop].pay(request.charge, mayWait: request.attempts < LoopSlices.waitsMax, now: now) {
        case .paid:
            for limit in request.charge.limits { world.admitted(limit, units: cost, at: world.now) }
            request.done(.admitted)
        case .refused: request.done(.refused)
        case .wanting(let places):
            request.attempts += 1
            let limits = places.map { request.charge.limits[$0] }
            request.missing = Set(limits.map { BucketID($0) })
            waiting[loop].append(request)
            for limit in limits {
                later(hop) { node in
                    node.book.want(
                        limit,
                        policy: node.world.policy,
                        least: request.charge.cost,
                        loop: loop,
                        now: node.now
                    )
                    node.perform()
                }
            }
        case .rest(let rest, let reservation):
            let reservedAt = world.now
            submit(.charge(rest)) { node, result in
                node.settle(request, rest, reservation, reservedAt, result)
            }
        }
        for low in loops[loop].takeLow() {
            later(hop) { node in
                node.book.low(low, now: node.now)
                node.perform()
            }
        }
    }

    private func settle(
        _ request: Request,
        _ rest: Charge,
        _ reservation: Reservation,
        _ reservedAt: UInt64,
        _ result: Result<CommandResult, LedgerUnavailable>
    ) {
        switch result {
        case .success(.charged(let outcome)):
            switch reservation.settle(outcome, now: now) {
            case .success(.admitted): break
            case .success: return request.done(.refused)
            case .failure: return request.done(.unavailable)
            }
            // The rest was counted where it was applied.
            for limit in request.charge.limits where !rest.limits.contains(limit) {
                world.admitted(limit, units: UInt64(request.charge.cost), at: reservedAt)
            }
            request.done(.admitted)
        case .success:
            reservation.settle(LedgerUnavailable.noQuorum)
            request.done(.unavailable)
        case .failure(let unavailable):
            reservation.settle(unavailable)
            request.done(.unavailable)
        }
    }

    private func answered(_ id: BucketID, loop: Int, failed: Bool) {
        let served = waiting[loop].filter { $0.missing.contains(id) }
        waiting[loop].removeAll { $0.missing.contains(id) && (failed || $0.missing.count == 1) }
        for request in served {
            request.missing.remove(id)
            if failed {
                request.done(.unavailable)
            } else if request.missing.isEmpty {
                attempt(request)
            }
        }
    }

    // MARK: - The book

    private func perform() {
        for action in book.takeActions() {
            switch action {
            case .lend(let ticket, let lend):
                submit(.lend(lend)) { node, result in
                    node.book.answered(ticket, result, now: node.now)
                    node.perform()
                }
            case .give(let units): submit(.returnUnits(units)) { _, _ in }
            case .granted(let id, let slice, let set):
                tell(set) { node, loop in
                    node.loops[loop].granted(id, slice, now: node.now)
                    node.answered(id, loop: loop, failed: false)
                }
            case .refused(let id, let refusal, let set):
                tell(set) { node, loop in
                    node.loops[loop].refused(id, refusal, now: node.now)
                    node.answered(id, loop: loop, failed: false)
                }
            case .unavailable(let id, _, let set): tell(set) { $0.answered(id, loop: $1, failed: true) }
            }
        }
    }

    private func tell(_ set: LoopSet, _ what: @escaping (WorldNode, Int) -> Void) {
        for loop in loops.indices where set.contains(loop) {
            later(hop) { what($0, loop) }
        }
    }
}
