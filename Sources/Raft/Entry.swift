/// One entry of the log.
public struct Entry: Hashable, Sendable {
    /// What an entry holds.
    public enum Payload: Hashable, Sendable {
        /// A new leader's first entry: with it, all before it can be committed (section 8 of the paper).
        case noOperation
        /// A command of the state machine. Opaque here.
        case command([UInt8])
        /// A membership, which counts from the moment the entry is appended (section 6 of the paper).
        case configuration(Configuration)
    }

    /// Term and index.
    public var position: LogPosition
    /// What it holds.
    public var payload: Payload

    /// A value of these fields.
    public init(position: LogPosition, payload: Payload) {
        self.position = position
        self.payload = payload
    }
}
