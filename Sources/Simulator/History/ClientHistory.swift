import Ledger

/// All that clients asked and were told, and whether it keeps the promises: overrides are linearizable, a challenge
/// buys one pass, and nothing acknowledged is lost.
///
/// Told of each call and each answer in the order in which they happen; most faults are found at once, those of the
/// order of concurrent operations by ``finish()``.
public struct ClientHistory: Sendable {
    /// What a client asks.
    public enum Request: Hashable, Sendable {
        /// A change of an override.
        case change(OverrideChange)
        /// A linearizable read of an override.
        case readOverride(policy: PolicyID, key: QuotaKey)
        /// A challenge is handed in.
        case spend(Spend)
        /// A linearizable read of a pass.
        case readPass(ChallengeID, recordExpiry: LedgerTime)
    }

    /// What it is told.
    public enum Answer: Hashable, Sendable {
        /// To a change.
        case changed(OverrideOutcome)
        /// To a read of an override.
        case override(OverrideState?)
        /// To a spend.
        case spent(SpendOutcome)
        /// To a read of a pass, from a state of this replicated time.
        case pass(PassState?, at: LedgerTime)
    }

    private enum Waiting {
        case change(operation: Int, OverrideChange)
        case readOverride(operation: Int, NothingLost.OverrideExpectation)
        case spend(Spend)
        case readPass(ChallengeID, mustFind: Bool)
    }

    private var overrides: [Operation<OverrideRegister.Input, OverrideRegister.Output>] = []
    private var waiting: [UInt64: Waiting] = [:]
    private var spends = SpendOnce()
    private var nothingLost = NothingLost()

    /// Nothing was asked yet.
    public init() {}

    /// Operations on overrides so far.
    public var overrideOperations: Int { overrides.count }

    /// A client asks. A spend may be sent again with the same number, for it is idempotent; a change that is sent again
    /// under another session is another request, for both may take effect.
    /// - Parameter moment: grows with each event.
    public mutating func called(_ number: UInt64, _ request: Request, at moment: UInt64) {
        switch request {
        case .change(let change):
            guard waiting[number] == nil else { return }
            nothingLost.called(change)
            overrides.append(Operation(input: .change(change), called: moment))
            waiting[number] = .change(operation: overrides.count - 1, change)
        case .readOverride(let policy, let key):
            guard waiting[number] == nil else { return }
            overrides.append(Operation(input: .read(policy: policy, key: key), called: moment))
            waiting[number] = .readOverride(
                operation: overrides.count - 1,
                nothingLost.expectation(policy: policy, key: key)
            )
        case .spend(let spend):
            spends.called(SpendOnce.RequestNumber(number), spend)
            waiting[number] = .spend(spend)
        case .readPass(let challenge, _):
            guard waiting[number] == nil else { return }
            waiting[number] = .readPass(challenge, mustFind: nothingLost.mustFind(challenge))
        }
    }

    /// A client is told. Requests without an answer are simply never answered.
    /// - Precondition: the answer is of the request's kind.
    public mutating func answered(_ number: UInt64, _ answer: Answer, at moment: UInt64) throws(HistoryFault) {
        switch (waiting[number], answer) {
        case (.change(let operation, let change), .changed(let outcome)):
            try complete(operation, .changed(outcome), at: moment)
            nothingLost.answered(change, outcome)
        case (.readOverride(let operation, let expectation), .override(let state)):
            try complete(operation, .state(state), at: moment)
            try nothingLost.answered(expectation, state)
        case (.spend(let spend), .spent(let outcome)):
            try spends.answered(SpendOnce.RequestNumber(number), outcome)
            nothingLost.answered(spend, outcome)
        case (.readPass(let challenge, let mustFind), .pass(let pass, let time)):
            try nothingLost.answered(challenge, mustFind: mustFind, pass: pass, at: time)
        default:
            preconditionFailure("an answer belongs to a request of its kind")
        }
    }

    private mutating func complete(
        _ operation: Int,
        _ output: OverrideRegister.Output,
        at moment: UInt64
    ) throws(HistoryFault) {
        guard let first = overrides[operation].answer else {
            overrides[operation].answer = .init(output: output, moment: moment)
            return
        }
        if first.output != output {
            throw HistoryFault(
                promise: "Linearizability",
                detail: "\(overrides[operation].input) was answered \(first.output), and then \(output)"
            )
        }
    }

    /// The run is over: is there an order of the operations on overrides that explains every answer?
    /// - Returns: `linearizable`, or `unknown` where the search was too long.
    public func finish() throws(HistoryFault) -> LinearizabilityVerdict {
        var order = VersionOrder()
        for operation in overrides { order.observe(operation) }
        try order.check()
        let verdict = LinearizabilityChecker(model: OverrideRegister()).check(overrides)
        guard case .violated(let partition, let explained, let unexplained) = verdict else { return verdict }
        throw HistoryFault(
            promise: "Linearizability",
            detail: "of \(partition) no order explains more than \(explained) operations, and then not "
                + "\(overrides[unexplained])"
        )
    }
}
