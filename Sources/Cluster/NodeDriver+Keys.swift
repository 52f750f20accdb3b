import Ledger
import Logging
import NIOCore
import Raft
import Replica
import Wire

/// What a leader has done about keys that a member has taken along when it left.
struct KeyRenewals {
    /// A new epoch was asked for.
    var isUnderWay = false
    /// Nothing is asked for before.
    var pausedUntil = BootTime.zero
    /// The ledger takes no more epochs, which it was asked for after this entry.
    var refusedAt: LogIndex?
    /// They wait until the keys are renewed, or were not to be.
    var waiting: [EventLoopPromise<Void>] = []
}

/// Who has left knows the keys: what is issued from then on is under others. Whoever leads sees to it, also where the one
/// that led when the member left does not any more.
extension NodeDriver {
    /// Between two tries, in nanoseconds: 1 s.
    private static var keyRenewalPause: UInt64 { 1_000_000_000 }

    /// Begins a key epoch where a member has left since the last. After each turn.
    func renewKeys() {
        let (dueSince, isLeader, isTurn) = view.withLockedValue { view in
            (view.status?.keysDueSince, view.status?.role == .leader, view.status?.renewsKeys == true)
        }
        guard let since = dueSince, isLeader else { return endKeyRenewal() }
        let now = SystemClocks.boot()
        guard isTurn, keys.refusedAt != since, !keys.isUnderWay, now >= keys.pausedUntil else {
            return
        }
        keys.isUnderWay = true
        keys.pausedUntil = now.adding(nanoseconds: Self.keyRenewalPause)
        submit([.rotate(secret: Randomness.bytes(LedgerBounds.secretBytes))]) { answer in
            self.keys.isUnderWay = false
            switch answer {
            case .success(.applied(let results)):
                if case .rotated(let epoch)? = results.first {
                    self.logger.notice("the keys were renewed: a member has left", metadata: ["epoch": "\(epoch)"])
                } else {
                    self.keys.refusedAt = since
                    self.logger.error(
                        "the keys cannot be renewed, though a member has left",
                        metadata: ["results": "\(results)"]
                    )
                }
            case .success, .failure(.stopped): break
            case .failure(let failure):
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
