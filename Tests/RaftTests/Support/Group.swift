import Raft
import Wire

/// Several replicas and the network between them, in one value. Nothing happens but what a test says: messages wait in
/// the order they were sent until they are delivered, and each step checks that no rule of the paper is broken.
struct Group {
    private(set) var nodes: [TestNode]
    /// Messages on their way.
    private(set) var network: [Message] = []
    /// All messages that were ever sent, dropped or not.
    private(set) var sent: [Message] = []
    /// Messages that this refuses are lost.
    var isDelivered: (Message) -> Bool = { _ in true }
    private var cuts: Set<[ReplicaID]> = []
    private var leaders: [Term: ReplicaID] = [:]
    private var committed: [LogIndex: Entry] = [:]

    /// Replicas 1…count, all of them voters but the last `learners`.
    init(
        _ count: Int,
        learners: Int = 0,
        seed: UInt64 = 1,
        settings: RaftSettings = RaftSettings(),
        adjust: (inout RaftSettings) -> Void = { _ in }
    ) {
        var settings = settings
        adjust(&settings)
        let ids = (1...count).map(Group.id)
        let configuration = Configuration(
            members: ids.map(Group.member),
            voters: Array(ids.prefix(count - learners)),
            learners: Array(ids.suffix(learners))
        )
        let payload = TestMachine().encode()
        let snapshot = SnapshotDescription(
            position: .zero,
            configuration: configuration,
            bytes: UInt64(payload.count)
        )
        nodes = ids.map { TestNode(id: $0, settings: settings, snapshot: snapshot, payload: payload, seed: seed) }
    }

    /// The id of replica number `number`.
    static func id(_ number: Int) -> ReplicaID { ReplicaID(high: 0, low: UInt64(number)) }

    /// A member of that number.
    static func member(_ id: ReplicaID) -> Member {
        Member(id: id, name: "node-\(id.low)", address: "10.0.0.\(id.low):7400")
    }

    /// Replica number `number`, from 1.
    subscript(_ number: Int) -> TestNode {
        get { nodes[number - 1] }
        set {
            nodes[number - 1] = newValue
            collect()
        }
    }

    /// A replica that has nothing and waits to be admitted.
    mutating func addBlank(settings: RaftSettings = RaftSettings(), seed: UInt64 = 1) -> Int {
        let snapshot = SnapshotDescription(position: .zero, configuration: .empty, bytes: 0)
        let id = Group.id(nodes.count + 1)
        nodes.append(TestNode(id: id, settings: settings, snapshot: snapshot, payload: [], seed: seed))
        return nodes.count
    }

    // MARK: - Who leads

    /// The replica that leads the highest term, by number.
    var leader: Int? {
        nodes.indices.filter { nodes[$0].isUp && nodes[$0].raft.role == .leader }
            .max { nodes[$0].raft.term < nodes[$1].raft.term }.map { $0 + 1 }
    }

    // MARK: - Time and messages

    /// One tick at each replica that is up, and all messages that come of it.
    mutating func tick(_ count: Int = 1) {
        for _ in 0..<count {
            for index in nodes.indices where nodes[index].isUp { nodes[index].act { $0.tick() } }
            settle()
        }
    }

    /// Delivers messages until none is on its way.
    mutating func settle() {
        collect()
        var bound = 100_000
        while !network.isEmpty {
            deliverFirst()
            bound -= 1
            precondition(bound > 0, "the group does not come to rest")
        }
        check()
    }

    /// Delivers the message that was sent first.
    mutating func deliverFirst() {
        guard !network.isEmpty else { return }
        deliver(network.removeFirst())
    }

    /// Delivers a message as if the network had just brought it.
    mutating func deliver(_ message: Message) {
        guard let index = nodes.firstIndex(where: { $0.id == message.to }), nodes[index].isUp else { return }
        nodes[index].act { $0.step(message) }
        collect()
    }

    /// Delivers one of the messages on their way, out of turn; a copy stays behind if it is to come again.
    mutating func deliver(at position: Int, keeping: Bool = false) {
        collect()
        guard network.indices.contains(position) else { return }
        let message = network[position]
        if !keeping { network.remove(at: position) }
        deliver(message)
    }

