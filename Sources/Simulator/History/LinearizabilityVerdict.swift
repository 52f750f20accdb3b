/// What a ``LinearizabilityChecker`` found.
public enum LinearizabilityVerdict: Equatable, Sendable {
    /// There is an order of the operations that explains every answer.
    case linearizable
    /// There is none.
    /// - Parameters:
    ///   - partition: a description of the partition.
    ///   - explained: how many of the partition's operations the best order explains.
    ///   - unexplained: the place in the history of the operation that stopped the best order.
    case violated(partition: String, explained: Int, unexplained: Int)
    /// The budget was spent before either was shown.
    case unknown(partition: String)
}
