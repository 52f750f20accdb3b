import Raft
import Wire

extension ScenarioRunner {
    /// What users and operators ask for.
    mutating func actAsClient(_ verb: String, _ words: [String]) throws {
        let node = try id(words, 0)
        switch verb {
        case "propose":
            let commands = words.dropFirst().map { Array($0.utf8) }
            guard !commands.isEmpty else { throw ScenarioFailure("nothing is proposed") }
            try group.act(on: node) { _ = try $0.propose(commands) }
        case "flood":
            // flood a 10 of 100 bytes
            for _ in 0..<(try number(words, 1)) {
                let command = [UInt8](repeating: UInt8(ascii: "x"), count: try number(words, 3))
                try group.act(on: node) { _ = try $0.propose([command]) }
            }
        case "read":
            // read a 1; read a 1 2 3, in one moment
            let contexts = try (1..<max(2, words.count)).map { UInt64(try number(words, $0)) }
            try group.act(on: node) { raft in for context in contexts { raft.readIndex(context: context) } }
        case "transfer":
            // transfer a to b
            let target = try id(words, 2)
            try group.act(on: node) { try $0.transferLeadership(to: target) }
        default:
            let steps = try words.dropFirst().joined(separator: " ").split(separator: ",").map { part in
                try step(part.split(separator: " ").map(String.init))
            }
            try group.act(on: node) { _ = try $0.propose(ConfigurationChange(steps)) }
        }
    }

    private func step(_ words: [String]) throws -> ConfigurationChange.Step {
        let node = try id(words, 1)
        switch words[0] {
        case "add-learner": return .addLearner(Member(node))
        case "promote": return .promote(node)
        case "demote": return .demote(node)
        case "remove": return .remove(node)
        case "update": return .update(Member(node, address: words.count > 2 ? words[2] : nil))
        default: throw ScenarioFailure("no such change")
        }
    }
}
