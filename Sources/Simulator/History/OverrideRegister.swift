import Ledger

/// The overrides as a sequential register with compare-and-set and versions, one for each policy and key.
///
/// The ledger takes versions from one counter, so that a key's next version is not known from the key alone: the model
/// asks that it be above all earlier ones of the key. Where no answer was seen the version is unknown, and a later
/// answer tells it. A denial with an end may be gone at any time: the model has no clock.
public struct OverrideRegister: SequentialModel {
    /// A request.
    public enum Input: Hashable, Sendable {
        /// A change by the log.
        case change(OverrideChange)
        /// A linearizable read.
        case read(policy: PolicyID, key: QuotaKey)
    }

    /// An answer.
    public enum Output: Hashable, Sendable {
        /// To a change.
        case changed(OverrideOutcome)
        /// To a read.
        case state(OverrideState?)
    }

    /// A register's name.
    public struct Partition: Hashable, Sendable {
        /// The policy.
        public var policy: PolicyID
        /// The key.
        public var key: QuotaKey
    }

    /// A register as far as it is known.
    public struct State: Hashable, Sendable {
        /// What it says; nil: nothing.
        var value: OverrideValue?
        /// Its version if `isExact`, else one that the version is above. Where there is no value, the last version.
        var version: UInt64
        var isExact: Bool
    }

    /// The model.
    public init() {}

    public var initial: State { State(value: nil, version: 0, isExact: true) }

    public func partition(of input: Input) -> Partition {
        switch input {
        case .change(let change): Partition(policy: change.policy, key: change.key)
        case .read(let policy, let key): Partition(policy: policy, key: key)
        }
    }

    public func step(_ state: State, _ input: Input, _ output: Output?) -> [State] {
        var reached = stepAsIs(state, input, output)
        if case .deny(.some) = state.value {
            let ended = State(value: nil, version: state.version, isExact: state.isExact)
            for after in stepAsIs(ended, input, output) where !reached.contains(after) { reached.append(after) }
        }
        return reached
    }

    private func stepAsIs(_ state: State, _ input: Input, _ output: Output?) -> [State] {
        switch (input, output) {
        case (.read, nil): [state]
        case (.read, .state(nil)): state.value == nil ? [state] : []
        case (.read, .state(let seen?)):
            if seen.value == state.value, let known = state.known(version: seen.version) { [known] } else { [] }
        case (.read, .changed), (.change, .state): []
        case (.change(let change), .changed(let outcome)): step(state, change, outcome)
        case (.change(let change), nil): unseen(state, change)
        }
    }

    private func step(_ state: State, _ change: OverrideChange, _ outcome: OverrideOutcome) -> [State] {
        switch outcome {
        case .set(let version):
            guard change.value != nil, let matched = state.matching(change.expectedVersion),
                version > matched.version
            else { return [] }
            return [State(value: change.value, version: version, isExact: true)]
        case .removed:
            guard change.value == nil, let matched = state.matching(change.expectedVersion) else { return [] }
            return [matched.removed]
        case .conflict(let current):
            guard let expected = change.expectedVersion, current != expected else { return [] }
            if current == 0 { return state.value == nil ? [state] : [] }
            guard state.value != nil, let known = state.known(version: current) else { return [] }
            return [known]
        case .full, .unknownPolicy, .badRate:
            return [state]
        }
    }

    /// All that a change can have come to which nobody saw answered.
    private func unseen(_ state: State, _ change: OverrideChange) -> [State] {
        guard let matched = state.matching(change.expectedVersion) else { return [state] }
        let changed =
            change.value == nil
            ? matched.removed : State(value: change.value, version: matched.version, isExact: false)
        // It may have been refused: for want of room, or where the version that is there is not known.
        return changed == state ? [state] : [changed, state]
    }
}

extension OverrideRegister.State {
    /// The same register, its version now known; nil where it is another one.
    fileprivate func known(version told: UInt64) -> Self? {
        guard isExact ? told == version : told > version else { return nil }
        return Self(value: value, version: told, isExact: true)
    }

    /// The register if it can have the version that is expected; nil if it cannot.
    fileprivate func matching(_ expected: UInt64?) -> Self? {
        guard let expected else { return self }
        if expected == 0 || value == nil { return expected == 0 && value == nil ? self : nil }
        return known(version: expected)
    }

    /// Nothing is there any more. Its last version still bounds the next one.
    fileprivate var removed: Self { Self(value: nil, version: version, isExact: isExact) }
}
