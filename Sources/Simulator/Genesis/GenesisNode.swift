import Ledger
import Raft
import Replica
import Wire

/// A node of a simulated genesis: what is on its disk, and the process that may run on it.
struct GenesisNode {
    /// The log's storage, as far as genesis is concerned.
    struct Storage {
        var outcome: FoundingOutcome
        var replica: ReplicaID
    }

    /// A write that is under way. In order, as one thread does it.
    enum Write {
        /// Of the record; with the number to report, where founding asked for it.
        case record([UInt8], number: UInt64?)
        /// Of the log's first state.
        case storage(Storage)
    }

    /// What runs.
    enum Process {
        /// Nothing.
        case down
        /// Down until its list is put right, or for good.
        case refused(FoundingRefusal)
        /// No storage yet.
        case founding(Founding)
        /// Storage, but the record does not say so yet.
        case settling
        /// The replica takes part.
        case member
    }

    let number: Int
    // The disk.
    var record: [UInt8]?
    var storage: Storage?
    // The process.
    var process = Process.down
    var life = 0
    var writes: [Write] = []
    var wakeAt: Moment?
    /// Replicas that this node's former disks held.
    var formerReplicas: [ReplicaID] = []

    var name: String { Self.name(number) }
    var isUp: Bool {
        switch process {
        case .down, .refused: false
        case .founding, .settling, .member: true
        }
    }

    static func name(_ number: Int) -> String { "node-\(number)" }
    static func seed(_ number: Int) -> FoundingSeed {
        FoundingSeed(name: name(number), address: "10.0.0.\(number + 1):7400")
    }

    /// The number of a node by its name.
    static func number(of name: String) -> Int? { Int(name.dropFirst("node-".count)) }
}
