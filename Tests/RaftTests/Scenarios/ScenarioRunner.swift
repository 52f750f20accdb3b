import Raft
import Wire

/// Plays a scenario's file.
struct ScenarioRunner {
    let script: ScenarioScript
    var group = ScenarioGroup()
    /// The membership that the group begins with.
    var founding: Configuration?
    /// Elections that were begun before the last `watch`.
    private(set) var expectationCount = 0

    init(_ script: ScenarioScript) { self.script = script }

    /// Plays it to its end.
    /// - Parameter rewrites: traces are taken as they come, not compared.
    /// - Returns: the file as it would be with the traces of this run.
    mutating func run(rewrites: Bool) throws -> String {
        var output: [String] = []
        var expected: [(line: Int, text: String)] = []
        var produced: [String] = []
        var commandLine = 0

        func compare() throws {
            for (number, line) in expected.enumerated() {
                let text = number < produced.count ? produced[number] : "nothing more"
                guard line.text == text else { throw ScenarioFailure(line: line.line, "happened instead: \(text)") }
            }
            guard produced.count <= expected.count else {
                throw ScenarioFailure(line: commandLine, "also happened: \(produced[expected.count])")
            }
        }

        for (offset, line) in script.lines.enumerated() {
            if case .trace(let text) = line {
                expected.append((offset + 1, text))
                continue
            }
            if !rewrites { try compare() }
            (expected, produced) = ([], [])
            switch line {
            case .prose(let text): output.append(text)
            case .command(let words, let showsTrace):
                commandLine = offset + 1
                output.append("    " + words.joined(separator: " ") + (showsTrace ? ":" : ""))
                _ = group.takeTrace()
                do {
                    try perform(words)
                    try group.safety.check(group.nodes)
                } catch let failure as ScenarioFailure {
                    throw ScenarioFailure(line: failure.line == 0 ? commandLine : failure.line, failure.reason)
                }
                if showsTrace {
                    produced = group.takeTrace()
                    output += produced.map { "        " + $0 }
                }
            case .trace: break
            }
        }
        if !rewrites { try compare() }
        guard expectationCount > 0 else { throw ScenarioFailure("it expects nothing") }
        return output.joined(separator: "\n")
    }

    private mutating func perform(_ words: [String]) throws {
        guard let verb = words.first else { return }
        let rest = Array(words.dropFirst())
        if verb == "expect" {
            expectationCount += 1
            return try expect(rest)
        }
        // What must be refused says why: `propose b x refused: not leader`.
        guard let split = rest.firstIndex(of: "refused:") else {
            if let reason = try refusal(verb, rest) { throw ScenarioFailure("refused: \(reason)") }
            return
        }
        let wanted = rest[(split + 1)...].joined(separator: " ")
        expectationCount += 1
        let reason = try refusal(verb, Array(rest[..<split]))
        guard reason == wanted else { throw ScenarioFailure("refused: \(reason ?? "no")") }
    }

    /// Acts, and says why the core would not.
    private mutating func refusal(_ verb: String, _ words: [String]) throws -> String? {
        do {
            try act(verb, words)
            return nil
        } catch let refusal as ProposalRefusal {
            return refusal.text
        } catch let refusal as ConfigurationRefusal {
            return refusal.text
        } catch let refusal as TransferRefusal {
            return refusal.text
        }
    }

    // MARK: - Words

    func id(_ words: [String], _ position: Int) throws -> ReplicaID {
        guard position < words.count, let id = ReplicaID(name: words[position]) else {
            throw ScenarioFailure("the name of a node is missing")
        }
        return id
    }

    func number(_ words: [String], _ position: Int) throws -> Int {
        guard position < words.count, let number = Int(words[position]), number >= 0 else {
            throw ScenarioFailure("a number is missing")
        }
        return number
    }

    func index(_ words: [String], _ position: Int) throws -> LogIndex {
        LogIndex(UInt64(try number(words, position)))
    }

    func none(_ words: [String], from position: Int) throws {
        guard words.count <= position else { throw ScenarioFailure("what does '\(words[position])' mean here?") }
    }

    func running(_ id: ReplicaID) throws -> Raft {
        guard let raft = group.nodes[try group.index(of: id)].raft else { throw ScenarioFailure("\(id.name) is down") }
        return raft
    }
}
