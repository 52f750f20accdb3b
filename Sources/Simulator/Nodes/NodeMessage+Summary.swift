import Raft
import Replica

extension NodeMessage {
    /// In words, for the trace.
    var summary: String {
        switch self {
        case .peer(let message): message.summary
        case .founding(let message): "founding: \(message.body)"
        }
    }
}

extension PeerMessage {
    /// In words, for the trace.
    var summary: String {
        switch payload {
        case .raft(let message): "\(message.body.summary) in term \(message.term.rawValue)"
        case .forward(let bytes): "a batch of \(bytes.count) bytes"
        case .checkpoint(let index, _): "checkpoint at \(index.rawValue)"
        case .stateRequest(let position, _, let offset):
            "asks for state \(position?.index.rawValue ?? 0) from \(offset)"
        case .statePart(let part): "state \(part.position.index.rawValue) from \(part.offset), \(part.data.count) bytes"
        }
    }
}

extension Message.Body {
    fileprivate var summary: String {
        switch self {
        case .voteRequest(let request):
            "\(request.isPreVote ? "pre-vote" : "vote")? last \(request.last.summary)\(request.isTransfer ? " transfer" : "")"
        case .voteResponse(let response):
            "\(response.isPreVote ? "pre-vote" : "vote") \(response.granted ? "yes" : "no")"
        case .appendRequest(let request):
            "append after \(request.previous.summary): \(request.entries.count) entries, commit \(request.commit.rawValue)"
        case .appendResponse(.accepted(let through)): "accepted through \(through.rawValue)"
        case .appendResponse(.rejected(let previous, let hint)):
            "rejected after \(previous.rawValue), hint \(hint.summary)"
        case .heartbeatRequest(let request): "heartbeat round \(request.round) commit \(request.commit.rawValue)"
        case .heartbeatResponse(let response): "heartbeat answer round \(response.round)"
        case .snapshotRequest(let request):
            "snapshot \(request.snapshot.position.summary) from \(request.offset), \(request.length) bytes "
                + "of \(request.snapshot.bytes)"
        case .snapshotResponse(let response): "snapshot \(response.position.summary) \(response.outcome)"
        case .readIndexRequest(let context): "read index? \(context)"
        case .readIndexResponse(let context, let index): "read index \(context): \(index?.rawValue ?? 0)"
        case .timeoutNow: "campaign now"
        }
    }
}

extension LogPosition {
    fileprivate var summary: String { "\(index.rawValue)@\(term.rawValue)" }
}
