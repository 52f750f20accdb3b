/// What is wrong with what clients saw.
public struct HistoryFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Which promise was broken: the name of the checker's type.
    public var promise: String
    /// What was seen, in one sentence.
    public var detail: String

    /// A value of these fields.
    public init(promise: String, detail: String) {
        self.promise = promise
        self.detail = detail
    }

    public var description: String { "\(promise): \(detail)" }
}
