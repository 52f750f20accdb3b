import Ledger
import Logging
import NIOCore
import Testing

@testable import Gateway

/// What a loop takes over from the ledger as it begins.
@Suite struct GatewayLoopTests {
    private static let day: UInt64 = 86_400 * second

    @Test func whatHasChangedSinceTheQuotaSideWasMadeIsKnownToIt() throws {
        let limit = LimitDefinition(role: .free, key: "client", interval: Self.day, burst: 1_000)
        let world = try QuotaWorld([limit], ledgerVersion: 1)
        for client in world.clients {
            client.submit([.raiseVersion(to: Ledger.lendingVersion)]) { _ in }
            world.eventLoop.run()
        }
        let site = try configuration(
            """
            upstreams: { app: { servers: ["127.0.0.1:3000"] } }
            policies: { api: { preset: api } }
            routes: [ { upstream: app, policy: api } ]
            """
        )
        let client = world.clients[0]
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let loop = GatewayLoop(
            eventLoop: world.eventLoop,
            index: 0,
            loops: 1,
            ledger: client,
            quota: world.loops[0],
            desks: world.desks.value,
            issues: IssueDesk(eventLoop: world.eventLoop, ledger: client),
            spending: SpendingTable(),
            state: try GatewayState(site, facts: client.facts, now: client.now()),
            connectionsMax: 1,
            counters: Counters(),
            observer: LoopObserver(
                eventLoop: world.eventLoop,
                mask: ClientMask(),
                accessLog: AccessLog(logger: logger),
                refusals: RefusalHistory()
            ),
            logger: logger
        )
        for _ in 0..<50 {
            #expect(world.admits([world.limit(0, 1)]) == true)
            world.pass(milliseconds: 1)
        }
        #expect(world.loans > 0)
        withExtendedLifetime(loop) {}
    }
}
