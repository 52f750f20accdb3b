import Raft
import Wire

extension ScenarioRunner {
    /// `expect` and what follows: of the whole group, of what was sent since `watch`, or of one node.
    func expect(_ words: [String]) throws {
        switch words.first {
        case "leader", "one", "no", "same": try expectGroup(words)
        case "sent", "not", "only", "in-flight": try expectMessages(words)
        default: try expectNode(words)
        }
    }

    private func want(_ found: String, _ wanted: String) throws {
        guard found == wanted else { throw ScenarioFailure("found: \(found)") }
    }

    // MARK: - The group

    private func expectGroup(_ words: [String]) throws {
        let running = group.nodes.compactMap(\.raft)
        let leaders = running.filter { $0.role == .leader }.map(\.id.name).joined(separator: " ")
        switch words.joined(separator: " ") {
        case "no leader": try want(leaders, "")
        case "one leader":
            // One, and every node that runs knows it.
            try expectOneLeader(of: running)
        case "no elections":
            let began = group.watched.first { message in
                if case .voteRequest(let request) = message.body { !request.isPreVote } else { false }
            }
            if let began { throw ScenarioFailure("\(began.from.name) asks: \(began.text)") }
        case "same logs":
            let logs = group.nodes.filter { $0.raft != nil }.map { $0.log.map(\.text).joined(separator: " ") }
            guard Set(logs).count == 1 else { throw ScenarioFailure("the logs differ") }
        case let text where text.hasPrefix("one leader of "):
            // The others may think what they like.
            try expectOneLeader(of: running.filter { words.dropFirst(3).contains($0.id.name) })
        default:
            guard words[0] == "leader", words.count == 2 else { throw ScenarioFailure("what is expected?") }
            try want(leaders, words[1])
        }
    }

    private func expectOneLeader(of nodes: [Raft]) throws {
        let leaders = nodes.filter { $0.role == .leader }
        guard leaders.count == 1, nodes.allSatisfy({ $0.leader == leaders[0].id && $0.term == leaders[0].term }) else {
            throw ScenarioFailure("leaders: '\(leaders.map(\.id.name).joined(separator: " "))'")
        }
    }

    // MARK: - Messages

    private func expectMessages(_ words: [String]) throws {
        var words = words
        let kind = words.removeFirst()
        if kind == "not" || kind == "only" {
            guard words.first == "sent" else { throw ScenarioFailure("what is expected?") }
            words.removeFirst()
        }
        // expect sent a->b append 3 times; at most 3 times
        var count: Int?
        var isMost = false
        if words.last == "times" || words.last == "time" {
            count = try number(words, words.count - 2)
            words.removeLast(2)
            isMost = words.suffix(2) == ["at", "most"]
            if isMost { words.removeLast(2) }
        }
        if kind == "only" { return try expectOnly(words) }
        let pattern = try ScenarioPattern(words)
        let messages = kind == "in-flight" ? group.inFlight[...] : group.watched
        let fitting = messages.count(where: pattern.fits)
        switch (kind, count) {
        case ("not", _), (_, 0?):
            if let other = messages.first(where: pattern.fits) {
                throw ScenarioFailure("\(other.from.name) -> \(other.to.name) \(other.text)")
            }
        case (_, let count?): guard isMost ? fitting <= count : fitting == count else { throw times(fitting) }
        case (_, nil): guard fitting > 0 else { throw times(0) }
        }
    }

    /// `expect only sent heartbeat heartbeat-answer`: these kinds, each of them, and no other.
    private func expectOnly(_ kinds: [String]) throws {
        let sent = group.watched.map { (message: $0, kind: String($0.text.prefix { $0 != " " })) }
        if let other = sent.first(where: { !kinds.contains($0.kind) })?.message {
            throw ScenarioFailure("\(other.from.name) -> \(other.to.name) \(other.text)")
        }
        for kind in kinds where !sent.contains(where: { $0.kind == kind }) { throw ScenarioFailure("no \(kind)") }
    }

    private func times(_ count: Int) -> ScenarioFailure { ScenarioFailure("\(count) times") }

    // MARK: - One node

