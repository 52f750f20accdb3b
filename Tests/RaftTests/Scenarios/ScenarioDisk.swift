import Raft

/// A scripted disk: what is on it, and what has been handed to it and is not on it yet.
struct ScenarioDisk {
    /// In the order in which they came; they become durable in that order.
    enum Write {
        case persist(PersistRequest)
        case part(IncomingSnapshotPart)
        case compaction(SnapshotDescription, payload: [UInt8], keepingFrom: LogIndex)
    }

    /// What the core is told about a write that became durable.
    enum Report {
        case persisted(UInt64)
        case installed(transfer: UInt64)
        case refused(transfer: UInt64)
        case compacted(SnapshotDescription, keepingFrom: LogIndex)
    }

    private(set) var hardState: HardState
    private(set) var snapshot: SnapshotDescription
    private(set) var entries: [Entry]
    /// Every snapshot that was ever made here, by position.
    private(set) var payloads: [LogPosition: [UInt8]]
    var waiting: [Write] = []
    /// Nothing becomes durable by itself.
    var isHeld = false
    /// The next snapshot that arrives is found to be damaged.
    var spoilsSnapshot = false
    private var receiving: [UInt8] = []

    init(_ restored: RestoredState, payload: [UInt8]) {
        hardState = restored.hardState
        snapshot = restored.snapshot
        entries = restored.entries
        payloads = [restored.snapshot.position: payload]
    }

    var restored: RestoredState { RestoredState(hardState: hardState, snapshot: snapshot, entries: entries) }

    /// The state machine's bytes in the snapshot that counts.
    var payload: [UInt8] { payloads[snapshot.position] ?? [] }

    var lastIndex: LogIndex { max(snapshot.position.index, entries.last?.position.index ?? .zero) }

    /// Whether the disk holds an entry of this term there, or a snapshot that includes the place.
    func holds(_ position: LogPosition) -> Bool {
        position.index <= snapshot.position.index || entries.contains { $0.position == position }
    }

    /// A crash: what was not durable is gone, but for the first `count` writes, which were and did not come to say so.
    mutating func crash(keeping count: Int) {
        for _ in 0..<count where !waiting.isEmpty { _ = completeFirst() }
        waiting = []
        receiving = []
    }

    /// Makes the first waiting write durable.
    /// - Returns: what to tell the core, and what to show.
    mutating func completeFirst() -> (report: Report?, text: String?) {
        switch waiting.removeFirst() {
        case .persist(let request):
            if let state = request.hardState { hardState = state }
            if let first = request.entries.first {
                entries.removeAll { $0.position.index >= first.position.index }
                entries += request.entries
            }
            return (.persisted(request.number), Self.text(of: request))
        case .part(let part):
            if part.offset == 0 { receiving = [] }
            precondition(UInt64(receiving.count) == part.offset, "the core hands out parts in order")
            receiving += part.data
            guard part.isLast else { return (nil, nil) }
            return install(part.snapshot, transfer: part.transfer)
        case .compaction(let description, let payload, let keepingFrom):
            snapshot = description
            payloads[description.position] = payload
            entries.removeAll { $0.position.index < keepingFrom && $0.position.index <= description.position.index }
            return (.compacted(description, keepingFrom: keepingFrom), "compacts to \(description.position.text)")
        }
    }

    private mutating func install(
        _ description: SnapshotDescription,
        transfer: UInt64
    ) -> (report: Report?, text: String?) {
        let payload = receiving
        receiving = []
        guard !spoilsSnapshot, UInt64(payload.count) == description.bytes else {
            spoilsSnapshot = false
            return (.refused(transfer: transfer), "refuses snapshot \(description.position.text)")
        }
        let goesOn = holds(description.position) && snapshot.position.index <= description.position.index
        snapshot = description
        payloads[description.position] = payload
        // Section 7: an entry that the snapshot ends with keeps what follows it.
        if !goesOn { entries = [] }
        return (.installed(transfer: transfer), "installs snapshot \(description.position.text)")
    }

    private static func text(of request: PersistRequest) -> String {
        var text = "writes"
        if let state = request.hardState {
            text += " term \(state.term.rawValue) vote \(state.vote?.name ?? "none")"
        }
        if request.hardState == nil, request.entries.isEmpty { return "synchronizes" }
        return text + request.entries.map { " " + $0.text }.joined()
    }
}
