import Raft

/// The state machine of scenarios: it remembers which commands it was given, and where.
struct ScenarioMachine: Equatable {
    private(set) var commands: [(index: LogIndex, text: String)] = []
    private(set) var index: LogIndex

    /// The state in a snapshot that ends at `index`.
    init(index: LogIndex, payload: [UInt8]) {
        self.index = index
        for line in String(decoding: payload, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let number = UInt64(parts[0]) else { continue }
            commands.append((LogIndex(number), String(parts[1])))
        }
    }

    /// - Returns: what is wrong with it, where something is.
    mutating func apply(_ step: ApplyStep, payload: [UInt8]) -> String? {
        switch step {
        case .entries(let entries):
            for entry in entries {
                guard entry.position.index == index + 1 else {
                    return "applies \(entry.position.text) after index \(index.rawValue)"
                }
                index = entry.position.index
                if case .command(let bytes) = entry.payload { commands.append((index, Entry.text(of: bytes))) }
            }
        case .restore(let snapshot):
            // A replica that has nothing is given snapshot 0.
            guard snapshot.position.index > index || index == .zero else {
                return "restores \(snapshot.position.text) at index \(index.rawValue)"
            }
            self = ScenarioMachine(index: snapshot.position.index, payload: payload)
        }
        return nil
    }

    /// The bytes of a snapshot made now.
    var payload: [UInt8] {
        Array(commands.map { "\($0.index.rawValue)=\($0.text)\n" }.joined().utf8)
    }

    static func == (left: Self, right: Self) -> Bool {
        left.index == right.index && left.commands.elementsEqual(right.commands, by: ==)
    }
}
