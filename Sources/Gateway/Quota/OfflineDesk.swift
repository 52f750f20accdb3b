import Ledger
import NIOConcurrencyHelpers
import NIOCore
import ProofOfWork
import Quota

/// What a node decides by itself while no majority can: the challenges that were spent here alone, and what was let through and
/// is to be reported. One for all loops of a node, any thread.
final class OfflineDesk: Sendable {
    /// This run of this node: what its challenges and passes are marked with.
    let origin: TokenOrigin
    private let passes = NIOLockedValueBox(OfflinePasses())
    private let tally = NIOLockedValueBox(OfflineTally())

    init(origin: TokenOrigin) { self.origin = origin }

    /// What a spend comes to where its challenge was spent before; nil where it was not.
    func outcomeIfSpent(_ spend: Spend) -> SpendOutcome? { passes.withLockedValue { $0.outcomeIfSpent(spend) } }

    /// Spends a challenge of this origin.
    func spend(_ spend: Spend, epoch: UInt32, now: LedgerTime) -> SpendOutcome {
        passes.withLockedValue { $0.spend(spend, epoch: epoch, now: now) }
    }

    /// Takes grants of a pass of this origin.
    func charge(
        _ pass: PassCharge,
        of policy: PolicyID,
        cost: UInt32,
        now: LedgerTime
    ) -> Result<UInt32, OfflinePassFailure> {
        passes.withLockedValue { $0.charge(pass, of: policy, cost: cost, now: now) }
    }

    /// Gives them back: nobody has had them.
    func giveBack(_ cost: UInt32, to challenge: ChallengeID) {
        passes.withLockedValue { $0.giveBack(cost, to: challenge) }
    }

    /// A charge was let through that nobody has decided on.
    /// - Parameter now: nanoseconds of the node's clock.
    /// - Returns: whether it is the first that waits to be reported.
    func admitted(_ charge: Charge, limits: EventualLimits, now: UInt64) -> Bool {
        tally.withLockedValue { tally in
            let wasEmpty = tally.isEmpty
            tally.admitted(charge, limits: limits, now: now)
            return wasEmpty && !tally.isEmpty
        }
    }

    /// Takes out what is to be reported next.
    func takeReport(now: UInt64) -> AdmissionReport? { tally.withLockedValue { $0.takeReport(now: now) } }

    /// What became of it.
    func answered(_ fate: ReportFate) { tally.withLockedValue { $0.answered(fate) } }

    /// Units that wait to be reported, by policy, and those that cannot be.
    var unreported: (waiting: [PolicyID: UInt64], lost: UInt64) {
        tally.withLockedValue { ($0.waiting, $0.lost) }
    }

    /// See ``OfflineTally/unreported``.
    var unreportedInAll: UInt64 { tally.withLockedValue { $0.unreported } }
}

/// Reports to the ledger what the node has let through, once there is a majority again. Confined to one loop.
final class ReportDesk {
    /// Between two looks whether there is a majority.
    private static let pause = TimeAmount.milliseconds(100)

    private let eventLoop: any EventLoop
    private let ledger: any LedgerClient
    private let offline: OfflineDesk
    private let clock: @Sendable () -> UInt64
    private var timer: Scheduled<Void>?
    private var isReporting = false
    /// Nothing is reported any more.
    private var isClosed = false
    /// Called when the desk closes, which it does as soon as nothing waits or nothing can be reported.
    private var onEnd: ((_ unreported: UInt64) -> Void)?

    init(
        eventLoop: any EventLoop,
        ledger: any LedgerClient,
        offline: OfflineDesk,
        clock: @escaping @Sendable () -> UInt64
    ) {
        self.eventLoop = eventLoop
        self.ledger = ledger
        self.offline = offline
        self.clock = clock
    }

    /// Units that wait to be reported, by policy, and those that cannot be.
    var unreported: (waiting: [PolicyID: UInt64], lost: UInt64) { offline.unreported }

    /// Something waits.
    func begin() {
        eventLoop.preconditionInEventLoop()
        guard timer == nil, !isReporting, !isClosed else { return }
        timer = eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [weak self] () -> Void in
            self?.timer = nil
            self?.report()
        }
    }

    /// The node ends: what waits goes out now, as far as it can within so long. Once.
    /// - Parameter completion: runs on the loop, and hears how many units are charged to nobody for want of a majority or time.
    func end(within time: TimeAmount, completion: @escaping (_ unreported: UInt64) -> Void) {
        eventLoop.preconditionInEventLoop()
        onEnd = completion
        timer?.cancel()
        timer = nil
        guard !isReporting || time > .zero else { return close() }
        eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] () -> Void in self?.close() }
        report()
    }

    private func close() {
        isClosed = true
        timer?.cancel()
        timer = nil
        // Perhaps the last report is charged; nobody waits for it.
        if isReporting { offline.answered(.unknown) }
        guard let onEnd else { return }
        self.onEnd = nil
        onEnd(offline.unreportedInAll)
    }

    /// One report at a time, so that no more than one can be lost.
    private func report() {
        guard !isReporting, !isClosed else { return }
        guard ledger.quorumLostNanoseconds == nil, ledger.facts.ledgerVersion >= Ledger.lendingVersion else {
            return onEnd == nil ? begin() : close()
        }
        guard let report = offline.takeReport(now: clock()) else {
            if onEnd != nil { close() }
            return
        }
        isReporting = true
        ledger.submit([.report(report)]) { [self] result in
            isReporting = false
            guard !isClosed else { return }
            switch result {
            case .success:
                offline.answered(.charged)
                self.report()
            case .failure(.overloaded):
                offline.answered(.notAsked)
                begin()
            case .failure:
                offline.answered(.unknown)
                begin()
            }
        }
    }
}
