import Ledger
import Raft
import Wire

/// One run: machines with their clocks and disks, the network between them, clients, operators, and what goes wrong,
/// all from one seed; and the rules, checked after each step.
///
/// First things go wrong for a while, as the ``FaultPlan`` says. Then nothing does any more: a majority is healed, and
/// must elect, commit and converge. Single-threaded; a run shares nothing with another.
public final class Simulation {
    let seed: UInt64
    let founders: Int
    let plan: FaultPlan
    var now = Moment.zero
    var queue = EventQueue<Event>()
    var trace: Trace
    var network: SimulatedNetwork
    var nodes: [SimulatedNode] = []
    var invariants: Invariants
    var history = ClientHistory()
    var admissions = Admissions()
    var escrow: EscrowPromise
    var eventual: EventualPromise
    var prices = PricePromise()
    var budget = FaultBudget()
    var counts = SimulationCounts()
    /// What goes wrong, and when.
    var faults: Xoshiro256
    /// Everything else.
    var generator: Xoshiro256
    var clients: Clients
    var operations = Operations()
    var recovery = Recovery()
    /// What decides the policies, once they are there.
    var levels: [PolicyID: PolicyLevel] = [:]
    /// The cluster, once some node knows.
    var cluster: ClusterID?
    /// Founders that are replicas of it.
    var founded: Set<Int> = []
    /// Partitions so far; the present one is the last, if it has not been healed.
    var partitions: UInt64 = 0
    var isChaos = true
    /// When things go wrong no more.
    var chaosEnd = Moment.zero
    /// What was counted for the times when all were down is bounded by what the wall clocks can have said.
    var wallJumpNanoseconds: UInt64 = 0

    /// Runs a seed to its end.
    /// - Parameters:
    ///   - nodes: founders, at least 1.
    ///   - reader: who reads the trace.
    public static func run(
        seed: UInt64,
        nodes: Int,
        reader: Trace.Reader = .none
    ) throws(SimulationFailure) -> SimulationReport {
        try Simulation(seed: seed, nodes: nodes, plan: FaultPlan(seed: seed, nodes: nodes), reader: reader).run()
    }

    init(seed: UInt64, nodes count: Int, plan: FaultPlan, reader: Trace.Reader) {
        self.seed = seed
        founders = count
        self.plan = plan
        trace = Trace(reader)
        var root = Xoshiro256(seed: seed)
        faults = root.split()
        generator = root.split()
        let machines = count + plan.spares
        network = SimulatedNetwork(nodes: machines, generator: root.split())
        network.setQuality(plan.link)
        invariants = Invariants(settings: plan.replica.raft)
        clients = Clients(count: plan.clients, workload: Workload(generator: root.split(), habits: plan.habits))
        escrow = EscrowPromise(driftPPM: plan.driftPPMMax)
        eventual = EventualPromise(delay: plan.wordNanosecondsMax(plan.link), driftPPM: plan.driftPPMMax)
        // Founding without faults takes a second or two; much longer, and it is stuck.
        chaosEnd = Moment(nanoseconds: plan.recoveryNanosecondsMax)
        for place in 0..<machines {
            nodes.append(SimulatedNode(place: place, plan: plan, generator: root.split()))
        }
    }

    func run() throws(SimulationFailure) -> SimulationReport {
        do {
            try begin()
            try pump { chaosEnd }
            try recover()
            try seeThatAllIsWhole()
            try finish()
        } catch {
            throw failure(error)
        }
        return SimulationReport(
            seed: seed,
            nodes: founders,
            hash: trace.hash,
            steps: trace.steps,
            end: now,
            counts: counts
        )
    }

    private func begin() throws(Problem) {
        trace.note(.phase, -1, seed, UInt64(founders), "\(plan)")
        for place in 0..<founders { try start(place) }
        if plan.isFoundingHard { beginFaults() }
    }

    /// A founder is a replica of the new cluster. When all are, the rest begins.
    func joined(_ node: Int, _ cluster: ClusterID) throws(Problem) {
        if let other = self.cluster, other != cluster {
            throw .other("two clusters are founded", nodes: [node])
        }
        self.cluster = cluster
        guard node < founders, founded.count < founders, founded.insert(node).inserted, founded.count == founders else {
            return
        }
        trace.note(.phase, -1, 0, 0, "founded")
        if !plan.isFoundingHard { beginFaults() }
        for place in founders..<nodes.count { queue.push(.start(node: place), at: now) }
        for client in 0..<plan.clients {
            queue.push(.think(client: client), at: now + generator.inNanoseconds(0, plan.thinkNanosecondsMax))
        }
        queue.push(.operate, at: now + 200_000_000)
    }

    private func beginFaults() {
        for kind in FaultKind.allCases { schedule(kind) }
        // No longer than planned from here on.
        chaosEnd = now + plan.chaosNanoseconds
    }

    /// Lets things happen until a moment, which may come nearer or go further meanwhile.
    func pump(until end: () -> Moment) throws(Problem) {
        while let next = queue.nextMoment, next <= end(), let (moment, event) = queue.pop() {
            now = moment
            trace.now = moment
            try happen(event)
        }
        now = max(now, end())
    }

    private func happen(_ event: Event) throws(Problem) {
        switch event {
        case .tick(let node, let boot): try tick(node, boot)
        case .arrival(let sender, let receiver, let bytes): try arrive(from: sender, to: receiver, bytes)
        case .look(let node, let boot): try look(node, boot)
        case .word(let sender, let receiver, let replica, let bytes):
            try heard(bytes, from: sender, at: receiver, for: replica)
        case .flood(let node): try flood(node)
        case .write(let node, let boot): try write(node, boot)
        case .written(let node, let boot): try written(node, boot)
        case .start(let node): try start(node)
        case .resume(let node, let boot): try resume(node, boot)
        case .roomMade(let node): if !recovery.isFull(node) { nodes[node].disk.faults.capacityBytes = nil }
        case .heal(let partition): if partition == partitions { try healLinks() }
        case .fault(let kind): try strike(kind)
        case .think(let client): try think(client)
        case .giveUp(let client, let request): giveUp(client, request)
        case .operate: try operate()
        }
    }
}

/// What ends a run before its time.
enum Problem: Error {
    /// A rule of the group.
    case invariant(InvariantViolation)
    /// A promise to clients.
    case history(HistoryFault)
    /// Anything else that must not be, and the nodes concerned.
    case other(String, nodes: [Int])
}
