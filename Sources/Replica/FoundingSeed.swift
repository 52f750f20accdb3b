import Raft

/// A node that founds the cluster, as the configuration names it.
public struct FoundingSeed: Hashable, Sendable {
    /// The node's name, as in its certificate. 1 to ``Raft/Configuration/nameBytesMax`` bytes of UTF-8.
    public var name: String
    /// Where its peers reach it, `host:port`. 1 to ``Raft/Configuration/nameBytesMax`` bytes of UTF-8.
    public var address: String

    /// A value of these fields.
    public init(name: String, address: String) {
        self.name = name
        self.address = address
    }

    /// By name, as bytes; of one name, by address.
    static func precedes(_ left: FoundingSeed, _ right: FoundingSeed) -> Bool {
        left.name != right.name
            ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
            : left.address.utf8.lexicographicallyPrecedes(right.address.utf8)
    }
}

/// All nodes that found the cluster: the same list at each of them, in whatever order it was written down.
public struct FoundingSeeds: Hashable, Sendable {
    /// Sorted by name. At least one, at most ``Raft/Configuration/membersMax``; no name and no address twice.
    public let seeds: [FoundingSeed]

    /// - Throws: what is wrong with the list, which is the operator's.
    public init(_ seeds: [FoundingSeed]) throws(FoundingRefusal) {
        guard !seeds.isEmpty else { throw .noSeeds }
        guard seeds.count <= Configuration.membersMax else { throw .tooManySeeds(count: seeds.count) }
        for seed in seeds {
            guard (1...Configuration.nameBytesMax).contains(seed.name.utf8.count) else { throw .badName(seed.name) }
            guard (1...Configuration.nameBytesMax).contains(seed.address.utf8.count) else {
                throw .badAddress(seed.address)
            }
        }
        self.seeds = seeds.sorted(by: FoundingSeed.precedes)
        for (one, next) in zip(self.seeds, self.seeds.dropFirst()) {
            guard one.name != next.name else { throw .repeatedName(one.name) }
        }
        for (place, seed) in self.seeds.enumerated() {
            guard !self.seeds[..<place].contains(where: { $0.address == seed.address }) else {
                throw .repeatedAddress(seed.address)
            }
        }
    }

    /// The place of a name in the list.
    func place(of name: String) -> Int? { seeds.firstIndex { $0.name == name } }

    /// What one list has and the other lacks. A seed with another address counts on both sides.
    func differences(from other: [FoundingSeed]) -> (onlyHere: [FoundingSeed], onlyThere: [FoundingSeed]) {
        (seeds.filter { !other.contains($0) }, other.filter { !seeds.contains($0) })
    }
}

/// Why a node cannot take part in founding a cluster. Each is for the operator to put right.
public enum FoundingRefusal: Error, Hashable, Sendable {
    /// The list of seeds is empty.
    case noSeeds
    /// More than ``Raft/Configuration/membersMax``.
    case tooManySeeds(count: Int)
    /// A name is empty or too long.
    case badName(String)
    /// An address is empty or too long.
    case badAddress(String)
    /// Two seeds have one name.
    case repeatedName(String)
    /// Two seeds have one address.
    case repeatedAddress(String)
    /// This node is not among the seeds.
    case notASeed(name: String)
    /// This node has voted in a round of other seeds. What it promised there binds it.
    case seedsChanged

    /// One sentence for the operator, with what to do.
    public var explanation: String {
        switch self {
        case .noSeeds: "The list of seeds is empty: name at least this node."
        case .tooManySeeds(let count):
            "\(count) seeds are too many: at most \(Configuration.membersMax) found a cluster."
        case .badName(let name):
            "The seed name \"\(name)\" is empty or longer than \(Configuration.nameBytesMax) bytes."
        case .badAddress(let address):
            "The seed address \"\(address)\" is empty or longer than \(Configuration.nameBytesMax) bytes."
        case .repeatedName(let name): "Two seeds are named \"\(name)\": give each node a name of its own."
        case .repeatedAddress(let address): "Two seeds have the address \(address)."
        case .notASeed(let name): "This node, \"\(name)\", is not in its own list of seeds: add it."
        case .seedsChanged:
            """
            This node has voted on the founding of a cluster with another list of seeds. Restore that list; or, if no \
            node of it belongs to a cluster yet, clear the data folders of all of them.
            """
        }
    }
}
