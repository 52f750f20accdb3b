import Ledger
import NIOCore
import Raft
import Replica
import Testing
import Wire

@testable import Cluster

/// Who leaves takes the keys along: they are renewed, whoever sees to it.
@Suite(.timeLimit(.minutes(2))) struct KeyRenewalTests {
    private func epochs(_ node: Cluster?) -> Int? { node?.view.facts?.epochs.count }

    @Test func whatMayYetStandInTheLogIsNotAskedForAgain() async throws {
        let trio = try await Trio()
        let first = trio.nodes["a"]?.view.status
        try await trio.stopAll()
        var status = try #require(first)
        (status.role, status.term, status.keysDueSince, status.renewsKeys) = (.leader, Term(7), LogIndex(20), true)
        (status.appliedIndex, status.lastIndex) = (LogIndex(20), LogIndex(20))
        var keys = KeyRenewals()
        var now = BootTime(nanoseconds: 5)
        func begins() -> Bool { keys.begins(status, now: now) }
        #expect(begins())
        #expect(!begins(), "it is under way")
        status.lastIndex = LogIndex(21)
        keys.failed(status)
        now = now.adding(nanoseconds: 3_600_000_000_000)
        #expect(!begins(), "it may stand in entry 21")
        status.appliedIndex = LogIndex(21)
        #expect(begins(), "it does not")
        keys.failed(status)
        status.lastIndex = LogIndex(30)
        keys.failed(status)
        now = now.adding(nanoseconds: 3_600_000_000_000)
        #expect(!begins())
        status.term = Term(8)
        #expect(begins(), "another term: what is not in the log by now does not come")
        keys.refused(since: LogIndex(20))
        now = now.adding(nanoseconds: 3_600_000_000_000)
        #expect(!begins(), "the ledger takes no more")
        status.keysDueSince = LogIndex(40)
        #expect(begins(), "somebody else has left")
    }

    /// What the operator's request does after the change is left out, as where the leader dies just then.
    @Test func aRemovalAloneBringsAboutANewEpochAndARestartNoOther() async throws {
        let trio = try await Trio()
        do {
            let id = try #require(trio.nodes["c"]?.view.status?.id)
            await trio.stop("c")
            try await trio.change([.remove(id)]) { !$0.contains(id) }
            for name in ["a", "b"] {
                let node = try #require(trio.nodes[name])
                // A bound that a sound run never comes near.
                let deadline = ContinuousClock.now + .seconds(30)
                while epochs(node) != 2 || node.view.status?.keysDueSince != nil {
                    try #require(ContinuousClock.now < deadline, "the keys were never renewed")
                    try await trio.group.next().scheduleTask(in: .milliseconds(5)) {}.futureResult.get()
                }
            }
            for name in ["a", "b"] { await trio.stop(name) }
            for name in ["a", "b"] { try await trio.start(name) }
            for name in ["a", "b"] { try await trio.nodes[name]?.serving() }
            // Behind whatever a new leader would have begun by itself.
            for name in ["a", "b"] {
                let node = try #require(trio.nodes[name])
                try await node.loop.flatSubmit { [driver = node.driver] in
                    let promise = driver.value.loop.makePromise(of: Void.self)
                    driver.value.submit([.raiseVersion(to: 1)]) {
                        promise.completeWith($0.map { _ in }.mapError { _ in ClusterError.closed })
                    }
                    return promise.futureResult
                }.get()
                #expect(epochs(node) == 2)
            }
        } catch {
            try await trio.stopAll()
            throw error
        }
        try await trio.stopAll()
    }
}
