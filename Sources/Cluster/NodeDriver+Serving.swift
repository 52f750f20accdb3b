import Ledger
import NIOCore
import Replica
import Wire

/// Who waits until the node can answer: until it has a state, or a majority that decides.
extension NodeDriver {
    /// Between two probes for a majority, in nanoseconds: 50 ms.
    private static var probePause: UInt64 { 50_000_000 }

    /// Completes when the node has a state and a majority has decided something since; also when it has ended.
    func serving() -> EventLoopFuture<Void> {
        loop.preconditionInEventLoop()
        guard !isStopped else { return loop.makeSucceededVoidFuture() }
        let promise = loop.makePromise(of: Void.self)
        servingPromises.append(promise)
        probe()
        return promise.futureResult
    }

    /// The ledger's facts, once the node has a state. Fails with ``ClusterError/stopped(_:)`` where it ends before.
    func firstFacts() -> EventLoopFuture<LedgerFacts> {
        loop.preconditionInEventLoop()
        if let facts = view.withLockedValue({ $0.facts }) { return loop.makeSucceededFuture(facts) }
        let promise = loop.makePromise(of: LedgerFacts.self)
        if isStopped { promise.fail(stopError) } else { factsPromises.append(promise) }
        return promise.futureResult
    }

    var stopError: ClusterError { view.withLockedValue { $0.stopped }.map { .stopped($0) } ?? .closed }

    /// Has something decided that changes nothing. A read would not do: peers whose disks do not answer let it pass.
    ///
    /// Its answer is found where the log is applied, so a node that is behind has caught up when it comes. Without a state
    /// it has nothing to answer by.
    func probe() {
        let now = SystemClocks.boot()
        guard !servingPromises.isEmpty || isInDoubt, !isProbing, now >= probeDueAt,
            view.withLockedValue({ $0.facts }) != nil
        else { return }
        probeDueAt = now.adding(nanoseconds: Self.probePause)
        isProbing = true
        submit([.raiseVersion(to: 0)]) { answer in
            self.isProbing = false
            if case .success = answer { self.endServing() }
        }
    }

    func endServing() {
        let promises = servingPromises
        servingPromises = []
        for promise in promises { promise.succeed() }
    }
}
