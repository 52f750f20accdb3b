import Wire

/// A rule was broken: which one, by whom, and how.
public struct InvariantViolation: Error, Hashable, Sendable, CustomStringConvertible {
    /// The invariant: the name of its type.
    public var invariant: String
    /// Where the rule is written.
    public var rule: String
    /// What was seen, in one sentence.
    public var detail: String
    /// The replicas concerned, the one that was seen first.
    public var replicas: [ReplicaID]

    /// A value of these fields.
    public init(invariant: String, rule: String, detail: String, replicas: [ReplicaID]) {
        self.invariant = invariant
        self.rule = rule
        self.detail = detail
        self.replicas = replicas
    }

    public var description: String { "\(invariant) (\(rule)): \(detail)" }
}
