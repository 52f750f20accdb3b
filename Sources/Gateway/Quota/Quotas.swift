import Ledger
import NIOCore
import ProofOfWork
import Quota
import Wire

/// The quota side of a node: its desks on the first loop, and each loop's side of them.
struct Quotas {
    /// What the node has once. Confined to the first loop.
    final class Desks {
        let slices: SliceDesk
        let eventual: EventualDesk
        let reports: ReportDesk

        init(slices: SliceDesk, eventual: EventualDesk, reports: ReportDesk) {
            self.slices = slices
            self.eventual = eventual
            self.reports = reports
        }

        /// The ledger's facts may be others.
        func factsChanged() {
            slices.factsChanged()
            eventual.factsChanged()
        }

        /// Gives everything back that is held, and tells nobody of anything afterwards, but for what was let through without a
        /// majority: see ``ReportDesk/end(within:completion:)``.
        func close(within time: TimeAmount = .zero, completion: @escaping (_ unreported: UInt64) -> Void = { _ in }) {
            slices.close()
            eventual.close()
            reports.end(within: time, completion: completion)
        }
    }

    let desks: NIOLoopBound<Desks>
    /// In the order of the clients.
    let loops: [NIOLoopBound<QuotaLoop>]

    /// - Parameter clients: of the loops, at least one; the first loop has the desks.
    static func make(
        _ clients: [NIOLoopBound<any LedgerClient>],
        clock: @escaping @Sendable () -> UInt64,
        makePeers: Gateway.MakeQuotaPeers?
    ) async throws -> Quotas {
        let home = clients[0].eventLoop
        let boot = UInt64.random(in: 1 ... .max)
        let (desks, revisions, offline) = try await home.submit {
            let ledger = clients[0].value
            let peers = makePeers?(home)
            let replica = peers?.replica ?? ReplicaID(high: 0, low: 0)
            let origin = TokenOrigin(replicaHigh: replica.high, replicaLow: replica.low, boot: boot)
            let offline = OfflineDesk(origin: origin)
            let revisions = EventualRevisions(ledger.facts, now: clock())
            let desks = Desks(
                slices: SliceDesk(eventLoop: home, ledger: ledger, clock: clock),
                eventual: EventualDesk(
                    eventLoop: home,
                    ledger: ledger,
                    peers: peers,
                    boot: boot,
                    revisions: revisions,
                    clock: clock
                ),
                reports: ReportDesk(eventLoop: home, ledger: ledger, offline: offline, clock: clock)
            )
            return (NIOLoopBound(desks, eventLoop: home), revisions, offline)
        }.get()
        var quotas: [NIOLoopBound<QuotaLoop>] = []
        var served: [NIOLoopBound<WeakQuotaLoop>] = []
        for (index, client) in clients.enumerated() {
            let eventLoop = client.eventLoop
            let (quota, weak) = try await eventLoop.submit {
                let quota = QuotaLoop(
                    eventLoop: eventLoop,
                    index: index,
                    loops: clients.count,
                    ledger: client.value,
                    desks: desks,
                    revisions: revisions,
                    offline: offline,
                    clock: clock
                )
                return (
                    NIOLoopBound(quota, eventLoop: eventLoop),
                    NIOLoopBound(WeakQuotaLoop(loop: quota), eventLoop: eventLoop)
                )
            }.get()
            quotas.append(quota)
            served.append(weak)
        }
        try await home.submit { [served] in
            desks.value.slices.serve(served)
            desks.value.eventual.serve(served)
        }.get()
        return Quotas(desks: desks, loops: quotas)
    }
}
