/// What one copy of a thing would do, asked one operation after the other: the rule that a linearizable history keeps.
///
/// Pure: the same arguments always give the same answer.
public protocol SequentialModel: Sendable {
    /// What is kept between operations.
    associatedtype State: Hashable & Sendable
    /// What is asked.
    associatedtype Input: Sendable
    /// What is answered.
    associatedtype Output: Sendable
    /// What operations have nothing to do with each other: those of different partitions are checked apart, which is
    /// allowed since linearizability is local (Herlihy and Wing, theorem 1).
    associatedtype Partition: Hashable & Sendable

    /// Before the first operation.
    var initial: State { get }

    /// Where an operation belongs.
    func partition(of input: Input) -> Partition

    /// The states that an operation can lead to; none where it cannot have answered so.
    ///
    /// More than one state is possible where the model does not know all that the thing knows. Where `output` is nil
    /// nobody saw the answer: then at least one state must be possible.
    func step(_ state: State, _ input: Input, _ output: Output?) -> [State]
}
