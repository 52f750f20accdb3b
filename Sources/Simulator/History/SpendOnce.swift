import Ledger

/// A challenge buys one pass, whoever hands it in, wherever, and however often; and a request that is sent again gets
/// the answer that it got.
///
/// Told of each call and each answer in the order in which they happen; says at once what is wrong. Constant time each,
/// memory in proportion to the requests.
public struct SpendOnce: Sendable {
    /// A client's request: the same one again after a lost answer keeps its number.
    public struct RequestNumber: Hashable, Sendable {
        /// The number itself.
        public var rawValue: UInt64

        /// A value of these fields.
        public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    }

    private struct Challenge {
        /// The request that opened the pass, as far as one was told so.
        var opened: RequestNumber?
        /// Calls without an answer, so far or for ever: any of them may have opened it.
        var open = 0
    }

    private struct Request {
        var spend: Spend
        var outcome: SpendOutcome?
    }

    private var challenges: [ChallengeID: Challenge] = [:]
    private var requests: [RequestNumber: Request] = [:]

    /// Nothing was spent yet.
    public init() {}

    /// A request is sent, or sent again: then the earlier one may have done its work, unseen.
    public mutating func called(_ number: RequestNumber, _ spend: Spend) {
        if requests[number] == nil { requests[number] = Request(spend: spend) }
        challenges[spend.challenge, default: Challenge()].open += 1
    }

    /// A request is answered, or answered again.
    /// - Precondition: it was called.
    public mutating func answered(_ number: RequestNumber, _ outcome: SpendOutcome) throws(HistoryFault) {
        guard var request = requests[number] else { preconditionFailure("answers follow calls") }
        if let first = request.outcome {
            if first != outcome {
                throw fault("request \(number.rawValue) was answered \(first), and then \(outcome)")
            }
            return
        }
        request.outcome = outcome
        requests[number] = request
        let id = request.spend.challenge
        var challenge = challenges[id] ?? Challenge()
        challenge.open -= 1
        defer { challenges[id] = challenge }
        switch outcome {
        case .opened:
            if let other = challenge.opened {
                throw fault(
                    "challenge \(id.high):\(id.low) was spent by request \(other.rawValue) "
                        + "and again by request \(number.rawValue)"
                )
            }
            challenge.opened = number
        case .repeated, .alreadySpent:
            // It was spent by another: by one that was told so, or by one that waits for its answer.
            if challenge.opened == nil, challenge.open == 0 {
                throw fault("challenge \(id.high):\(id.low) was refused as spent, and nobody had spent it")
            }
        case .expired, .fromFuture, .full, .invalid:
            break
        }
    }

    private func fault(_ detail: String) -> HistoryFault { HistoryFault(promise: "SpendOnce", detail: detail) }
}
