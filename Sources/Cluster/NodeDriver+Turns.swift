import Ledger
import NIOCore
import Replica
import Wire

/// Turns: what the node wants done is carried out, and others are told of it.
extension NodeDriver {
    /// Between two turns of a replica that has much to apply, in nanoseconds: 10 µs.
    private static var turnPause: UInt64 { 10_000 }

    func turn() {
        isTurnDue = false
        guard !isStopped else { return }
        // Acting may bring about more, since answers may ask.
        let (actions, recalls, next, admission, remarks) = shared.withNode { node in
            node.advance(to: SystemClocks.boot(), wall: SystemClocks.wall())
            let actions = node.takeActions()
            let recalls = node.takeRecalls()
            let remarks = publish(node)
            let admission = PeerAdmission(name: book.own, address: book.ownAddress, drawn: drawn, node: node)
            return (actions, recalls, node.nextWake, admission, remarks)
        }
        for (level, text) in remarks { logger.log(level: level, "\(text)") }
        know(admission)
        tellFacts()
        tellRecalls(recalls)
        if case let configuration? = view.withLockedValue({ $0.status?.configuration }), book.keep(configuration) {
            transport?.update(peers: book.peers)
            quotas?.isDue = true
        }
        var requests: [NodeStorageRequest<Ledger>] = []
        for action in actions { perform(action, &requests) }
        log.enqueue(requests)
        guard !isStopped else { return }
        releaseHeld()
        tellAddress()
        tellQuotaPeers()
        tellWatchers()
        probe()
        renewKeys()
        reviewPrices()
        catchUp()
        wake(at: next)
    }

    private func perform(_ action: NodeAction<Ledger>, _ requests: inout [NodeStorageRequest<Ledger>]) {
        switch action {
        case .store(let request): requests.append(request)
        case .send(let message, let destination):
            guard let address = book.address(of: destination) else { return }
            transport?.send(message.encode(), to: address, lane: message.lane)
        case .answer(let request, let result):
            let isDecision = decisions.remove(request) != nil
            switch result {
            case .success: if isDecision { isInDoubt = false }
            case .failure(.noQuorum), .failure(.diverged): isInDoubt = true
            case .failure: break
            }
            answers.removeValue(forKey: request)?(result)
        case .alarm(let alarm):
            let (text, isOver) = alarms.take(alarm)
            logger.log(level: isOver ? .notice : .warning, "\(text)")
        case .joined(let cluster, let replica):
            logger.notice("in a cluster", metadata: ["cluster": "\(cluster)", "replica": "\(replica)"])
        case .stop(let reason):
            logger.critical("\(reason.explanation)")
            view.withLockedValue { $0.stopped = reason }
            stop()
            ended?(reason)
        case .applied, .restored: break
        }
    }

    private func wake(at next: BootTime) {
        if let wake, wake.at <= next { return }
        wake?.task.cancel()
        // Not at once, or the loop would go on with this and hear nobody.
        let wait = max(Self.turnPause, next.nanoseconds(since: SystemClocks.boot()))
        let delay = TimeAmount.nanoseconds(Int64(clamping: wait))
        let task = loop.assumeIsolated().scheduleTask(in: delay) {
            self.wake = nil
            self.turn()
        }
        wake = (next, task)
    }
}