    /// Loses one of the messages on their way.
    mutating func drop(at position: Int) {
        guard network.indices.contains(position) else { return }
        network.remove(at: position)
    }

    /// Takes away what is on its way, all or what fits.
    @discardableResult
    mutating func intercept(_ fits: (Message) -> Bool = { _ in true }) -> [Message] {
        collect()
        let taken = network.filter(fits)
        network.removeAll(where: fits)
        return taken
    }

    /// Ticks until a leader is known to all that are up and can hear it, at most `limit` ticks.
    @discardableResult
    mutating func elect(limit: Int = 500) -> Int {
        for _ in 0..<limit {
            if let leader { return leader }
            tick()
        }
        preconditionFailure("no leader within \(limit) ticks")
    }

    /// Makes this replica campaign and win.
    mutating func elect(_ number: Int) {
        self[number].act { $0.campaign() }
        settle()
        precondition(self[number].raft.role == .leader, "replica \(number) did not win")
    }

    /// Makes this replica campaign and win as if its leader had bidden it to: others that hear the leader vote too.
    mutating func depose(inFavourOf number: Int) {
        guard let leader = self[number].raft.leader else { preconditionFailure("nobody leads") }
        deliver(Message(from: leader, to: Group.id(number), term: self[number].raft.term, body: .timeoutNow))
        settle()
        precondition(self[number].raft.role == .leader, "replica \(number) did not win")
    }

    /// Proposes commands at a replica and delivers all that comes of it.
    mutating func propose(_ commands: [UInt8]..., at number: Int? = nil) {
        guard let number = number ?? leader else { preconditionFailure("nobody leads") }
        do { try self[number].act { _ = try $0.propose(commands) } } catch { preconditionFailure("refused: \(error)") }
        settle()
    }

    // MARK: - Faults

    /// Loses all messages from one replica to another.
    mutating func cut(from: Int, to: Int) { cuts.insert([Group.id(from), Group.id(to)]) }

    /// Loses all messages between two replicas.
    mutating func cut(_ one: Int, _ other: Int) {
        cut(from: one, to: other)
        cut(from: other, to: one)
    }

    /// Loses all messages between the two sides.
    mutating func partition(_ one: [Int], _ other: [Int]) {
        for left in one { for right in other { cut(left, right) } }
    }

    /// Loses all messages from and to a replica.
    mutating func isolate(_ number: Int) {
        for other in nodes.indices where other + 1 != number { cut(number, other + 1) }
    }

    /// All links work again.
    mutating func heal() { cuts = [] }

    mutating func crash(_ number: Int, writing: Int = 0) { nodes[number - 1].crash(writing: writing) }

    mutating func restart(_ number: Int) { nodes[number - 1].restart() }

    // MARK: - Rules

    /// Takes what the replicas want sent.
    private mutating func collect() {
        for index in nodes.indices where !nodes[index].outgoing.isEmpty {
            for message in nodes[index].outgoing {
                sent.append(message)
                if !cuts.contains([message.from, message.to]), isDelivered(message) { network.append(message) }
            }
            nodes[index].outgoing = []
        }
    }

    /// Figure 3 of the paper: one leader a term; a leader has all that is committed; what is committed is the same
    /// everywhere and stays.
    mutating func check() {
        for node in nodes where node.isUp {
            if node.raft.role == .leader {
                let known = leaders[node.raft.term] ?? node.id
                precondition(known == node.id, "two leaders in term \(node.raft.term.rawValue)")
                if leaders.updateValue(node.id, forKey: node.raft.term) == nil {
                    for (index, entry) in committed where index >= node.raft.firstIndex {
                        precondition(node.raft.entry(at: index) == entry, "a leader lacks \(index.rawValue)")
                    }
                }
            }
            var index = node.raft.firstIndex
            while index <= node.raft.commitIndex {
                if let entry = node.raft.entry(at: index) {
                    let known = committed[index] ?? entry
                    precondition(known == entry, "two entries are committed at \(index.rawValue)")
                    committed[index] = entry
                }
                index = index + 1
            }
        }
    }
}
