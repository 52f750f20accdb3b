import Ledger
import NIOCore
import Replica
import Wire

/// Who waits until this node has applied all that was acknowledged anywhere before they asked.
struct CatchUps {
    typealias Answer = (Result<Void, ReplicaFailure>) -> Void

    /// They wait for the next read. Bounded by ``ClusterLedgerClient/catchUpsMax`` for each client.
    var waiting: [Answer] = []
    /// A read is under way. It may have begun before what those that have come since must see.
    var isUnderWay = false
    /// The next read does not begin before.
    var pausedUntil = BootTime.zero
}

extension NodeDriver {
    /// Between the beginnings of two reads, in nanoseconds: 100 ms. Anybody may have a node ask, by a token that names an
    /// epoch that there is not: one read in so long is nothing to the cluster, and who waits hardly notices.
    private static var catchUpPause: UInt64 { 100_000_000 }

    /// Answers once a majority has confirmed that this node's state, and the facts that clients were told, show all that was
    /// acknowledged before.
    func catchUp(answer: @escaping CatchUps.Answer) {
        loop.preconditionInEventLoop()
        guard !isStopped else { return answer(.failure(.stopped)) }
        catchUps.waiting.append(answer)
        catchUp()
    }

    /// Begins a read for all that wait, where one may begin. After each turn, and turns come with every tick.
    func catchUp() {
        let now = SystemClocks.boot()
        guard !catchUps.waiting.isEmpty, !catchUps.isUnderWay, now >= catchUps.pausedUntil else { return }
        catchUps.isUnderWay = true
        catchUps.pausedUntil = now.adding(nanoseconds: Self.catchUpPause)
        let answers = catchUps.waiting
        catchUps.waiting = []
        read { result in
            self.catchUps.isUnderWay = false
            let result = result.map { _ in }
            for answer in answers { answer(result) }
            // Without a majority the next read would fail too, and who waits for it has waited.
            if case .failure(let failure) = result { self.endCatchUps(failure) }
        }
    }

    /// Nobody that waits will be answered otherwise.
    func endCatchUps(_ failure: ReplicaFailure) {
        let answers = catchUps.waiting
        catchUps.waiting = []
        for answer in answers { answer(.failure(failure)) }
    }
}
