import Raft
import Wire

extension ScenarioRunner {
    mutating func act(_ verb: String, _ words: [String]) throws {
        switch verb {
        case "settings", "nodes", "disk", "join", "wipe", "crash", "restart": try actOnNodes(verb, words)
        case "tick", "run", "timeout", "elect", "campaign": try actOnTime(verb, words)
        case "deliver", "drop", "cut", "partition", "heal", "replay": try actOnNetwork(verb, words)
        case "hold", "release": try actOnHolds(verb, words)
        case "persist", "compact", "spoil": try actOnDisk(verb, words)
        case "propose", "flood", "read", "transfer", "change": try actAsClient(verb, words)
        case "watch", "twice":
            try none(words, from: 0)
            if verb == "watch" { group.watch() } else { group.deliversTwice = true }
        default: throw ScenarioFailure("no command '\(verb)'")
        }
    }

    // MARK: - Nodes

    private mutating func actOnNodes(_ verb: String, _ words: [String]) throws {
        switch verb {
        case "settings":
            guard words.count == 2, group.settings.set(words[0], to: words[1]) else {
                throw ScenarioFailure("no such setting")
            }
        case "nodes":
            let parts = words.split(separator: "learners").map { Array($0) }
            let ids = try parts.map { part in try part.indices.map { try id(part, $0) } }
            let configuration = Configuration(voters: ids.first ?? [], learners: ids.count > 1 ? ids[1] : [])
            founding = configuration
            let settings = group.settings
            group = ScenarioGroup()
            group.settings = settings
            for member in configuration.members { try group.add(member.id, restored: empty(configuration)) }
        case "disk": try fillDisk(words)
        case "join":
            // An empty disk that knows no group: it votes for nobody and waits to be told.
            try none(words, from: 1)
            try group.add(try id(words, 0), restored: empty(Configuration(voters: [], learners: [])))
        case "wipe":
            // wipe b as b2
            let (old, new) = (try id(words, 0), try id(words, 2))
            if group.nodes[try group.index(of: old)].raft != nil { try group.crash(old, keepingWrites: 0) }
            try group.add(new, restored: empty(Configuration(voters: [], learners: [])))
            group.replace(old, by: new)
        case "crash":
            // crash a; crash a keeping 1 write
            try group.crash(try id(words, 0), keepingWrites: words.count > 1 ? try number(words, 2) : 0)
        default:
            try none(words, from: 1)
            try group.start(try id(words, 0))
        }
    }

    private func empty(_ configuration: Configuration) -> RestoredState {
        RestoredState(
            hardState: .initial,
            snapshot: SnapshotDescription(position: .zero, configuration: configuration, bytes: 0),
            entries: []
        )
    }

    /// `disk a terms 1 1 2 [term 3] [vote b]`: what the node finds there when it starts, which it does at once. The
    /// entries are commands named after their place: `1:2` holds `e2.1`, unless a later word names them.
    private mutating func fillDisk(_ words: [String]) throws {
        guard let founding else { throw ScenarioFailure("nodes come first") }
        let node = try id(words, 0)
        var restored = empty(founding)
        var key = ""
        for word in words.dropFirst() {
            switch (key, word) {
            case (_, "terms"), (_, "term"), (_, "vote"): key = word
            case ("terms", _), ("term", _):
                guard let term = UInt64(word) else { throw ScenarioFailure("'\(word)' is not a term") }
                if key == "term" {
                    restored.hardState.term = Term(term)
                    continue
                }
                let index = LogIndex(UInt64(restored.entries.count + 1))
                let command = Array("e\(index.rawValue).\(term)".utf8)
                let position = LogPosition(term: Term(term), index: index)
                restored.entries.append(Entry(position: position, payload: .command(command)))
                restored.hardState.term = max(restored.hardState.term, Term(term))
            case ("vote", _): restored.hardState.vote = ReplicaID(name: word)
            default: throw ScenarioFailure("what does '\(word)' mean here?")
            }
        }
        try group.add(node, restored: restored)
    }

    // MARK: - Time

    private mutating func actOnTime(_ verb: String, _ words: [String]) throws {
        switch verb {
        case "tick":
            // tick a b 15; tick all 15
            let count = try number(words, words.count - 1)
            let named = Array(words.dropLast())
            let ids = named == ["all"] ? live : try named.indices.map { try id(named, $0) }
            for _ in 0..<count { for id in ids { try group.act(on: id) { $0.tick() } } }
        case "run":
            let count = try number(words, 0)
            for _ in 0..<count {
                for id in live { try group.act(on: id) { $0.tick() } }
                try group.deliverAll()
            }
        case "timeout":
            try none(words, from: 1)
            try timeOut(try id(words, 0))
        case "elect":
            // Others forget their leader meanwhile, and what they attempt themselves is lost.
            try none(words, from: 1)
            let winner = try id(words, 0)
            for other in live where other != winner {
                for _ in 0..<group.settings.electionTicksMin { try group.act(on: other) { $0.tick() } }
                group.dropAny(try ScenarioPattern(["\(other.name)->*", "pre-vote"]))
                group.dropAny(try ScenarioPattern(["\(other.name)->*", "vote"]))
            }
            // The first attempt may only teach it the term.
            for _ in 0..<3 where try running(winner).role != .leader {
                try timeOut(winner)
                try group.deliverAll()
            }
            guard try running(winner).role == .leader else { throw ScenarioFailure("\(winner.name) does not win") }
        default:
            try none(words, from: 1)
            try group.act(on: try id(words, 0)) { $0.campaign() }
        }
    }

