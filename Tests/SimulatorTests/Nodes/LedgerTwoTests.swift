import Ledger
import Raft
import Replica
import Testing
import Wire

@testable import Simulator

@Suite struct LedgerTwoTests {
    private static let genesis = Genesis(
        clusterID: ClusterID(high: 1, low: 2),
        secret: Array(repeating: 7, count: LedgerBounds.secretBytes)
    )
    private static let session = SessionID(rawValue: 1)

    private func batch(_ commands: [LedgerTwo.Command], sequence: UInt64) -> [UInt8] {
        var bytes = LedgerTwo.encode(commands, session: Self.session, sequence: sequence, floor: 0)
        LedgerTwo.stamp(&bytes, with: LedgerTime(nanoseconds: 5_000))
        return bytes
    }

    /// A machine with a session and policies.
    private func machine() throws -> LedgerTwo {
        var machine = LedgerTwo(genesis: Self.genesis)
        let opening = LedgerTwo.encode(
            [LedgerTwo.openSession(owner: ReplicaID(high: 1, low: 1))],
            session: SessionID(rawValue: 0),
            sequence: 0,
            floor: 0
        )
        _ = machine.apply(try LedgerTwo.decode(opening, supportedVersion: 2), index: LogIndex(1))
        let policies = batch(
            [.one(.setPolicies(expectedRevision: 0, policies: Workload.policies))],
            sequence: 1
        )
        _ = machine.apply(try LedgerTwo.decode(policies, supportedVersion: 2), index: LogIndex(2))
        return machine
    }

    private func snapshot(of machine: LedgerTwo) -> [UInt8] {
        var encoder = machine.snapshotEncoder()
        var bytes: [UInt8] = []
        while let slice = encoder.next(bytes: 100) { bytes += slice }
        return bytes
    }

    @Test func anEarlierReleaseReadsWhatHasNoNewCommand() throws {
        let bytes = batch([.one(.raiseVersion(to: 1))], sequence: 1)
        let one = try Ledger.decode(bytes, supportedVersion: 1)
        #expect(one == (try LedgerTwo.decode(bytes, supportedVersion: 2).base))
        let machine = try machine()
        #expect(try Ledger(restoring: snapshot(of: machine)).digest == machine.digest)
    }

    @Test func anEarlierReleaseRefusesTheNewCommand() throws {
        let bytes = batch([.one(.raiseVersion(to: 1)), .tally(5)], sequence: 1)
        #expect(throws: StateMachineError.self) { try Ledger.decode(bytes, supportedVersion: 1) }
        #expect(throws: StateMachineError.self) { try LedgerTwo.decode(bytes, supportedVersion: 1) }
        #expect(LedgerTwo.time(of: bytes) == LedgerTime(nanoseconds: 5_000))
        #expect(LedgerTwo.count(of: try LedgerTwo.decode(bytes, supportedVersion: 2)) == 2)
    }

    @Test func aTallyCountsOnce() throws {
        var machine = try machine()
        let bytes = batch([.tally(5), .tally(7)], sequence: 2)
        _ = machine.apply(try LedgerTwo.decode(bytes, supportedVersion: 2), index: LogIndex(3))
        #expect(machine.tallied == 12)
        _ = machine.apply(try LedgerTwo.decode(bytes, supportedVersion: 2), index: LogIndex(4))
        #expect(machine.tallied == 12)
    }

    @Test func aSnapshotHoldsTheTally() throws {
        var machine = try machine()
        let bytes = batch([.tally(5)], sequence: 2)
        _ = machine.apply(try LedgerTwo.decode(bytes, supportedVersion: 2), index: LogIndex(3))
        let snapshot = snapshot(of: machine)
        for piece in [1, 7, snapshot.count] {
            var decoder = LedgerTwo.snapshotDecoder(bytes: snapshot.count)
            for begin in stride(from: 0, to: snapshot.count, by: piece) {
                try decoder.take(Array(snapshot[begin..<min(begin + piece, snapshot.count)]))
            }
            let restored = try decoder.finish()
            #expect(restored.tallied == 5)
            #expect(restored.digest == machine.digest)
        }
        #expect(throws: LedgerDecodingError.self) { try Ledger(restoring: snapshot) }
    }
}
