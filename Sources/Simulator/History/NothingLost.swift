import Ledger

/// What was acknowledged is there: a linearizable read that is called after an answer sees what the answer told, or
/// something later.
///
/// For overrides ``LinearizabilityChecker`` says more, but not of long histories; this costs constant time for each
/// event, so that it holds for all of them. Told of each event in the order in which they happen.
public struct NothingLost: Sendable {
    /// What a read must see, as known when it was called.
    public struct OverrideExpectation: Sendable {
        fileprivate var register: OverrideRegister.Partition
        /// The greatest version answered before.
        fileprivate var version: UInt64
    }

    private struct Register {
        /// The greatest version that a client was told.
        var version: UInt64 = 0
        /// Removals that were called, and denials that end: from then on there may be nothing.
        var mayBeGone = false
    }

    private var registers: [OverrideRegister.Partition: Register] = [:]
    private var passes: [ChallengeID: LedgerTime] = [:]

    /// Nothing was acknowledged yet.
    public init() {}

    // MARK: - Overrides

    /// A change is sent.
    public mutating func called(_ change: OverrideChange) {
        let register = OverrideRegister.Partition(policy: change.policy, key: change.key)
        switch change.value {
        case nil, .deny(.some): registers[register, default: Register()].mayBeGone = true
        case .free, .deny(nil): break
        }
    }

    /// A change is answered.
    public mutating func answered(_ change: OverrideChange, _ outcome: OverrideOutcome) {
        guard case .set(let version) = outcome else { return }
        let register = OverrideRegister.Partition(policy: change.policy, key: change.key)
        registers[register, default: Register()].version = max(registers[register]?.version ?? 0, version)
    }

    /// A linearizable read is sent. The result belongs to its answer.
    public func expectation(policy: PolicyID, key: QuotaKey) -> OverrideExpectation {
        let register = OverrideRegister.Partition(policy: policy, key: key)
        return OverrideExpectation(register: register, version: registers[register]?.version ?? 0)
    }

    /// The read is answered.
    public func answered(_ expectation: OverrideExpectation, _ state: OverrideState?) throws(HistoryFault) {
        let register = expectation.register
        guard let state else {
            if expectation.version > 0, registers[register]?.mayBeGone != true {
                throw fault("version \(expectation.version) of \(register) was answered and is gone")
            }
            return
        }
        if state.version < expectation.version {
            throw fault("version \(expectation.version) of \(register) was answered, then \(state.version) was read")
        }
    }

    // MARK: - Passes

    /// A spend is answered.
    public mutating func answered(_ spend: Spend, _ outcome: SpendOutcome) {
        guard case .opened = outcome else { return }
        passes[spend.challenge] = spend.recordExpiry
    }

    /// Whether a linearizable read of a pass that is sent now must find it, unless its record expires meanwhile.
    public func mustFind(_ challenge: ChallengeID) -> Bool { passes[challenge] != nil }

    /// The read is answered.
    /// - Parameters:
    ///   - mustFind: what ``mustFind(_:)`` said when it was sent.
    ///   - time: replicated time of the state that was read.
    public func answered(
        _ challenge: ChallengeID,
        mustFind: Bool,
        pass: PassState?,
        at time: LedgerTime
    ) throws(HistoryFault) {
        guard mustFind, pass == nil, let expiry = passes[challenge], time <= expiry else { return }
        throw fault("the pass of challenge \(challenge.high):\(challenge.low) was acknowledged and is gone")
    }

    private func fault(_ detail: String) -> HistoryFault { HistoryFault(promise: "NothingLost", detail: detail) }
}
