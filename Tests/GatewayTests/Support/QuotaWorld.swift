import Ledger
import NIOCore
import NIOEmbedded
import ProofOfWork
import Quota
import Settings
import Testing
import Wire

@testable import Gateway

/// A node of two loops with its quota side against a real ledger, in time that only the tests let pass.
final class QuotaWorld {
    let eventLoop = EmbeddedEventLoop()
    let clock = ManualClock()
    let ledger: LocalLedger
    /// Of the desk, and of each loop.
    let clients: [CountingLedgerClient]
    let desks: NIOLoopBound<Quotas.Desks>
    let offline: OfflineDesk
    let loops: [QuotaLoop]
    let limits: [LimitID]
    let policy: PolicyID

    init(
        _ definitions: [LimitDefinition],
        ledgerVersion: UInt32 = Ledger.lendingVersion,
        peers: (any QuotaPeers)? = nil,
        boot: UInt64 = 1
    ) throws {
        let clock = clock
        let eventLoop = eventLoop
        var genesis = genesis
        genesis.ledgerVersion = ledgerVersion
        let ledger = LocalLedger(genesis: genesis) { clock.nanoseconds }
        self.ledger = ledger
        clock.advance(seconds: 1_000)
        let clients = (0..<2).map {
            CountingLedgerClient(ledger.makeClient(on: eventLoop, owner: ReplicaID(high: 0, low: $0)))
        }
        self.clients = clients
        clients[0].submit([
            .setPolicies(
                expectedRevision: 0,
                policies: [PolicyDefinition(name: "api", maxKeys: 1_000, limits: definitions)]
            )
        ]) { _ in }
        eventLoop.run()
        clients[1].catchUp { _ in }
        eventLoop.run()
        let offline = OfflineDesk(origin: TokenOrigin(replicaHigh: 1, replicaLow: 1, boot: 1))
        self.offline = offline
        let revisions = EventualRevisions(clients[0].facts, now: clock.nanoseconds)
        let desks = NIOLoopBound(
            Quotas.Desks(
                slices: SliceDesk(eventLoop: eventLoop, ledger: clients[0]) { clock.nanoseconds },
                eventual: EventualDesk(
                    eventLoop: eventLoop,
                    ledger: clients[0],
                    peers: peers,
                    boot: boot,
                    revisions: revisions
                ) {
                    clock.nanoseconds
                },
                reports: ReportDesk(eventLoop: eventLoop, ledger: clients[0], offline: offline) {
                    clock.nanoseconds
                }
            ),
            eventLoop: eventLoop
        )
        self.desks = desks
        loops = clients.indices.map { index in
            QuotaLoop(
                eventLoop: eventLoop,
                index: index,
                loops: clients.count,
                ledger: clients[index],
                desks: desks,
                revisions: revisions,
                offline: offline,
                lendsAlone: true
            ) {
                clock.nanoseconds
            }
        }
        let served = loops.map { NIOLoopBound(WeakQuotaLoop(loop: $0), eventLoop: eventLoop) }
        desks.value.slices.serve(served)
        desks.value.eventual.serve(served)
        let facts = clients[0].facts
        policy = facts.policies[0].id
        limits = facts.policies[0].limits.map(\.id)
    }

    /// Timers that have not come keep an embedded loop, and it them.
    deinit { try? eventLoop.syncShutdownGracefully() }

    /// Time passes, and what is due happens.
    func pass(milliseconds: UInt64) {
        for _ in 0..<milliseconds {
            clock.advance(nanoseconds: 1_000_000)
            eventLoop.advanceTime(by: .milliseconds(1))
        }
    }

    func limit(_ place: Int, _ key: UInt64, reserve: UInt32 = 0) -> LimitCharge {
        LimitCharge(
            limit: limits[place],
            key: QuotaKey(high: key &* 0x9E37_79B9_7F4A_7C15, low: key),
            fallback: QuotaKey(high: 1, low: 1),
            reserve: reserve
        )
    }

    /// Asks, and lets happen what needs no time.
    func charge(
        _ limits: [LimitCharge],
        loop: Int = 0,
        consistency: PolicySettings.Consistency = .escrow,
        pass: PassCharge? = nil,
        mayAsk: Bool = true
    ) -> Result<ChargeOutcome, LedgerUnavailable>? {
        var answer: Result<ChargeOutcome, LedgerUnavailable>?
        var answers = 0
        let charge = Charge(policy: policy, cost: 1, pass: pass, limits: limits)
        loops[loop].charge(charge, consistency, mayAsk: mayAsk) {
            answer = $0
            answers += 1
        }
        eventLoop.run()
        #expect(answers <= 1)
        return answer
    }

    func admits(_ limits: [LimitCharge], loop: Int = 0) -> Bool? {
        switch charge(limits, loop: loop) {
        case .success(.admitted): true
        case .success: false
        case .failure, nil: nil
        }
    }

    var proposals: [Command] { clients.flatMap(\.proposals) }
    var loans: Int { proposals.count { if case .lend = $0 { true } else { false } } }
    var charges: Int { proposals.count { if case .charge = $0 { true } else { false } } }
    var returns: Int { proposals.count { if case .returnUnits = $0 { true } else { false } } }
}
