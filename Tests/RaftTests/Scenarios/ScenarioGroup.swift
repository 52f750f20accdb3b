import Raft
import Wire

/// A group of cores with a scripted network and scripted disks. Nothing happens by itself and nothing is random:
/// messages wait until they are delivered, in the order in which they were sent.
struct ScenarioGroup {
    struct Link: Hashable {
        let from: ReplicaID
        let to: ReplicaID
    }

    var settings = RaftSettings()
    /// In the order of their names.
    private(set) var nodes: [ScenarioNode] = []
    /// On their way, in the order of sending.
    private(set) var inFlight: [Message] = []
    /// Links that lose what is sent over them.
    private(set) var cuts: Set<Link> = []
    /// Messages that stay on their way.
    private(set) var held: [ScenarioPattern] = []
    /// Where messages for a replica go that is no more: the same machine, with another disk.
    private var successors: [ReplicaID: ReplicaID] = [:]
    /// Everything ever sent; what was sent since `watch` begins at `watchedFrom`.
    private(set) var sent: [Message] = []
    private(set) var watchedFrom = 0
    private(set) var trace: [String] = []
    var safety = ScenarioSafety()
    /// The network repeats everything at once.
    var deliversTwice = false

    /// More deliveries in a row than this are taken for an endless conversation.
    private static let deliveriesMax = 100_000

    var watched: ArraySlice<Message> { sent[watchedFrom...] }

    // MARK: - Nodes

    func index(of id: ReplicaID) throws -> Int {
        guard let index = nodes.firstIndex(where: { $0.id == id }) else { throw ScenarioFailure("no node \(id.name)") }
        return index
    }

    /// Adds a node with this on its disk, and starts it.
    mutating func add(_ id: ReplicaID, restored: RestoredState, payload: [UInt8] = []) throws {
        nodes.removeAll { $0.id == id }
        nodes.append(ScenarioNode(id: id, disk: ScenarioDisk(restored, payload: payload)))
        nodes.sort { $0.id < $1.id }
        try start(id)
    }

    mutating func start(_ id: ReplicaID) throws {
        let index = try index(of: id)
        guard nodes[index].raft == nil else { throw ScenarioFailure("\(id.name) runs") }
        nodes[index].start(settings)
        try settle(index)
    }

    mutating func crash(_ id: ReplicaID, keepingWrites count: Int) throws {
        let index = try index(of: id)
        guard nodes[index].raft != nil else { throw ScenarioFailure("\(id.name) is down") }
        nodes[index].crash(keepingWrites: count)
    }

    /// What is sent to `old` arrives at `new`.
    mutating func replace(_ old: ReplicaID, by new: ReplicaID) { successors[old] = new }

    /// Does something to a running core, then all that follows from it within the node.
    mutating func act<Result>(on id: ReplicaID, _ body: (inout Raft) throws -> Result) throws -> Result {
        let index = try index(of: id)
        guard var raft = nodes[index].raft else { throw ScenarioFailure("\(id.name) is down") }
        nodes[index].raft = nil
        let result = Swift.Result { try body(&raft) }
        nodes[index].raft = raft
        try settle(index)
        return try result.get()
    }

    mutating func withDisk(of id: ReplicaID, _ body: (inout ScenarioDisk) -> Void) throws {
        let index = try index(of: id)
        body(&nodes[index].disk)
        try settle(index)
    }

    // MARK: - Network

    mutating func cut(_ link: Link) {
        cuts.insert(link)
        for message in inFlight where message.from == link.from && message.to == link.to { lose(message) }
        inFlight.removeAll { $0.from == link.from && $0.to == link.to }
    }

    mutating func heal(_ link: Link?) {
        if let link { cuts.remove(link) } else { cuts = [] }
    }

    mutating func hold(_ pattern: ScenarioPattern) { held.append(pattern) }

    mutating func release(_ pattern: ScenarioPattern?) throws {
        guard let pattern else {
            held = []
            return
        }
        guard let index = held.firstIndex(of: pattern) else { throw ScenarioFailure("nothing like this is held") }
        held.remove(at: index)
    }

    /// Delivers what is in flight, and what is sent in answer, until nothing is left that is not held.
    mutating func deliverAll() throws {
        var count = 0
        while let next = inFlight.firstIndex(where: { message in !held.contains { $0.fits(message) } }) {
            count += 1
            guard count <= Self.deliveriesMax else { throw ScenarioFailure("the conversation does not end") }
            try deliver(inFlight.remove(at: next))
        }
    }

    /// Delivers what fits and is in flight now, held or not; no answers.
    mutating func deliver(_ pattern: ScenarioPattern, count: Int?) throws {
        for message in try take(pattern, count: count) { try deliver(message) }
    }

    mutating func drop(_ pattern: ScenarioPattern, count: Int?) throws {
        for message in try take(pattern, count: count) { lose(message) }
    }

    /// Loses what fits, if there is any.
    mutating func dropAny(_ pattern: ScenarioPattern) { inFlight.removeAll { pattern.fits($0) } }

