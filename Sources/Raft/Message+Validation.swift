// What a message must be whoever receives it. A peer may be faulty: nothing in here may be taken on trust.

extension Message {
    /// Whether the message can be true: numbers in range, entries consecutive and of terms that do not fall, a
    /// membership that is one.
    var isPlausible: Bool {
        guard term > .zero, term <= .max else { return false }
        switch body {
        case .voteRequest(let request):
            return request.last.isPlausible(in: term)
        case .appendRequest(let request):
            return request.isPlausible(in: term)
        case .appendResponse(.accepted(let index)):
            return index <= .max
        case .appendResponse(.rejected(let previous, let hint)):
            return previous <= .max && hint.isPlausible(in: term)
        case .heartbeatRequest(let request):
            return request.commit <= .max
        case .snapshotRequest(let request):
            return request.isPlausible(in: term)
        case .snapshotResponse(let response):
            if case .installed(let index) = response.outcome, index > .max { return false }
            return response.position.isPlausible(in: term)
        case .readIndexResponse(_, let index):
            return index.map { $0 <= .max } ?? true
        case .voteResponse, .heartbeatResponse, .readIndexRequest, .timeoutNow:
            return true
        }
    }
}

extension LogPosition {
    /// Whether a log of this term can have the position: a term at most the sender's, and none without an index.
    fileprivate func isPlausible(in current: Term) -> Bool {
        term <= current && index <= .max && (index > .zero || term == .zero)
    }
}

extension AppendRequest {
    fileprivate func isPlausible(in current: Term) -> Bool {
        guard previous.isPlausible(in: current) else { return false }
        var index = previous.index
        var term = previous.term
        for entry in entries {
            guard index < .max else { return false }
            index = index + 1
            guard entry.position.index == index, entry.position.term >= term, entry.position.term <= current,
                entry.position.term > .zero
            else { return false }
            term = entry.position.term
            if case .configuration(let configuration) = entry.payload {
                guard !configuration.members.isEmpty, configuration.isWellFormed else { return false }
            }
        }
        return true
    }
}

extension SnapshotRequest {
    fileprivate func isPlausible(in current: Term) -> Bool {
        guard snapshot.position.isPlausible(in: current), UInt64(data.count) == UInt64(length),
            !snapshot.configuration.members.isEmpty, snapshot.configuration.isWellFormed
        else { return false }
        let (end, overflow) = offset.addingReportingOverflow(UInt64(length))
        // A part without bytes would come again for ever, unless there are none at all.
        return !overflow && end <= snapshot.bytes && (length > 0 || snapshot.bytes == 0)
    }
}
