import Ledger
import Raft
import Replica

/// The clients of a run, each with one request at a time, and what the log made of what they asked.
struct Clients {
    /// A request that waits for its answer.
    struct Waiting {
        var client: Int
        var node: Int
        var purpose: Purpose

        var isOfClient: Bool { if case .errand = purpose { false } else { true } }
    }

    /// What a request is for.
    enum Purpose {
        case workload(Workload.Request, history: UInt64?)
        case read(Workload.Request, history: UInt64, Invariants.ReadExpectation)
        case policies
        /// A charge that a gateway decides.
        case quota
        /// What a gateway asks of the ledger.
        case errand(SimulatedGateway.Errand)
        /// A change of the prices.
        case prices
        /// After the faults: whether all of a bucket is there.
        case whole
        case tally
        /// After the faults: to see that a node gets something done.
        case probe
    }

    /// Where a marked command stands in the log.
    struct Place {
        var session: SessionID
        var sequence: UInt64
        var result: CommandResult
    }

    var workload: Workload
    /// By number.
    var waiting: [UInt64: Waiting] = [:]
    /// The node that each client talks to.
    var nodes: [Int]
    /// What each client waits for.
    var requests: [UInt64?]
    /// Where each mark was applied first.
    var places: [UInt64: Place] = [:]
    /// Marks of commands of which a client was told that they were not done.
    var refused: Set<UInt64> = []
    /// The last index that was looked at.
    var seenThrough = LogIndex.zero
    private var nextNumber: UInt64 = 1

    init(count: Int, workload: Workload) {
        self.workload = workload
        nodes = Array(repeating: 0, count: count)
        requests = Array(repeating: nil, count: count)
    }

    /// A number for a request, unlike all others.
    mutating func takeNumber() -> UInt64 {
        nextNumber += 1
        return nextNumber - 1
    }
}