    /// Delivers the last message that was ever sent and fits once more.
    mutating func replay(_ pattern: ScenarioPattern) throws {
        guard let message = sent.last(where: pattern.fits) else { throw ScenarioFailure("nothing like this was sent") }
        try deliver(message)
    }

    private mutating func take(_ pattern: ScenarioPattern, count: Int?) throws -> [Message] {
        var taken: [Message] = []
        var left: [Message] = []
        for message in inFlight {
            if taken.count < count ?? .max, pattern.fits(message) {
                taken.append(message)
            } else {
                left.append(message)
            }
        }
        guard !taken.isEmpty, taken.count == count ?? taken.count else {
            throw ScenarioFailure("\(taken.count) such messages are in flight")
        }
        inFlight = left
        return taken
    }

    private mutating func lose(_ message: Message) {
        trace.append("\(message.from.name) -x \(message.to.name) \(message.text)")
    }

    private mutating func deliver(_ message: Message) throws {
        let id = successors[message.to] ?? message.to
        guard let index = nodes.firstIndex(where: { $0.id == id }), nodes[index].raft != nil else {
            return lose(message)
        }
        trace.append("\(message.from.name) -> \(message.to.name) \(message.text)")
        try act(on: id) { $0.step(message) }
        if deliversTwice, nodes[index].raft != nil { try act(on: id) { $0.step(message) } }
    }

    // MARK: - What follows

    mutating func watch() { watchedFrom = sent.count }

    mutating func takeTrace() -> [String] {
        defer { trace = [] }
        return trace
    }

    /// Carries out what a core asks for until it asks for nothing: messages are put on their way first, then the disk
    /// does its part, if it is not held.
    private mutating func settle(_ index: Int) throws {
        while nodes[index].raft != nil {
            let output = nodes[index].raft?.takeOutput() ?? RaftOutput()
            show(index)
            if let persist = output.persist { nodes[index].disk.waiting.append(.persist(persist)) }
            nodes[index].disk.waiting += output.snapshotParts.map { .part($0) }
            for message in output.messages { try send(message, from: index) }
            for step in output.apply { try apply(step, at: index) }
            for read in output.reads { try answer(read, at: index) }
            try safety.check(nodes[index])
            if !nodes[index].disk.isHeld, !nodes[index].disk.waiting.isEmpty {
                try completeWrite(index)
            } else if output.isEmpty {
                return
            }
        }
    }

    /// Makes the first write that waits at a node durable, and tells its core.
    mutating func completeWrite(_ index: Int) throws {
        guard !nodes[index].disk.waiting.isEmpty else { throw ScenarioFailure("no write waits") }
        let (report, text) = nodes[index].disk.completeFirst()
        try safety.check(snapshotOf: nodes[index])
        if let text { trace.append("\(nodes[index].id.name) \(text)") }
        switch report {
        case .persisted(let number): nodes[index].raft?.persisted(number)
        case .installed(let transfer): nodes[index].raft?.snapshotInstalled(transfer)
        case .refused(let transfer): nodes[index].raft?.snapshotRefused(transfer)
        case .compacted(let snapshot, let first): nodes[index].raft?.compact(to: snapshot, keepingFrom: first)
        case nil: break
        }
    }

    private mutating func send(_ message: Message, from index: Int) throws {
        var message = message
        let node = nodes[index]
        if case .snapshotRequest(var request) = message.body {
            guard let payload = node.disk.payloads[request.snapshot.position],
                request.offset + UInt64(request.length) <= UInt64(payload.count)
            else { throw ScenarioFailure("\(node.id.name) sends a part that its snapshot has not: \(message.text)") }
            request.data = Array(payload[Int(request.offset)..<Int(request.offset) + Int(request.length)])
            message.body = .snapshotRequest(request)
        }
        try safety.check(message, sentBy: node)
        sent.append(message)
        if cuts.contains(Link(from: message.from, to: message.to)) { lose(message) } else { inFlight.append(message) }
    }

    private mutating func apply(_ step: ApplyStep, at index: Int) throws {
        var payload: [UInt8] = []
        if case .restore(let snapshot) = step { payload = nodes[index].disk.payloads[snapshot.position] ?? [] }
        if let reason = nodes[index].machine.apply(step, payload: payload) {
            throw ScenarioFailure("\(nodes[index].id.name) \(reason)")
        }
        let last = nodes[index].machine.index
        nodes[index].raft?.applied(through: last)
    }

    private mutating func answer(_ read: ReadState, at index: Int) throws {
        guard nodes[index].reads.updateValue(read.index, forKey: read.context) == nil else {
            throw ScenarioFailure("\(nodes[index].id.name) answers the read \(read.context) twice")
        }
    }

    private mutating func show(_ index: Int) {
        guard let raft = nodes[index].raft, let shown = nodes[index].shown else { return }
        if raft.role != shown.role || raft.term != shown.term {
            trace.append("\(raft.id.name) is \(raft.role.text) term \(raft.term.rawValue)")
        }
        if raft.commitIndex != shown.commit { trace.append("\(raft.id.name) commits \(raft.commitIndex.rawValue)") }
        nodes[index].shown = (raft.role, raft.term, raft.commitIndex)
    }
}
