import Ledger
import Paxos
import Raft
import Replica
import Wire

/// Genesis under faults: nodes start in any order, are killed at any moment, come back with their disk, without it, or
/// without the log; messages are lost, repeated, late; lists of seeds differ. One cluster is founded or none, never two;
/// and whoever is left out is told why.
///
/// A value: all of a run follows from its seed.
public struct GenesisSimulation {
    enum Event {
        case start(Int)
        case kill(Int)
        case strike
        case wake(Int, life: Int)
        case receive(Int, from: Int, [UInt8])
        case written(Int, life: Int)
        case calm
    }

    /// How long seeds that are up and hear each other may take to found a cluster, in nanoseconds: 5 s. One of them is
    /// the time in which they are started.
    public static let settlingNanosecondsMax: UInt64 = 5_000_000_000

    /// What the run is like.
    public let plan: GenesisPlan
    var generator: Xoshiro256
    var queue = EventQueue<Event>()
    var network: SimulatedNetwork
    var nodes: [GenesisNode]
    var rules: GenesisRules
    var now = Moment.zero
    var isCalm = false
    var strikes = 0
    /// What happened, in words and as a hash.
    public internal(set) var trace: Trace
    /// What came of it.
    public internal(set) var report: GenesisReport

    /// - Parameters:
    ///   - nodes: how many, or nil to draw from 1 to 7.
    ///   - lists: how the lists of seeds are, or nil to draw.
    public init(seed: UInt64, nodes: Int? = nil, lists: GenesisPlan.Lists? = nil, trace: Trace.Reader = .none) {
        var generator = Xoshiro256(seed: seed)
        let plan = GenesisPlan(nodes: nodes, lists: lists, using: &generator)
        self.plan = plan
        network = SimulatedNetwork(nodes: plan.nodes, generator: generator.split())
        network.setQuality(plan.quality)
        self.nodes = (0..<plan.nodes).map { GenesisNode(number: $0) }
        self.generator = generator
        rules = GenesisRules()
        report = GenesisReport(lists: plan.lists)
        self.trace = Trace(trace)
        for node in 0..<plan.nodes {
            queue.push(.start(node), at: .zero + self.generator.below(plan.startNanosecondsMax))
        }
        for _ in 0..<plan.kills {
            let node = Int(self.generator.below(UInt64(plan.nodes)))
            queue.push(.kill(node), at: .zero + self.generator.below(plan.calm.nanoseconds))
        }
        queue.push(.calm, at: plan.calm)
        if plan.lists == .existing { initialise(plan.keeper) }
    }

    /// Runs to the end.
    /// - Throws: what rule was broken, at ``trace``'s step.
    public mutating func run() throws(InvariantViolation) -> GenesisReport {
        while let (moment, event) = queue.pop(), moment <= plan.end {
            now = moment
            trace.now = moment
            try handle(event)
            if isCalm, isSettled {
                report.settledNanoseconds = now - plan.calm
                break
            }
        }
        try checkEnd()
        report.steps = trace.steps
        report.hash = trace.hash
        return report
    }

    /// A node that was a cluster of its own before.
    private mutating func initialise(_ node: Int) {
        let replica = drawReplica()
        let seed = GenesisNode.seed(node)
        let value = FoundingValue(
            cluster: ClusterID(high: generator.next(), low: generator.next()),
            secret: (0..<LedgerBounds.secretBytes).map { _ in UInt8(truncatingIfNeeded: generator.next()) },
            ledgerVersion: 1,
            maxRecords: LedgerBounds.records,
            members: [Member(id: replica, name: seed.name, address: seed.address)]
        )
        nodes[node].storage = GenesisNode.Storage(outcome: .founded(value), replica: replica)
        rules.existed(value)
    }

    mutating func drawReplica() -> ReplicaID { ReplicaID(high: generator.next(), low: generator.next()) }

    // MARK: - Events

    private mutating func handle(_ event: Event) throws(InvariantViolation) {
        switch event {
        case .start(let node): try start(node)
        case .kill(let node): if nodes[node].isUp { crash(node) }
        case .strike: strike()
        case .wake(let node, let life):
            guard nodes[node].life == life, nodes[node].wakeAt == now, !crashes(node) else { return }
            nodes[node].wakeAt = nil
            try founding(node) { founding, now in founding.advance(to: now) }
        case .receive(let node, let from, let bytes):
            guard nodes[node].isUp, !network.isCut(from: from, to: node), !crashes(node) else { return }
            trace.note(.receive, node, UInt64(from), Trace.hash(bytes))
            try receive(node, bytes)
        case .written(let node, let life):
            guard nodes[node].life == life else { return }
            try land(node)
        case .calm: calm()
        }
        changeLinks()
    }

    /// From now on every node stays up, keeps its disk, and is heard.
    private mutating func calm() {
        isCalm = true
        trace.note(.phase, -1, 0, 0, "faults end")
        network.heal()
        network.setQuality(.perfect)
        for node in nodes.indices {
            // An operator's correction needs a restart.
            if !plan.corrected.isEmpty, nodes[node].isUp { stop(node) }
            if !nodes[node].isUp { queue.push(.start(node), at: now + generator.below(1_000_000_000)) }
        }
    }

    private mutating func changeLinks() {
        guard !isCalm, plan.stepsPerCut > 0, plan.nodes > 1, generator.chance(1, of: plan.stepsPerCut) else { return }
        let from = Int(generator.below(UInt64(plan.nodes)))
        let to = Int(generator.below(UInt64(plan.nodes)))
        let cut = !network.isCut(from: from, to: to)
        network.setCut(cut, from: from, to: to)
        trace.note(cut ? .partition : .heal, from, UInt64(to))
    }
}
