/// A request to a replica: the asker's own number for it, repeated in the answer.
public struct RequestID: Hashable, Sendable {
    /// The number itself.
    public var rawValue: UInt64

    /// A value of these fields.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}
