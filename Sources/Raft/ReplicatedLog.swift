import DequeModule
import Wire

/// The part of the log that is in memory, the snapshot that stands for what is not, and how far it is decided.
///
/// snapshot and previous ≤ handedOut ≤ committed ≤ last; applied ≤ handedOut. Terms never fall from one entry to the
/// next, which makes a search for a term a binary one.
struct ReplicatedLog: Sendable {
    /// The latest snapshot on disk.
    private(set) var snapshot: SnapshotDescription
    /// The position before the first entry in memory.
    private(set) var previous: LogPosition
    private var entries: Deque<Entry>
    /// For each entry, what it and all before it cost since this value was made: the cost of a range is one subtraction,
    /// and no entry is touched for it.
    private var costs: Deque<Int> = []
    /// The cost of all before the first entry in memory.
    private var costBefore = 0
    /// The entries that were taken last, as an array: the members, the disk and the state machine mostly take the same
    /// ones, and share it.
    private var run: [Entry] = []
    /// Every configuration that counts or may count again after a truncation, by the index it was made at. Never empty:
    /// the first is the one at `previous` or of the snapshot.
    private(set) var configurations: [(index: LogIndex, configuration: Configuration)]
    /// Committed up to here (figure 2 of the paper).
    private(set) var committed: LogIndex
    /// Given out to be applied up to here.
    private(set) var handedOut: LogIndex
    /// Reported as applied up to here.
    private(set) var applied: LogIndex

    /// - Precondition: entries are consecutive, terms do not fall, and no gap is between snapshot and entries:
    ///   RaftStorage checks that when it reads.
    init(_ restored: RestoredState) {
        snapshot = restored.snapshot
        previous = snapshot.position
        entries = Deque(restored.entries)
        configurations = [(snapshot.position.index, snapshot.configuration)]
        committed = snapshot.position.index
        handedOut = committed
        applied = committed
        for (entry, next) in zip(entries, entries.dropFirst()) {
            precondition(
                next.position.index.rawValue == entry.position.index.rawValue + 1
                    && next.position.term >= entry.position.term,
                "restored entries are consecutive"
            )
        }
        guard let start = entries.first?.position.index, let end = entries.last?.position else { return }
        precondition(
            start.rawValue >= 1 && start.rawValue <= snapshot.position.index.rawValue + 1,
            "no gap between snapshot and entries"
        )
        if start <= snapshot.position.index {
            // The term before the first entry is not known: the entry itself stands for it.
            previous = entries.removeFirst().position
            let kept = end.index >= snapshot.position.index ? term(at: snapshot.position.index) : nil
            if kept != snapshot.position.term {
                // Installed over a log that it contradicts or that ended before it.
                previous = snapshot.position
                entries = []
            }
        }
        for entry in entries { costs.append((costs.last ?? 0) + entry.cost) }
        for entry in entries where entry.position.index > snapshot.position.index {
            if case .configuration(let configuration) = entry.payload {
                configurations.append((entry.position.index, configuration))
            }
        }
    }

    // MARK: - What is there

    /// The first entry in memory, or where it would be.
    var firstIndex: LogIndex { previous.index + 1 }
    /// The last position of the log.
    var last: LogPosition { entries.last?.position ?? previous }
    /// The configuration that counts: the last of the log (section 6 of the paper).
    var configuration: Configuration { configurations[configurations.count - 1].configuration }
    /// Where it was made.
    var configurationIndex: LogIndex { configurations[configurations.count - 1].index }

    /// The configuration that counted when the log ended at `index`, or the oldest that is known.
    func configuration(at index: LogIndex) -> Configuration {
        (configurations.last { $0.index <= index } ?? configurations[0]).configuration
    }

    /// Whether a configuration that is in the log and not known to be replaced by a committed one gives a vote. After a
    /// restart little is known to be committed, and several changes may have been made since.
    func mayHaveBeenVoter(_ id: ReplicaID) -> Bool {
        configuration(at: committed).isVoter(id)
            || configurations.contains { $0.index > committed && $0.configuration.isVoter(id) }
    }

    /// The entry at an index, where it is in memory.
    func entry(at index: LogIndex) -> Entry? {
        guard index > previous.index, index <= last.index else { return nil }
        return entries[offset(of: index)]
    }

    /// The term at an index, where it is known: in memory, or just before.
    func term(at index: LogIndex) -> Term? {
        if index == previous.index { return previous.term }
        guard index > previous.index, index <= last.index else { return nil }
        return entries[offset(of: index)].position.term
    }

    /// The entries of a range that is in memory.
    mutating func entries(from first: LogIndex, through last: LogIndex) -> [Entry] {
        guard first <= last else { return [] }
        if run.first?.position.index == first, run.last?.position.index == last { return run }
        var result: [Entry] = []
        result.reserveCapacity(Int(last.rawValue - first.rawValue) + 1)
        for offset in offset(of: first)...offset(of: last) { result.append(entries[offset]) }
        run = result
        return result
    }

    /// The last index so that the entries from `first` to it are within both bounds; at least `first`.
    func end(from first: LogIndex, through last: LogIndex, bytesMax: Int, entriesMax: Int) -> LogIndex {
        let before = costThrough(LogIndex(first.rawValue - 1))
        let entriesMax = UInt64(max(entriesMax, 1))
        var low = first
        var high = last.rawValue - first.rawValue < entriesMax ? last : LogIndex(first.rawValue + entriesMax - 1)
        if costThrough(high) - before <= bytesMax { return high }
        while low < high {
            let middle = LogIndex((low.rawValue + high.rawValue + 1) / 2)
            if costThrough(middle) - before <= bytesMax { low = middle } else { high = LogIndex(middle.rawValue - 1) }
        }
        return low
    }