    private func expectNode(_ words: [String]) throws {
        let node = group.nodes[try group.index(of: try id(words, 0))]
        let rest = Array(words.dropFirst(2))
        let wanted = rest.joined(separator: " ")
        guard words.count > 1 else { throw ScenarioFailure("what is expected?") }
        switch words[1] {
        case "down": return try want(node.raft == nil ? "down" : "up", "down")
        case "applied":
            let found = node.machine.commands.map(\.text).joined(separator: " ")
            return try want(found.isEmpty ? "nothing" : found, wanted)
        case "disk":
            // expect a disk term 2 vote b; expect a disk 1:1 1:2
            if rest.first == "term" {
                let state = node.disk.hardState
                return try want("term \(state.term.rawValue) vote \(state.vote?.name ?? "none")", wanted)
            }
            return try expectLog(node.disk.entries, rest)
        case "log": return try expectLog(node.log, rest)
        case "terms":
            let found = node.log.map { "\($0.position.term.rawValue)" }.joined(separator: " ")
            return try want(found.isEmpty ? "nothing" : found, wanted)
        default: break
        }
        try expect(words[1], rest, of: try running(node.id), reads: node.reads)
    }

    /// Entries with their commands, or without where a word has no `=`.
    private func expectLog(_ log: [Entry], _ words: [String]) throws {
        let found = log.map(\.text)
        let shown = found.isEmpty ? "nothing" : found.joined(separator: " ")
        if words == ["nothing"] { return try want(shown, "nothing") }
        // A membership has blanks in it.
        var wanted: [String] = []
        for word in words {
            if let last = wanted.last, last.contains("{"), !last.contains("}") {
                wanted[wanted.count - 1] += " " + word
            } else {
                wanted.append(word)
            }
        }
        let fits = zip(found, wanted).allSatisfy { found, wanted in
            wanted.contains("=") ? found == wanted : found.hasPrefix(wanted + "=")
        }
        guard fits, found.count == wanted.count else { throw ScenarioFailure("found: \(shown)") }
    }

    private func expect(_ what: String, _ rest: [String], of raft: Raft, reads: [UInt64: LogIndex?]) throws {
        let wanted = rest.joined(separator: " ")
        switch what {
        case "leader", "follower", "candidate", "pre-candidate":
            try want(raft.role.text, what)
            // term 2; of a
            for (word, value) in zip(rest, rest.dropFirst()) {
                if word == "term" { try want("\(raft.term.rawValue)", value) }
                if word == "of" { try want(raft.leader?.name ?? "none", value) }
            }
        case "term": try want("\(raft.term.rawValue)", wanted)
        case "vote": try want(raft.vote?.name ?? "none", wanted)
        case "commit" where rest.suffix(2) == ["or", "more"]:
            guard raft.commitIndex >= (try index(rest, 0)) else {
                throw ScenarioFailure("\(raft.commitIndex.rawValue)")
            }
        case "commit": try want("\(raft.commitIndex.rawValue)", wanted)
        case "durable": try want("\(raft.durableIndex.rawValue)", wanted)
        case "first": try want("\(raft.firstIndex.rawValue)", wanted)
        case "last": try want(raft.lastPosition.text, wanted)
        case "snapshot": try want(raft.snapshot.position.text, wanted)
        case "members": try want(raft.configuration.text, wanted)
        case "snapshot-members": try want(raft.snapshot.configuration.text, wanted)
        case "progress":
            // expect a progress b replicate match 3 next 4
            let id = try id(rest, 0)
            guard let progress = raft.progress.first(where: { $0.id == id })?.progress else {
                throw ScenarioFailure("no progress of \(id.name)")
            }
            let found = "\(progress.state.text) match \(progress.match.rawValue) next \(progress.next.rawValue)"
            try want("\(id.name) \(found)", wanted)
        case "read":
            // expect b read 1 at 3; refused; waits
            let found =
                switch reads[UInt64(try number(rest, 0))] {
                case .some(.some(let index)): "at \(index.rawValue)"
                case .some(.none): "refused"
                case .none: "waits"
                }
            try want(found, rest.dropFirst().joined(separator: " "))
        default: throw ScenarioFailure("what is expected?")
        }
    }
}
