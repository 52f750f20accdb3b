import Ledger
import NIOCore
import Quota

/// What a loop tells the desk in one turn.
struct SliceWants: Sendable {
    struct Want: Sendable {
        var policy: PolicyID
        var limit: LimitCharge
        var units: UInt32
        /// Only what the node holds already will do: the ledger has refused.
        var isHeldOnly = false
    }

    var wanted: [Want] = []
    /// Buckets of which a slice turned low.
    var low: [BucketID] = []

    var isEmpty: Bool { wanted.isEmpty && low.isEmpty }
}

/// What the desk tells a loop.
enum SliceNews: Sendable {
    case granted(BucketID, Slice)
    case refused(BucketID, SliceRefusal)
    case unavailable(BucketID, LedgerUnavailable)
}

/// A loop's side, as long as the loop has it.
struct WeakQuotaLoop {
    weak var loop: QuotaLoop?
}

/// Where the node's slices are asked for and given back, for all of its loops: the pump of one ``SliceBook``.
///
/// Confined to one loop, whose client of the ledger it uses: a slice is returned by the session that it was lent to.
final class SliceDesk {
    private struct Errand {
        var command: Command
        /// Who hears of the result; nil for a return.
        var ticket: UInt64?
        /// A return that was not taken is tried again until then: it comes too late afterwards.
        var until: UInt64
    }

    /// Commands that are submitted together.
    private static let pieceMax = 1_024
    /// Before a return that was not taken is tried again.
    private static let pause = TimeAmount.milliseconds(20)

    private let eventLoop: any EventLoop
    private let ledger: any LedgerClient
    private let clock: @Sendable () -> UInt64
    private var book: SliceBook
    /// They have the desk, and not it them.
    private var loops: [NIOLoopBound<WeakQuotaLoop>] = []
    private var timer: (at: UInt64, task: Scheduled<Void>)?
    /// Of the limits of which the slices are.
    private var revision: UInt64

    /// - Parameter clock: nanoseconds that never run backwards and count while the machine sleeps, as the ledger's do.
    init(eventLoop: any EventLoop, ledger: any LedgerClient, clock: @escaping @Sendable () -> UInt64) {
        self.eventLoop = eventLoop
        self.ledger = ledger
        self.clock = clock
        book = SliceBook(nodes: 1)
        revision = ledger.facts.revision
        ledger.onRecall = { [weak self] in self?.recalled($0) }
    }

    /// Whom it tells, in the order of their numbers. Once, before anybody asks.
    func serve(_ loops: [NIOLoopBound<WeakQuotaLoop>]) { self.loops = loops }

    /// What a loop wants.
    func take(_ wants: SliceWants, from loop: Int) {
        eventLoop.preconditionInEventLoop()
        let now = clock()
        book.nodes = UInt8(clamping: ledger.members)
        for want in wants.wanted {
            if want.isHeldOnly {
                book.wantHeld(want.limit, least: want.units, loop: loop, now: now)
            } else {
                book.want(want.limit, policy: want.policy, least: want.units, loop: loop, now: now)
            }
        }
        for bucket in wants.low { book.low(bucket, now: now) }
        carryOut()
    }

    /// The limits in force may have changed: what was lent under others is given back, so that they hold at once but for
    /// what is spent.
    func factsChanged() {
        guard ledger.facts.revision != revision else { return }
        revision = ledger.facts.revision
        book.renounce(now: clock())
        carryOut()
    }

    /// What the ledger's limits are.
    var facts: LedgerFacts { ledger.facts }
    /// See ``SliceBook/heldUnits``.
    var heldUnits: [PolicyID: UInt64] { book.heldUnits }

    /// Gives everything back. Nothing is lent afterwards.
    func close() {
        eventLoop.preconditionInEventLoop()
        book.close(now: clock())
        carryOut()
        timer?.task.cancel()
        timer = nil
        ledger.onRecall = nil
    }

    private func recalled(_ recalls: [SliceRecall]) {
        let now = clock()
        for recall in recalls { book.recalled(recall, now: now) }
        carryOut()
    }

    private func carryOut() {
        guard book.hasActions else { return schedule() }
        var errands: [Errand] = []
        var news: [[SliceNews]] = Array(repeating: [], count: loops.count)
        func tell(_ set: LoopSet, _ item: SliceNews) {
            for loop in news.indices where set.contains(loop) { news[loop].append(item) }
        }
        for action in book.takeActions() {
            switch action {
            case .lend(let ticket, let lend):
                errands.append(Errand(command: .lend(lend), ticket: ticket, until: 0))
            case .give(let slice):
                let until = clock() + LedgerBounds.sliceNanoseconds
                errands.append(Errand(command: .returnUnits(slice), ticket: nil, until: until))
            case .granted(let bucket, let slice, let set): tell(set, .granted(bucket, slice))
            case .refused(let bucket, let refusal, let set): tell(set, .refused(bucket, refusal))
            case .unavailable(let bucket, let reason, let set): tell(set, .unavailable(bucket, reason))
            }
        }
        submit(errands[...])
        for (loop, items) in zip(loops, news) where !items.isEmpty {
            loop.eventLoop.execute { loop.value.loop?.hear(items) }
        }
        schedule()
    }

    /// In pieces, so that there is room for some where there is none for all.
    private func submit(_ errands: ArraySlice<Errand>) {
        var rest = errands
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Self.pieceMax))
            rest = rest.dropFirst(Self.pieceMax)
            ledger.submit(piece.map(\.command)) { [self] result in answered(piece, result) }
        }
    }

    private func answered(_ errands: [Errand], _ result: Result<[CommandResult], LedgerUnavailable>) {
        let now = clock()
        for (place, errand) in errands.enumerated() {
            if let ticket = errand.ticket { book.answered(ticket, result.map { $0[place] }, now: now) }
        }
        // They were not taken.
        let again = result == .failure(.overloaded) ? errands.filter { $0.ticket == nil && now < $0.until } : []
        if !again.isEmpty {
            eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [weak self] () -> Void in
                self?.submit(again[...])
            }
        }
        carryOut()
    }

    private func tick() {
        timer = nil
        book.tick(now: clock())
        carryOut()
    }

    private func schedule() {
        guard let next = book.nextTick else { return }
        if let timer, timer.at <= next { return }
        timer?.task.cancel()
        let now = clock()
        let wait = TimeAmount.nanoseconds(Int64(clamping: next > now ? next - now : 0))
        let task = eventLoop.assumeIsolated().scheduleTask(in: wait) { [weak self] () -> Void in self?.tick() }
        timer = (next, task)
    }
}