    private var live: [ReplicaID] { group.nodes.filter { $0.raft != nil }.map(\.id) }

    /// Time passes at one node alone, until it begins an election.
    private mutating func timeOut(_ id: ReplicaID) throws {
        let before = group.sent.count
        for _ in 0...group.settings.electionTicksMax {
            try group.act(on: id) { $0.tick() }
            let began = group.sent[before...].contains { message in
                if case .voteRequest = message.body { message.from == id } else { false }
            }
            if try began || running(id).role == .candidate { return }
        }
        throw ScenarioFailure("\(id.name) begins no election")
    }

    // MARK: - Network

    private mutating func actOnNetwork(_ verb: String, _ words: [String]) throws {
        switch verb {
        case "deliver" where words.isEmpty: try group.deliverAll()
        case "drop" where words.isEmpty: group.dropAny(try ScenarioPattern([]))
        case "deliver", "drop":
            // deliver a->b append; deliver a->b append only 2
            var words = words
            var count: Int?
            if let only = words.firstIndex(of: "only") {
                count = try number(words, only + 1)
                words.removeSubrange(only...)
            }
            let pattern = try ScenarioPattern(words)
            if verb == "deliver" {
                try group.deliver(pattern, count: count)
            } else {
                try group.drop(pattern, count: count)
            }
        case "replay": try group.replay(try ScenarioPattern(words))
        case "cut":
            // cut a->b, one way; cut a--b, both ways; cut a, from everybody
            try none(words, from: 1)
            for link in try links(words.first ?? "") { group.cut(link) }
        case "heal":
            try none(words, from: 1)
            guard let word = words.first else { return group.heal(nil) }
            for link in try links(word) { group.heal(link) }
        default:
            // partition a b | c d e
            let sides = try words.split(separator: "|").map { side in
                try side.map { name in try id([name], 0) }
            }
            for (number, side) in sides.enumerated() {
                for other in sides[(number + 1)...] {
                    for (left, right) in side.flatMap({ left in other.map { (left, $0) } }) {
                        group.cut(.init(from: left, to: right))
                        group.cut(.init(from: right, to: left))
                    }
                }
            }
        }
    }

    private func links(_ word: String) throws -> [ScenarioGroup.Link] {
        if word.contains("->") {
            guard case (let from?, let to?) = try ScenarioPattern.link(word) else {
                throw ScenarioFailure("'\(word)' is not a link")
            }
            return [.init(from: from, to: to)]
        }
        let ends = word.split(separator: "-").map(String.init)
        let first = try id(ends, 0)
        let others = ends.count == 2 ? [try id(ends, 1)] : group.nodes.map(\.id).filter { $0 != first }
        return others.flatMap { [.init(from: first, to: $0), .init(from: $0, to: first)] }
    }

    // MARK: - Disks, and what is held

    private mutating func actOnHolds(_ verb: String, _ words: [String]) throws {
        if words.first == "disk" {
            try none(words, from: 2)
            try group.withDisk(of: try id(words, 1)) { $0.isHeld = verb == "hold" }
        } else if verb == "hold" {
            group.hold(try ScenarioPattern(words))
        } else {
            try group.release(words.isEmpty ? nil : try ScenarioPattern(words))
        }
    }

    private mutating func actOnDisk(_ verb: String, _ words: [String]) throws {
        let node = try id(words, 0)
        switch verb {
        case "persist":
            // persist a, all that waits now; persist a 1
            let index = try group.index(of: node)
            let count = words.count > 1 ? try number(words, 1) : max(1, group.nodes[index].disk.waiting.count)
            for _ in 0..<count {
                try group.completeWrite(index)
                try group.withDisk(of: node) { _ in }
            }
        case "spoil": try group.withDisk(of: node) { $0.spoilsSnapshot = true }
        default:
            // compact a, all entries go; compact a keeping from 3
            let raft = try running(node)
            guard let term = raft.term(at: raft.appliedIndex) else { throw ScenarioFailure("nothing is applied") }
            let payload = group.nodes[try group.index(of: node)].machine.payload
            let snapshot = SnapshotDescription(
                position: LogPosition(term: term, index: raft.appliedIndex),
                configuration: raft.appliedConfiguration,
                bytes: UInt64(payload.count)
            )
            let first = words.count > 1 ? try index(words, 3) : raft.appliedIndex + 1
            try group.withDisk(of: node) {
                $0.waiting.append(.compaction(snapshot, payload: payload, keepingFrom: first))
            }
        }
    }
}
