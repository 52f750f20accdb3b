import RaftTransport
import Replica
import Wire

/// Whether a node that is the only member of its cluster is so by mistake: its data folder may be another one than its
/// configuration means.
///
/// A folder of a cluster of one, of a node that listens for peers, is either that of one that grows: the others
/// are not there yet, or wait to be admitted. Or it is the wrong folder, and the others are a cluster that misses a member; to
/// serve then would be to have each limit twice. What tells the two apart is who dials: a member keeps connections with the
/// members of its own cluster and with nobody else. So a member of another cluster that dials this node takes it for one of
/// that cluster, which has another disk of it. A seed with some old folder of its own does not, and cannot do harm. And a member
/// of the same cluster that this folder knows nothing of shows that the folder is from before the node grew: the leader tells
/// it the rest.
///
/// Until the others have had the time to dial, or all of them have connected in peace, the node does not say that it is ready,
/// and decides nothing: see ``HeldSubmissions``. Nor does it lead, which would write entries that the others' log contradicts.
/// What was found out stays so until the seed in question connects in peace, or the process ends. A cluster of one that was
/// recovered is one by its operator's word: its former members may well dial it, and are wrong.
struct LoneMember {
    enum Standing: Hashable {
        /// Nothing speaks against it.
        case well
        /// The others may not have had the time to dial yet.
        case listening
        /// These are members of this very cluster, as they say, and this folder knows of nobody else: it is an earlier state of
        /// this node's. Sorted.
        case outgrown(by: [String])
        /// These seeds are members of this cluster, which is another one. Sorted.
        case astray(seeds: [String], ClusterID)
    }

    /// Whether it may be by mistake at all.
    private let isApplicable: Bool
    /// The seeds but for this node.
    private let others: Set<String>
    /// Until when it listens.
    private let listensUntil: BootTime
    /// Seeds of another cluster that took this node for a member of it, by name.
    private var foreign: [String: ClusterID] = [:]
    /// Seeds that have connected in peace.
    private var met: Set<String> = []
    /// Nodes that know later of this cluster's members than this node does.
    private var fellows: Set<String> = []
    /// As of the last review; nil before the first.
    private var isAlone: Bool?

    /// - Parameters:
    ///   - hasPeers: it listens for peers: others may know it that are not among its seeds, which is so while it grows.
    ///   - isRecovered: an operator has made this a cluster of one.
    init(own: String, seeds: FoundingSeeds, hasPeers: Bool, isRecovered: Bool, listensUntil: BootTime) {
        isApplicable = hasPeers && !isRecovered
        others = isApplicable ? Set(seeds.seeds.map(\.name)).subtracting([own]) : []
        self.listensUntil = listensUntil
    }

    /// A node that has dialled was refused, since it belongs to another cluster.
    mutating func refused(_ node: NodeIdentity) {
        guard let cluster = node.cluster, node.membership != nil, others.contains(node.name) else { return }
        foreign[node.name] = cluster
    }

    /// A node was let in.
    /// - Parameter isFellow: it takes itself for a member of the same cluster.
    mutating func met(_ name: String, isFellow: Bool) {
        if isFellow, isAlone ?? true, fellows.count < Self.fellowsMax { fellows.insert(name) }
        guard others.contains(name) else { return }
        foreign[name] = nil
        met.insert(name)
    }

    /// Names that are kept.
    private static let fellowsMax = 16

    /// - Parameter isAlone: it is a member of a cluster, and nobody else is.
    mutating func review(isAlone: Bool, now: BootTime) -> Standing {
        self.isAlone = isAlone
        // They belong together, as this node knows by now.
        if !isAlone { fellows = [] }
        guard isAlone, isApplicable else { return .well }
        let seeds = foreign.keys.sorted()
        if let first = seeds.first, let cluster = foreign[first] { return .astray(seeds: seeds, cluster) }
        guard fellows.isEmpty else { return .outgrown(by: fellows.sorted()) }
        return now < listensUntil && (others.isEmpty || met != others) ? .listening : .well
    }
}
