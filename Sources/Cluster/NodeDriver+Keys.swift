import Ledger
import Logging
import NIOCore
import Raft
import Replica
import Wire

/// What a leader has done about keys that a member has taken along when it left.
struct KeyRenewals {
    /// Between two tries, in nanoseconds: 1 s.
    static let pause: UInt64 = 1_000_000_000

    /// A new epoch was asked for.
    private(set) var isUnderWay = false
    /// Nothing is asked for before.
    private var pausedUntil = BootTime.zero
    /// The ledger takes no more epochs, which it was asked for after this entry.
    private var refusedAt: LogIndex?
    /// What was asked for, and not answered in time, may stand in the log up to here, of a leader of this term.
    private var doubt: (term: Term, through: LogIndex)?
    /// They wait until the keys are renewed, or were not to be.
    var waiting: [EventLoopPromise<Void>] = []

    /// Whether to ask now for a new epoch, as leader. One that may yet come is waited for: each that comes takes the place
    /// of an older one, whose passes are worth nothing from then on.
    mutating func begins(_ status: ReplicaStatus, now: BootTime) -> Bool {
        guard let since = status.keysDueSince, status.renewsKeys, refusedAt != since, !isUnderWay, now >= pausedUntil
        else { return false }
        if let doubt, status.term == doubt.term, status.appliedIndex < doubt.through { return false }
        doubt = nil
        isUnderWay = true
        pausedUntil = now.adding(nanoseconds: Self.pause)
        return true
    }

    /// It was decided.
    mutating func ended() { isUnderWay = false }

    /// It was refused, after this entry.
    mutating func refused(since: LogIndex) {
        isUnderWay = false
        refusedAt = since
    }

    /// Nobody knows what became of it.
    mutating func failed(_ status: ReplicaStatus?) {
        isUnderWay = false
        doubt = status.map { ($0.term, $0.lastIndex) }
    }
}

/// Who has left knows the keys: what is issued from then on is under others. Whoever leads sees to it, also where the one
/// that led when the member left does not any more.
extension NodeDriver {
    /// Begins a key epoch where a member has left since the last. After each turn.
    func renewKeys() {
        let status = view.withLockedValue { view in view.status?.keysDueSince == nil ? nil : view.status }
        guard let status, status.role == .leader, let since = status.keysDueSince else { return endKeyRenewal() }
        guard keys.begins(status, now: SystemClocks.boot()) else { return }
        submit([.rotate(secret: Randomness.bytes(LedgerBounds.secretBytes))]) { answer in
            switch answer {
            case .success(.applied(let results)):
                if case .rotated(let epoch)? = results.first {
                    self.keys.ended()
                    self.logger.notice("the keys were renewed: a member has left", metadata: ["epoch": "\(epoch)"])
                } else {
                    self.keys.refused(since: since)
                    self.logger.error(
                        "the keys cannot be renewed, though a member has left",
                        metadata: ["results": "\(results)"]
                    )
                }
            case .success, .failure(.stopped): self.keys.ended()
            case .failure(let failure):
                self.keys.failed(self.currentView.status)
                self.logger.warning(
                    "the keys are not renewed yet, though a member has left",
                    metadata: ["reason": "\(failure)"]
                )
            }
            self.endKeyRenewal()
        }
    }

    /// Completes when the keys are renewed, where they are to be; also when they cannot be now, or another node leads: it
    /// goes on by itself.
    func keysRenewed() -> EventLoopFuture<Void> {
        guard !isStopped, currentView.status?.keysDueSince != nil else { return loop.makeSucceededVoidFuture() }
        let promise = loop.makePromise(of: Void.self)
        keys.waiting.append(promise)
        return promise.futureResult
    }

    /// Nobody waits for the keys any more.
    func endKeyRenewal() {
        let promises = keys.waiting
        keys.waiting = []
        for promise in promises { promise.succeed() }
    }
}
