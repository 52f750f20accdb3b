import Ledger
import NIOConcurrencyHelpers
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import Gateway

/// At most one proposal a challenge and node.
@Suite(.timeLimit(.minutes(1))) struct SpendingTableTests {
    private func id(_ number: UInt64) -> ChallengeID { ChallengeID(high: 1, low: number) }

    private enum Kind { case first, waiting, full }

    private func enter(
        _ table: SpendingTable,
        _ id: ChallengeID,
        _ loop: EmbeddedEventLoop,
        _ retry: @escaping @Sendable () -> Void = {}
    )
        -> Kind
    {
        switch table.enter(id, on: loop, then: { _ in retry() }) {
        case .first: .first
        case .waiting: .waiting
        case .full: .full
        }
    }

    @Test func theFirstSpendsAndTheOthersWaitForIt() {
        let table = SpendingTable()
        let loop = EmbeddedEventLoop()
        let retried = NIOLockedValueBox<[Int]>([])
        #expect(enter(table, id(1), loop) == .first)
        for waiter in 0..<3 {
            #expect(enter(table, id(1), loop) { retried.withLockedValue { $0.append(waiter) } } == .waiting)
        }
        // Another challenge is another matter.
        #expect(enter(table, id(2), loop) == .first)
        loop.run()
        #expect(retried.withLockedValue { $0 } == [])
        table.finish(id(1), isDecided: true)
        // On their loop, and not before it turns.
        #expect(retried.withLockedValue { $0 } == [])
        loop.run()
        #expect(retried.withLockedValue { $0 } == [0, 1, 2])
        // It is over: the next is the first again.
        #expect(enter(table, id(1), loop) == .first)
        #expect(enter(table, id(2), loop) == .waiting)
    }

    @Test func whoWaitsIsToldWhetherItWasDecided() {
        let table = SpendingTable()
        let loop = EmbeddedEventLoop()
        let told = NIOLockedValueBox<[Bool]>([])
        for isDecided in [false, true] {
            #expect(enter(table, id(1), loop) == .first)
            _ = table.enter(id(1), on: loop) { said in told.withLockedValue { $0.append(said) } }
            table.finish(id(1), isDecided: isDecided)
            loop.run()
        }
        #expect(told.withLockedValue { $0 } == [false, true])
    }

    @Test func finishingWhatNobodySpendsDoesNothing() {
        let table = SpendingTable()
        table.finish(id(1), isDecided: true)
        #expect(enter(table, id(1), EmbeddedEventLoop()) == .first)
    }

    @Test func waitersAreBounded() {
        let table = SpendingTable()
        let loop = EmbeddedEventLoop()
        #expect(enter(table, id(1), loop) == .first)
        for _ in 0..<SpendingTable.waitersMax { #expect(enter(table, id(1), loop) == .waiting) }
        #expect(enter(table, id(1), loop) == .full)
        #expect(enter(table, id(2), loop) == .first)
        table.finish(id(1), isDecided: true)
        #expect(enter(table, id(1), loop) == .first)
        // What it would call holds it.
        loop.run()
    }

    @Test func challengesAreBounded() {
        let table = SpendingTable()
        let loop = EmbeddedEventLoop()
        var refused = 0
        for number in 0..<UInt64(SpendingTable.challengesMax) where enter(table, id(number), loop) != .first {
            refused += 1
        }
        #expect(refused == 0)
        #expect(enter(table, id(.max), loop) == .full)
        #expect(enter(table, id(0), loop) == .waiting)
        table.finish(id(5), isDecided: true)
        #expect(enter(table, id(.max), loop) == .first)
    }

    /// Over several threads: exactly one is first at any time, and everyone who waits is called, once, on its own loop.
    @Test func overSeveralLoopsOneSpendsAtATimeAndEveryWaiterIsCalled() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 4)
        let table = SpendingTable()
        let spending = NIOLockedValueBox<[Int]>([Int](repeating: 0, count: 4))
        let loops = Array(group.makeIterator())
        let done = (0..<400).map { _ in group.next().makePromise(of: Void.self) }
        @Sendable func visit(_ number: Int, _ loop: any EventLoop) {
            loop.preconditionInEventLoop()
            let challenge = number % 4
            let id = ChallengeID(high: 9, low: UInt64(challenge))
            switch table.enter(id, on: loop, then: { _ in visit(number, loop) }) {
            case .waiting: break
            case .full: done[number].fail(LedgerUnavailable.overloaded)
            case .first:
                let others = spending.withLockedValue { counts in
                    counts[challenge] += 1
                    return counts[challenge]
                }
                #expect(others == 1)
                loop.execute {
                    spending.withLockedValue { $0[challenge] -= 1 }
                    table.finish(id, isDecided: true)
                    done[number].succeed()
                }
            }
        }
        for number in 0..<400 {
            let loop = loops[number % loops.count]
            loop.execute { visit(number, loop) }
        }
        for promise in done { try await promise.futureResult.get() }
        try await group.shutdownGracefully()
    }
}
