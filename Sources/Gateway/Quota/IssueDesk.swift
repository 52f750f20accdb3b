import Ledger
import NIOConcurrencyHelpers
import NIOCore

/// Where a node counts the challenges that it issues, on all of its loops, and tells the ledger of them: once a second while
/// there are some, sooner where they are many.
///
/// What is told tells all nodes who has had too many (``Ledger/LedgerClient/issueTerms(of:policy:)``). Counts that the ledger does not
/// take are forgotten: without it nothing can be redeemed either. Any thread.
final class IssueDesk: Sendable {
    /// Between two reports.
    private static let pause = TimeAmount.seconds(1)

    private struct State {
        var counts = IssueCounts()
        /// What has been arranged.
        var isDue = false
        var isUrgent = false
        var isClosed = false
    }

    /// Confined to the loop whose client it uses.
    private final class Home {
        let ledger: any LedgerClient
        var timer: Scheduled<Void>?

        init(ledger: any LedgerClient) { self.ledger = ledger }
    }

    private let state = NIOLockedValueBox(State())
    private let home: NIOLoopBound<Home>

    /// Made on the loop whose client it uses.
    init(eventLoop: any EventLoop, ledger: any LedgerClient) {
        home = NIOLoopBound(Home(ledger: ledger), eventLoop: eventLoop)
    }

    /// A challenge was issued.
    func issued(_ keys: PrefixKeys, now: LedgerTime) {
        let (schedules, tells) = state.withLockedValue { state -> (Bool, Bool) in
            guard !state.isClosed else { return (false, false) }
            if state.counts.add(keys, now: now), !state.isUrgent {
                state.isUrgent = true
                return (false, true)
            }
            guard !state.isDue, !state.isUrgent else { return (false, false) }
            state.isDue = true
            return (true, false)
        }
        if tells { home.eventLoop.execute { self.tell() } }
        if schedules { home.eventLoop.execute { self.schedule() } }
    }

    /// Nothing is told any more.
    func close() {
        state.withLockedValue { $0.isClosed = true }
        home.eventLoop.execute {
            self.home.value.timer?.cancel()
            self.home.value.timer = nil
        }
    }

    private func schedule() {
        guard home.value.timer == nil, !state.withLockedValue({ $0.isClosed }) else { return }
        home.value.timer = home.eventLoop.scheduleTask(in: Self.pause) { [weak self] in self?.tell() }
    }

    private func tell() {
        let home = home.value
        home.timer?.cancel()
        home.timer = nil
        let now = home.ledger.now()
        let reports = state.withLockedValue { state in
            state.isDue = false
            state.isUrgent = false
            return state.isClosed ? [] : state.counts.take(now: now)
        }
        guard !reports.isEmpty else { return }
        home.ledger.submit(reports.map { .record($0) }) { _ in }
    }
}
