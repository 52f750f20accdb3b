import Ledger
import Raft
import Replica
import Testing
import Wire

@testable import Simulator

@Suite struct LaterLedgerTests {
    private static let genesis = Genesis(
        clusterID: ClusterID(high: 1, low: 2),
        secret: Array(repeating: 7, count: LedgerBounds.secretBytes)
    )
    private static let session = SessionID(rawValue: 1)
    private static let version = LaterLedger.supportedVersion

    private func batch(_ commands: [LaterLedger.Command], sequence: UInt64) -> [UInt8] {
        var bytes = LaterLedger.encode(commands, session: Self.session, sequence: sequence, floor: 0)
        LaterLedger.stamp(&bytes, with: LedgerTime(nanoseconds: 5_000))
        return bytes
    }

    /// A machine with a session and policies.
    private func machine() throws -> LaterLedger {
        var machine = LaterLedger(genesis: Self.genesis)
        let opening = LaterLedger.encode(
            [LaterLedger.openSession(owner: ReplicaID(high: 1, low: 1))],
            session: SessionID(rawValue: 0),
            sequence: 0,
            floor: 0
        )
        _ = machine.apply(try LaterLedger.decode(opening, supportedVersion: Self.version), index: LogIndex(1))
        let policies = batch(
            [.known(.setPolicies(expectedRevision: 0, policies: Workload.policies))],
            sequence: 1
        )
        _ = machine.apply(try LaterLedger.decode(policies, supportedVersion: Self.version), index: LogIndex(2))
        return machine
    }

    private func snapshot(of machine: LaterLedger) -> [UInt8] {
        var encoder = machine.snapshotEncoder()
        var bytes: [UInt8] = []
        while let slice = encoder.next(bytes: 100) { bytes += slice }
        return bytes
    }

    @Test func anEarlierReleaseReadsWhatHasNoNewCommand() throws {
        let bytes = batch([.known(.raiseVersion(to: 1))], sequence: 1)
        let one = try Ledger.decode(bytes, supportedVersion: Ledger.supportedVersion)
        #expect(one == (try LaterLedger.decode(bytes, supportedVersion: Self.version).base))
        let machine = try machine()
        #expect(try Ledger(restoring: snapshot(of: machine)).digest == machine.digest)
    }

    @Test func anEarlierReleaseRefusesTheNewCommand() throws {
        let bytes = batch([.known(.raiseVersion(to: 1)), .tally(5)], sequence: 1)
        #expect(throws: StateMachineError.self) { try Ledger.decode(bytes, supportedVersion: Ledger.supportedVersion) }
        #expect(throws: StateMachineError.self) {
            try LaterLedger.decode(bytes, supportedVersion: Ledger.supportedVersion)
        }
        #expect(LaterLedger.time(of: bytes) == LedgerTime(nanoseconds: 5_000))
        #expect(LaterLedger.count(of: try LaterLedger.decode(bytes, supportedVersion: Self.version)) == 2)
    }

    @Test func aTallyCountsOnce() throws {
        var machine = try machine()
        let bytes = batch([.tally(5), .tally(7)], sequence: 2)
        _ = machine.apply(try LaterLedger.decode(bytes, supportedVersion: Self.version), index: LogIndex(3))
        #expect(machine.tallied == 12)
        _ = machine.apply(try LaterLedger.decode(bytes, supportedVersion: Self.version), index: LogIndex(4))
        #expect(machine.tallied == 12)
    }

    @Test func aSnapshotHoldsTheTally() throws {
        var machine = try machine()
        let bytes = batch([.tally(5)], sequence: 2)
        _ = machine.apply(try LaterLedger.decode(bytes, supportedVersion: Self.version), index: LogIndex(3))
        let snapshot = snapshot(of: machine)
        for piece in [1, 7, snapshot.count] {
            var decoder = LaterLedger.snapshotDecoder(bytes: snapshot.count)
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
