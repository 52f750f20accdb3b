import Raft
import Wire

// How messages, entries and refusals are written in scenarios.

extension LogPosition {
    /// `term:index`.
    var text: String { "\(term.rawValue):\(index.rawValue)" }
}

extension Entry {
    /// `2:7=x`; an empty entry `2:7=-`; a membership `2:7={a b c}`. Long commands are cut short.
    var text: String {
        switch payload {
        case .noOperation: "\(position.text)=-"
        case .command(let bytes): "\(position.text)=\(Self.text(of: bytes))"
        case .configuration(let configuration): "\(position.text)=\(configuration.text)"
        }
    }

    static func text(of command: [UInt8]) -> String {
        command.count <= 12 ? String(decoding: command, as: UTF8.self) : "(\(command.count) bytes)"
    }
}

extension Role {
    var text: String {
        switch self {
        case .follower: "follower"
        case .preCandidate: "pre-candidate"
        case .candidate: "candidate"
        case .leader: "leader"
        }
    }
}

extension Progress.State {
    var text: String {
        switch self {
        case .probe: "probe"
        case .replicate: "replicate"
        case .snapshot: "snapshot"
        }
    }
}

extension Message {
    /// What it says, without the link: a kind, then words. Patterns of scenarios are runs of these words.
    var text: String {
        let term = "term \(term.rawValue)"
        switch body {
        case .voteRequest(let request):
            let kind = request.isPreVote ? "pre-vote" : "vote"
            return "\(kind) \(term) log-ends \(request.last.text)" + (request.isTransfer ? " transfer" : "")
        case .voteResponse(let response):
            return "\(response.isPreVote ? "pre-vote" : "vote")-\(response.granted ? "granted" : "refused") \(term)"
        case .appendRequest(let request):
            let entries = request.entries.map { " " + $0.text }.joined()
            return "append \(term) after \(request.previous.text)\(entries) commit \(request.commit.rawValue)"
        case .appendResponse(.accepted(let index)):
            return "accepted \(term) through \(index.rawValue)"
        case .appendResponse(.rejected(let previous, let hint)):
            return "rejected \(term) at \(previous.rawValue) hint \(hint.text)"
        case .heartbeatRequest(let request):
            return "heartbeat \(term) round \(request.round) commit \(request.commit.rawValue)"
        case .heartbeatResponse(let response):
            return "heartbeat-answer \(term) round \(response.round)"
        case .snapshotRequest(let request):
            let end = request.offset + UInt64(request.length)
            return "snapshot \(term) of \(request.snapshot.position.text) bytes \(request.offset)..\(end)"
                + " of \(request.snapshot.bytes)"
        case .snapshotResponse(let response):
            let outcome =
                switch response.outcome {
                case .received(let offset): "received \(offset)"
                case .installed(let index): "installed \(index.rawValue)"
                case .refused: "refused"
                }
            return "snapshot-answer \(term) of \(response.position.text) \(outcome)"
        case .readIndexRequest(let context):
            return "read-index \(term) #\(context)"
        case .readIndexResponse(let context, let index):
            return "read-index-answer \(term) #\(context) " + (index.map { "at \($0.rawValue)" } ?? "none")
        case .timeoutNow:
            return "timeout-now \(term)"
        }
    }
}

extension ProposalRefusal {
    var text: String {
        switch self {
        case .notLeader(let leader): "not leader" + (leader.map { ", \($0.name) is" } ?? "")
        case .transferring: "transferring"
        case .tooMuchWaiting: "too much waiting"
        case .commandTooLong: "command too long"
        }
    }
}

extension ConfigurationRefusal {
    var text: String {
        switch self {
        case .notLeader(let leader): "not leader" + (leader.map { ", \($0.name) is" } ?? "")
        case .transferring: "transferring"
        case .changeInProgress: "change in progress"
        case .leaderNotEstablished: "leader not established"
        case .unknownMember(let id): "unknown member \(id.name)"
        case .alreadyMember(let id): "already member \(id.name)"
        case .wrongRole(let id): "wrong role \(id.name)"
        case .notCaughtUp(let id, .max): "not caught up \(id.name), has acknowledged nothing"
        case .notCaughtUp(let id, let lag): "not caught up \(id.name), \(lag) entries"
        case .noVoterLeft: "no voter left"
        case .tooLarge: "too large"
        case .nothingToDo: "nothing to do"
        }
    }
}

extension TransferRefusal {
    var text: String {
        switch self {
        case .notLeader(let leader): "not leader" + (leader.map { ", \($0.name) is" } ?? "")
        case .badTarget(let id): "bad target \(id.name)"
        case .transferring: "transferring"
        }
    }
}
