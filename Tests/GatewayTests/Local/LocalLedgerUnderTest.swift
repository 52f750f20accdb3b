import Ledger
import NIOCore
import NIOPosix
import Wire

@testable import Gateway

/// The ledger of one process, on a clock that tests move.
struct LocalLedgerUnderTest: LedgerUnderTest {
    let clients: [NIOLoopBound<any LedgerClient>]
    let clock: ManualClock
    private let group: MultiThreadedEventLoopGroup

    let overloadingCommands: Int? = LocalLedgerClient.waitingMax + 1

    init(clients count: Int) async throws {
        let clock = ManualClock()
        let ledger = LocalLedger(genesis: genesis) { clock.nanoseconds }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: count)
        var clients: [NIOLoopBound<any LedgerClient>] = []
        for (index, loop) in group.makeIterator().enumerated() {
            let client = try await loop.submit {
                let owner = ReplicaID(high: 0, low: UInt64(index) + 1)
                return NIOLoopBound<any LedgerClient>(ledger.makeClient(on: loop, owner: owner), eventLoop: loop)
            }.get()
            clients.append(client)
        }
        self.clock = clock
        self.clients = clients
        self.group = group
    }

    func advance(nanoseconds: UInt64) async -> Bool {
        clock.advance(nanoseconds: nanoseconds)
        return true
    }

    func shutDown() async throws { try await group.shutdownGracefully() }
}

extension LedgerFactory {
    static let local = LedgerFactory(name: "LocalLedger") { try await LocalLedgerUnderTest(clients: $0) }
}
