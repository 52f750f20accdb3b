/// One request of a client, as the client saw it: what it asked, and what it was told.
///
/// Moments are numbers that grow with each event of a run. Two operations are concurrent unless one was answered before
/// the other was called; at equal moments they are concurrent.
public struct Operation<Input: Sendable, Output: Sendable>: Sendable {
    /// What a client was told, and when.
    public struct Answer: Sendable {
        /// What it was told.
        public var output: Output
        /// When it was told.
        public var moment: UInt64

        /// A value of these fields.
        public init(output: Output, moment: UInt64) {
            self.output = output
            self.moment = moment
        }
    }

    /// What was asked.
    public var input: Input
    /// When it was asked.
    public var called: UInt64
    /// Nil where no answer ever came: the operation took effect at any time since, or never.
    public var answer: Answer?

    /// A value of these fields.
    public init(input: Input, called: UInt64, answer: Answer? = nil) {
        self.input = input
        self.called = called
        self.answer = answer
    }
}
