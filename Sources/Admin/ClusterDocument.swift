import Cluster
import Gateway
import Raft

/// What `GET /v1/cluster` says (DESIGN section 10). What is not known is null.
enum ClusterDocument {
    static func text(_ status: ClusterStatus, version: String, configurationHash: String) -> String {
        let replica = status.replica
        var text = JSONText()
        text.begin()
        text.member("cluster_id", raw: quoted(status.cluster?.description))
        text.member("node", status.node)
        text.member("replica_id", raw: quoted(replica?.id.description))
        text.member("membership", status.membership.rawValue)
        text.member("role", role(status))
        text.member("term", replica?.term.rawValue ?? 0)
        text.member("leader", raw: quoted(status.leader))
        text.member("commit_index", replica?.commitIndex.rawValue ?? 0)
        text.member("applied_index", replica?.appliedIndex.rawValue ?? 0)
        text.member("first_index", replica?.firstIndex.rawValue ?? 0)
        text.member("snapshot_index", replica?.snapshotIndex.rawValue ?? 0)
        text.member("digest", raw: digest(status))
        text.member("version", version)
        text.member("ledger_version", replica?.ledgerVersion ?? 0)
        text.member("config_hash", configurationHash)
        text.member("members", raw: array(status.members.map(member)))
        text.member("waiting", raw: array(status.waiting.map(waiting)))
        text.member("alarms", raw: array(status.alarms.map(JSONText.quoted)))
        text.end()
        return text.text
    }

    /// What an operation came to.
    static func text(_ outcome: OperationOutcome) -> String {
        var text = JSONText()
        text.begin()
        text.member("name", outcome.name)
        text.member("replica_id", outcome.replica.description)
        text.member("state", outcome.state.rawValue)
        if let detail = outcome.detail { text.member("detail", detail) }
        text.end()
        return text.text
    }

    private static func role(_ status: ClusterStatus) -> String {
        guard let replica = status.replica, status.membership == .member else { return status.membership.rawValue }
        if replica.configuration.isLearner(replica.id) { return "learner" }
        return replica.role.name
    }

    /// Of the last entry whose index is a multiple of what nodes compare: equal on all nodes that have one of it.
    private static func digest(_ status: ClusterStatus) -> String {
        guard let checkpoint = status.replica?.checkpoint else { return "null" }
        var text = JSONText()
        text.begin()
        text.member("index", checkpoint.index.rawValue)
        text.member("value", hexadecimal(checkpoint.digest.high) + hexadecimal(checkpoint.digest.low))
        text.end()
        return text.text
    }

    private static func member(_ member: ClusterStatus.Member) -> String {
        var text = JSONText()
        text.begin()
        text.member("name", member.name)
        text.member("address", member.address)
        text.member("replica_id", member.replica.description)
        text.member("voter", raw: "\(member.isVoter)")
        text.member("match_index", raw: member.matchIndex.map(String.init) ?? "null")
        text.member("reachable", raw: member.isReachable.map { "\($0)" } ?? "null")
        text.end()
        return text.text
    }

    private static func waiting(_ node: WaitingNode) -> String {
        var text = JSONText()
        text.begin()
        text.member("name", node.name)
        text.member("address", raw: quoted(node.address))
        text.member("replica_id", node.replica.description)
        text.end()
        return text.text
    }

    private static func quoted(_ text: String?) -> String { text.map(JSONText.quoted) ?? "null" }

    private static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ", ") + "]" }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension Role {
    /// As documents and metrics write it.
    var name: String {
        switch self {
        case .follower: "follower"
        case .preCandidate: "pre-candidate"
        case .candidate: "candidate"
        case .leader: "leader"
        }
    }
}
