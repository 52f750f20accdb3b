/// Decides whether a history of concurrent operations is one that a single copy could have given.
///
/// The search of Wing and Gong (1993) with the memory of Lowe (2017): operations are put in order one by one, each time
/// one that was called before any of the rest was answered; a set of ordered operations that led to the same state
/// before is not tried again. An operation without an answer may be put anywhere after its call, or left out.
///
/// The problem is NP-complete, so the search has a budget; beyond it the verdict is ``LinearizabilityVerdict/unknown``,
/// which is neither good nor bad.
public struct LinearizabilityChecker<Model: SequentialModel>: Sendable {
    /// Steps of the model in one partition. 500,000 take about a second, and a history of hundreds of operations by
    /// some ten clients seldom needs a thousandth.
    public static var stepsMax: Int { 500_000 }

    private let model: Model
    private let stepsMax: Int

    /// - Parameter stepsMax: steps of the model that a partition may cost.
    public init(model: Model, stepsMax: Int = Self.stepsMax) {
        self.model = model
        self.stepsMax = stepsMax
    }

    /// The verdict over a whole history, its operations in any order. A partition that is violated outweighs one that is
    /// unknown.
    public func check(_ history: [Operation<Model.Input, Model.Output>]) -> LinearizabilityVerdict {
        var places: [Model.Partition: Int] = [:]
        var partitions: [(name: Model.Partition, operations: [Int])] = []
        for (index, operation) in history.enumerated() {
            let name = model.partition(of: operation.input)
            if let place = places[name] {
                partitions[place].operations.append(index)
            } else {
                places[name] = partitions.count
                partitions.append((name, [index]))
            }
        }
        var verdict = LinearizabilityVerdict.linearizable
        for partition in partitions {
            var search = Search(model: model, history: history, operations: partition.operations)
            switch search.run(stepsMax: stepsMax) {
            case .found:
                continue
            case .exhausted(let explained, let unexplained):
                return .violated(
                    partition: "\(partition.name)",
                    explained: explained,
                    unexplained: partition.operations[unexplained]
                )
            case .overBudget:
                verdict = .unknown(partition: "\(partition.name)")
            }
        }
        return verdict
    }
}