    /// The cost of the entries after `index` up to `last`, in bytes.
    func cost(after index: LogIndex, through last: LogIndex) -> Int {
        index < last ? costThrough(last) - costThrough(index) : 0
    }

    /// The first entry from which on all through `last` cost so much at most; the one after `last` if that one alone does
    /// not.
    func first(upTo last: LogIndex, costingAtMost bytes: Int) -> LogIndex {
        var (low, high) = (previous.index.rawValue, max(last.rawValue, previous.index.rawValue))
        while low < high {
            let middle = low + (high - low) / 2
            if cost(after: LogIndex(middle), through: last) <= bytes { high = middle } else { low = middle + 1 }
        }
        return LogIndex(low + 1)
    }

    private func costThrough(_ index: LogIndex) -> Int {
        index <= previous.index ? costBefore : costs[offset(of: index)]
    }

    /// The greatest position at or below `limit.index` whose term is at most `limit.term`: both sides of a conflict
    /// use it to find where their logs may agree, one answer a term (section 5.3 of the paper, the optimization).
    func agreement(atMost limit: LogPosition) -> LogPosition {
        if limit.index < previous.index { return LogPosition(term: .zero, index: limit.index) }
        var low = 0
        var high = limit.index >= last.index ? entries.count : Int(limit.index.rawValue - previous.index.rawValue)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].position.term <= limit.term { low = middle + 1 } else { high = middle }
        }
        if low > 0 { return entries[low - 1].position }
        return previous.term <= limit.term ? previous : .zero
    }

    private func offset(of index: LogIndex) -> Int { Int(index.rawValue - previous.index.rawValue - 1) }

    // MARK: - Changes

    /// Adds an entry after the last one.
    mutating func append(_ entry: Entry) {
        precondition(entry.position.index == last.index + 1, "entries are consecutive")
        precondition(entry.position.term >= last.term, "terms do not fall")
        entries.append(entry)
        costs.append((costs.last ?? costBefore) + entry.cost)
        if case .configuration(let configuration) = entry.payload {
            configurations.append((entry.position.index, configuration))
        }
    }

    /// Adds what a leader sent, after the last entry.
    mutating func append(_ added: ArraySlice<Entry>) {
        // By position: iterating, and binding a payload, would copy each entry.
        var before = last
        for offset in added.indices {
            let position = added[offset].position
            precondition(position.index == before.index + 1, "entries are consecutive")
            precondition(position.term >= before.term, "terms do not fall")
            before = position
            costs.append((costs.last ?? costBefore) + added[offset].cost)
            if case .configuration(let configuration) = added[offset].payload {
                configurations.append((position.index, configuration))
            }
        }
        entries.append(contentsOf: added)
        run = Array(added)
    }

    /// Removes the entry at `index` and all after it. A membership that goes with them counts no more.
    mutating func truncate(from index: LogIndex) {
        precondition(index > committed, "what is committed stays")
        guard index <= last.index else { return }
        run = []
        costs.removeLast(Int(last.index.rawValue - index.rawValue) + 1)
        entries.removeLast(Int(last.index.rawValue - index.rawValue) + 1)
        while configurations.count > 1, configurations[configurations.count - 1].index >= index {
            configurations.removeLast()
        }
    }

    /// What is decided grows.
    mutating func commit(through index: LogIndex) {
        precondition(index >= committed && index <= last.index, "commits grow within the log")
        committed = index
    }

    /// What was given out grows.
    mutating func handOut(through index: LogIndex) {
        precondition(index >= handedOut && index <= committed, "only what is committed is applied")
        handedOut = index
    }

    /// What the state machine has done grows.
    mutating func apply(through index: LogIndex) {
        precondition(index <= handedOut, "applied before it was handed out")
        applied = max(applied, index)
    }

    /// A snapshot of what was applied is on disk; entries before `keepingFrom` go.
    mutating func compact(to description: SnapshotDescription, keepingFrom: LogIndex) {
        precondition(description.position.index <= applied, "a snapshot holds what was applied")
        if description.position.index >= snapshot.position.index {
            precondition(
                term(at: description.position.index).map { $0 == description.position.term } ?? true,
                "a snapshot's term is its entry's"
            )
            precondition(
                configuration(at: description.position.index) == description.configuration,
                "a snapshot carries the membership of its position"
            )
            snapshot = description
        }
        drop(before: min(keepingFrom, snapshot.position.index + 1))
    }

    private mutating func drop(before index: LogIndex) {
        guard index > firstIndex, let term = term(at: LogIndex(index.rawValue - 1)) else { return }
        costBefore = costThrough(LogIndex(index.rawValue - 1))
        costs.removeFirst(Int(index.rawValue - firstIndex.rawValue))
        entries.removeFirst(Int(index.rawValue - firstIndex.rawValue))
        previous = LogPosition(term: term, index: LogIndex(index.rawValue - 1))
        while configurations.count > 1, configurations[1].index <= previous.index { configurations.removeFirst() }
    }

    /// A leader's snapshot is on disk. Where the log has its position, the log stays; else it begins after the snapshot.
    /// - Returns: whether the state machine must be replaced.
    mutating func install(_ description: SnapshotDescription, isFirst: Bool) -> Bool {
        let index = description.position.index
        let agrees = !isFirst && term(at: index) == description.position.term
        if agrees {
            if index > snapshot.position.index { snapshot = description }
        } else {
            precondition(index > committed || isFirst, "what is committed stays")
            snapshot = description
            previous = description.position
            entries = []
            costs = []
            costBefore = 0
            run = []
            configurations = [(index, description.configuration)]
        }
        committed = max(committed, index)
        guard index > handedOut || isFirst else { return false }
        handedOut = index
        return true
    }
}
