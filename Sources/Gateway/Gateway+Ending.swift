import NIOConcurrencyHelpers
import NIOCore

/// The end: connections first, then what the node holds for others, then the log.
extension Gateway {
    /// How long a reader of the access log is waited for in the end.
    private static let accessLogPatience = TimeAmount.seconds(2)

    /// Whether the gateway takes new connections and can answer by its policies. At the eventual level that takes what the other
    /// nodes know, for which it waits a few seconds at most.
    public var isReady: Bool {
        running.withLockedValue { !$0.isDraining && !$0.listeners.isEmpty && $0.hasHeardPeers }
    }

    /// From now on ``isReady`` is false, so that load balancers look elsewhere.
    public func announceShutdown() {
        running.withLockedValue { $0.isDraining = true }
    }

    /// Stops accepting, finishes what runs, has the ledger charge what was let through without it, and ends what has not
    /// finished by the deadline.
    public func shutdown(deadline: TimeAmount) async {
        let end = NIODeadline.now() + deadline
        announceShutdown()
        await stopAccepting()
        let group = self.group
        let loops = self.loops
        let finished = group.next().makePromise(of: Void.self)
        let timer = group.next().scheduleTask(in: deadline) { finished.succeed() }
        let drains = loops.map { loop in loop.eventLoop.flatSubmit { loop.value.drain() } }
        EventLoopFuture.andAllComplete(drains, on: group.next()).whenComplete { _ in
            timer.cancel()
            finished.succeed()
        }
        try? await finished.futureResult.get()
        // What is left of slices is there for other nodes; nobody waits for the answers.
        let desks = self.desks
        let unreported = desks.eventLoop.makePromise(of: UInt64.self)
        desks.eventLoop.execute {
            desks.value.close(within: max(.zero, end - .now())) { unreported.succeed($0) }
        }
        if let units = try? await unreported.futureResult.get(), units > 0 {
            logger.warning(
                "units that were let through without a majority are charged to nobody",
                metadata: ["units": "\(units)"]
            )
        }
        for loop in loops {
            try? await loop.eventLoop.submit { loop.value.closeAll() }.get()
            try? await loop.eventLoop.submit { loop.value.observer.flush() }.get()
        }
        await accessLog.close(within: Self.accessLogPatience)
    }

    func stopAccepting() async {
        let listeners = running.withLockedValue { running in
            defer { running.listeners = [] }
            return running.listeners
        }
        for listener in listeners {
            listener.file?.remove()
            for channel in listener.channels { try? await channel.close().get() }
        }
    }
}
