import Simulator
import Testing

@testable import Raft

@Suite struct MemoryInvariantTests {
    private typealias Cluster = FabricatedCluster

    private var settings: RaftSettings {
        var settings = RaftSettings()
        settings.appendBytesMax = 10
        settings.uncommittedBytesMax = 100
        settings.unpersistedBytesMax = 200
        settings.inflightBytesMax = 40
        return settings
    }

    private func append(
        _ bytes: Int,
        _ cluster: inout Cluster,
        durable: Bool = true
    ) throws(InvariantViolation) {
        try cluster.step(0, durable: durable) { $0.append(.command(Array(repeating: 0, count: bytes)), term: 1) }
    }

    @Test func refusesMoreUncommittedThanTheBound() throws {
        var cluster = try Cluster.established(3, settings: settings)
        for _ in 0..<11 { try append(10, &cluster) }
        #expect(broken { () throws(InvariantViolation) in try append(10, &cluster) } == "BoundedMemory")
    }

    @Test func countsOnlyWhatIsNotCommitted() throws {
        var cluster = try Cluster.established(3, settings: settings)
        for _ in 0..<10 { try append(10, &cluster) }
        try cluster.replicate(0, to: [1])
        try cluster.commit(0, 11)
        for _ in 0..<10 { try append(10, &cluster) }
    }

    @Test func refusesMoreForTheDiskThanTheBound() throws {
        var cluster = try Cluster.established(3, settings: settings)
        for _ in 0..<21 {
            try cluster.step(1, durable: false) { $0.append(.command(Array(repeating: 0, count: 10)), term: 1) }
        }
        #expect(
            broken { () throws(InvariantViolation) in
                try cluster.step(1, durable: false) { $0.append(.command([0]), term: 1) }
            } == "BoundedMemory"
        )
    }

    @Test func oneLongEntryMayPassTheBound() throws {
        var cluster = try Cluster.established(3, settings: settings)
        try append(300, &cluster)
        #expect(broken { () throws(InvariantViolation) in try append(101, &cluster) } == "BoundedMemory")
    }

    @Test func refusesMoreOnItsWayThanTheBound() throws {
        var settings = settings
        settings.uncommittedBytesMax = 1_000
        for (entries, expected) in [(25, nil), (26, "BoundedMemory")] as [(UInt64, String?)] {
            var cluster = try Cluster.established(3, settings: settings)
            for _ in 0..<entries { try append(10, &cluster) }
            let progress = Progress(
                state: .replicate,
                match: LogIndex(1),
                next: LogIndex(2 + entries),
                recentlyActive: true
            )
            #expect(
                broken { () throws(InvariantViolation) in
                    // Not looked at in each step.
                    for _ in 0..<32 { try cluster.step(0) { $0.progress = [(Cluster.id(1), progress)] } }
                } == expected
            )
        }
    }
}
