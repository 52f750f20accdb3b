import Ledger
import Paxos
import Raft
import Testing
import Wire

@testable import Replica

/// Nodes that found a cluster on disks and links that work at once, unless a test holds something back.
struct FoundingGroup {
    struct Node {
        var founding: Founding
        var record: FoundingRecord?
        /// What it has asked for since the test last looked, in order.
        var actions: [FoundingAction] = []
    }

    static let settings = FoundingSettings(
        helloInterval: 100,
        silence: 2_000,
        dissent: 500,
        backOff: BackOff(minimum: 50, maximum: 400)
    )

    var nodes: [String: Node] = [:]
    var now: UInt64 = 0
    /// Messages between nodes that are thrown away.
    var loses: (FoundingMessage, String) -> Bool = { _, _ in false }
    /// Records whose writing does not end.
    var isDiskStuck = false
    private var inFlight: [(FoundingMessage, String)] = []

    static func seed(_ name: String) -> FoundingSeed { FoundingSeed(name: name, address: "\(name).example:7400") }
    static func seeds(_ names: [String]) -> FoundingSeeds { try! FoundingSeeds(names.map(seed)) }
    static func replica(_ number: UInt64) -> ReplicaID { ReplicaID(high: 7, low: number) }
    static func candidate(_ number: UInt64) -> FoundingCandidate {
        FoundingCandidate(
            cluster: ClusterID(high: 9, low: number),
            secret: Array(repeating: UInt8(number), count: 32),
            maxRecords: 1_000
        )
    }

    /// A founding of a node, for the tests of one alone.
    static func founding(
        _ name: String,
        of names: [String],
        replica number: UInt64,
        record: FoundingRecord? = nil,
        version: UInt32 = 1,
        now: UInt64 = 0
    ) throws(FoundingRefusal) -> Founding {
        try Founding(
            name: name,
            seeds: seeds(names),
            settings: settings,
            ledgerVersion: version,
            candidate: candidate(number),
            drawn: replica(number),
            record: record,
            now: now,
            seed: number
        )
    }

    /// Starts a node on what is on its disk.
    mutating func start(
        _ name: String,
        of names: [String],
        replica number: UInt64,
        version: UInt32 = 1
    ) throws(FoundingRefusal) {
        let record = nodes[name]?.record
        let founding = try Self.founding(
            name,
            of: names,
            replica: number,
            record: record,
            version: version,
            now: now
        )
        nodes[name] = Node(founding: founding, record: record)
        settle()
    }

    /// Ends a node. With its disk, or with nothing left.
    mutating func wipe(_ name: String) { nodes[name] = nil }

    /// Passes time on and lets everything happen that follows.
    mutating func run(for nanoseconds: UInt64) {
        let end = now + nanoseconds
        while now < end {
            now = min(end, now + 50)
            for name in names { nodes[name]?.founding.advance(to: now) }
            settle()
        }
    }

    /// A message from somewhere else.
    mutating func deliver(_ message: FoundingMessage, to name: String) {
        nodes[name]?.founding.receive(message)
        settle()
    }

    private var names: [String] { nodes.keys.sorted() }

    private mutating func settle() {
        var moved = true
        while moved {
            moved = false
            for name in names {
                for action in nodes[name]?.founding.takeActions() ?? [] {
                    moved = true
                    nodes[name]?.actions.append(action)
                    perform(action, name)
                }
            }
            while !inFlight.isEmpty {
                moved = true
                let (message, name) = inFlight.removeFirst()
                guard !loses(message, name) else { continue }
                nodes[name]?.founding.receive(message)
            }
        }
    }

    private mutating func perform(_ action: FoundingAction, _ name: String) {
        switch action {
        case .persist(let number, let record):
            guard !isDiskStuck else { return }
            nodes[name]?.record = record
            nodes[name]?.founding.persisted(number)
        case .send(let message, let seed): inFlight.append((message, seed.name))
        case .create: nodes[name]?.founding.storageCreated()
        case .finished, .alarm: break
        }
    }

    // MARK: - What tests look at

    func outcome(_ name: String) -> FoundingOutcome? { nodes[name]?.founding.outcome }

    /// The value that a node founded with.
    func founded(_ name: String) -> FoundingValue? {
        guard case .founded(let value) = outcome(name) else { return nil }
        return value
    }

    func alarms(_ name: String) -> [FoundingAlarm] { nodes[name]?.founding.alarms ?? [] }

    /// Alarms that a node has raised so far, in order.
    func raised(_ name: String) -> [FoundingAlarm] {
        (nodes[name]?.actions ?? []).compactMap { action in
            guard case .alarm(let alarm) = action else { return nil }
            return alarm
        }
    }

    /// What a node has sent so far.
    func sent(_ name: String) -> [FoundingMessage] {
        (nodes[name]?.actions ?? []).compactMap { action in
            guard case .send(let message, to: _) = action else { return nil }
            return message
        }
    }
}
