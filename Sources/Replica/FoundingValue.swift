import Ledger
import Paxos
import Raft
import Wire

/// What the seeds decide on: everything that a cluster begins with. It becomes snapshot 0 at each of them.
///
/// It lists who must accept it: all its members, no more and no less. So a value's acceptors never change.
public struct FoundingValue: Hashable, Sendable {
    /// Which cluster this is: ``derivedCluster`` of the proposer's random bytes, so that no two values share it.
    public var cluster: ClusterID
    /// The cluster's secret: ``Ledger/LedgerBounds/secretBytes`` random bytes of the proposer.
    public var secret: [UInt8]
    /// The version of the ledger's commands that all founders know.
    public var ledgerVersion: UInt32
    /// Spent records held at most, 1 to ``Ledger/LedgerBounds/recordsMaximum``.
    public var maxRecords: UInt32
    /// The first voters: every seed, by the replica id that it had when the value was proposed. Sorted by id.
    public let members: [Member]

    /// A value of these fields.
    public init(cluster: ClusterID, secret: [UInt8], ledgerVersion: UInt32, maxRecords: UInt32, members: [Member]) {
        self.cluster = cluster
        self.secret = secret
        self.ledgerVersion = ledgerVersion
        self.maxRecords = maxRecords
        self.members = members.sorted { $0.id < $1.id }
    }

    /// The state of the ledger at snapshot 0.
    public var genesis: Genesis {
        Genesis(clusterID: cluster, secret: secret, ledgerVersion: ledgerVersion, maxRecords: maxRecords)
    }

    /// The group at snapshot 0: every member votes.
    public var configuration: Configuration { Configuration(members: members, voters: members.map(\.id)) }

    /// The acceptors of this value, sorted.
    var acceptors: [ReplicaID] { members.map(\.id) }

    /// A name for this value and no other, under the key of what ``cluster`` is now: who hears it knows which value is
    /// meant. One process may propose several, for a seed may come back with another disk meanwhile.
    var derivedCluster: ClusterID {
        var writer = ByteWriter(capacity: 128)
        writer.write(ledgerVersion)
        writer.write(maxRecords)
        writer.write(members: members)
        let hash = FoundingInstance(hashing: writer.bytes, key: (cluster.high, cluster.low))
        return ClusterID(high: hash.high, low: hash.low)
    }

    /// Whether these are exactly the seeds, by name and address.
    func isOf(_ seeds: FoundingSeeds) -> Bool {
        members.count == seeds.seeds.count
            && seeds.seeds.allSatisfy { seed in
                members.contains { $0.name == seed.name && $0.address == seed.address }
            }
    }
}

extension FoundingValue {
    private static let formatVersion: UInt8 = 1

    /// The value's bytes, as they are voted on. One form only; less than ``Paxos/Proposal/valueBytesMax``.
    public func encode() -> [UInt8] {
        var writer = ByteWriter(capacity: 128)
        writer.write(Self.formatVersion)
        writer.write(cluster)
        writer.write(raw: secret)
        writer.write(ledgerVersion)
        writer.write(maxRecords)
        writer.write(members: members)
        return writer.take()
    }

    /// Reads a value. What it may hold is checked: snapshot 0 can be made of it.
    public init(decoding bytes: [UInt8]) throws(FoundingDecodingError) {
        var reader = FoundingReader(bytes)
        try reader.version(Self.formatVersion)
        cluster = try reader.read { reader throws(WireError) in try reader.readClusterID() }
        secret = try reader.read { reader throws(WireError) in
            try reader.readBytes(count: LedgerBounds.secretBytes)
        }
        ledgerVersion = try reader.read { reader throws(WireError) in try reader.readUInt32() }
        guard ledgerVersion >= 1 else { throw .invalid(field: "ledgerVersion") }
        maxRecords = try reader.read { reader throws(WireError) in try reader.readUInt32() }
        guard (1...LedgerBounds.recordsMaximum).contains(maxRecords) else { throw .invalid(field: "maxRecords") }
        members = try reader.members()
        guard !members.isEmpty else { throw .invalid(field: "members") }
        for (place, member) in members.enumerated() {
            guard !members[..<place].contains(where: { $0.name == member.name }) else {
                throw .invalid(field: "members")
            }
        }
        try reader.finish()
    }
}

/// What a proposer brings along: drawn by the driver from the operating system's randomness, or configured.
public struct FoundingCandidate: Hashable, Sendable {
    /// 16 random bytes, from which the ids of the values follow that this process proposes.
    public var cluster: ClusterID
    /// ``Ledger/LedgerBounds/secretBytes`` random bytes.
    public var secret: [UInt8]
    /// Spent records held at most, 1 to ``Ledger/LedgerBounds/recordsMaximum``.
    public var maxRecords: UInt32

    /// A value of these fields.
    public init(cluster: ClusterID, secret: [UInt8], maxRecords: UInt32 = LedgerBounds.records) {
        self.cluster = cluster
        self.secret = secret
        self.maxRecords = maxRecords
    }
}
