/// How a node that takes itself for a member has ceased to be one, as a member has said.
enum Dismissal: Hashable, Sendable {
    /// It was removed.
    case removed
    /// Another disk of it is the member.
    case replaced
}
