import FoundationEssentials

/// Of documents whose members are named `like_this`.
private var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
}

/// How a cluster stands, as the admin interface tells it.
struct ClusterStatusDocument: Decodable, Equatable {
    struct Member: Decodable, Equatable {
        let name: String
        let address: String
        let replicaId: String
        let voter: Bool
        let matchIndex: UInt64?
        let reachable: Bool?
    }

    struct Waiting: Decodable, Equatable {
        let name: String
        let address: String?
        let replicaId: String
    }

    let clusterId: String?
    let node: String
    let replicaId: String?
    let membership: String
    let role: String
    let term: UInt64
    let leader: String?
    let commitIndex: UInt64
    let appliedIndex: UInt64
    let firstIndex: UInt64
    let snapshotIndex: UInt64
    let version: String
    let members: [Member]
    let waiting: [Waiting]
    let alarms: [String]

    /// - Returns: nil where the bytes are no such document.
    static func read(_ bytes: [UInt8]) -> ClusterStatusDocument? {
        try? decoder.decode(ClusterStatusDocument.self, from: Data(bytes))
    }

    // MARK: In words

    /// The members, who waits, what is wrong, and what to do: lines for a person.
    var lines: [String] {
        var lines = [
            "cluster   \(clusterId ?? "none yet")",
            "node      \(node), \(role), version \(version)",
            "leader    \(leader ?? "none is known")\(term > 0 ? ", term \(term)" : "")",
            "log       committed \(commitIndex), applied \(appliedIndex), snapshot \(snapshotIndex)",
        ]
        if membership == "waiting" {
            lines += [
                "",
                "This node waits until a member admits it: tollgate cluster add \(node), or replace \(node), there.",
                "If every node of the cluster waits, none has the state any more. Stop them all; on each,",
                "tollgate recover --data FOLDER says what can still be read in its data folder.",
            ]
        }
        if !members.isEmpty {
            lines.append("")
            lines += Self.table([["NAME", "ROLE", "ADDRESS", "REACHABLE", "BEHIND"]] + members.map(row))
        }
        if !waiting.isEmpty {
            lines.append("")
            lines.append("Waiting to be admitted:")
            lines += Self.table(waiting.map { ["  \($0.name)", $0.address ?? "", remedy($0)] })
        }
        if !alarms.isEmpty {
            lines.append("")
            lines += alarms.map { "ALARM  \($0)" }
        }
        return lines
    }

    private func row(_ member: Member) -> [String] {
        let role = member.name == leader ? "leader" : member.voter ? "voter" : "learner"
        let reachable = member.reachable.map { $0 ? "yes" : "NO" } ?? "?"
        let behind = member.matchIndex.map { String(commitIndex > $0 ? commitIndex - $0 : 0) } ?? "?"
        return [member.name, role, member.address, reachable, behind]
    }

    private func remedy(_ waiting: Waiting) -> String {
        members.contains { $0.name == waiting.name }
            ? "another disk than the member's: tollgate cluster replace \(waiting.name)"
            : "tollgate cluster add \(waiting.name)"
    }

    /// Columns as wide as their widest cell, two spaces between them.
    private static func table(_ rows: [[String]]) -> [String] {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - cell.count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}

/// What an operation came to, or why not.
struct OperationDocument: Decodable, Equatable {
    let name: String?
    let state: String?
    /// Of a problem (RFC 9457).
    let type: String?
    let detail: String?
    let snapshotIndex: UInt64?

    /// - Returns: nil where the bytes are no such document.
    static func read(_ bytes: [UInt8]) -> OperationDocument? {
        try? decoder.decode(OperationDocument.self, from: Data(bytes))
    }
}
