/// The port behind which the replicated ledger stands; one client an event loop.
///
/// Confined to the loop that made it: every call is made there and every completion runs there.
public protocol LedgerClient: AnyObject {
    /// Asks for commands to be applied, in this order, next to each other or not.
    ///
    /// `completion` runs exactly once, later on the same loop, never within this call; completions of several calls run
    /// in the order of the calls. Results are in the order of the commands. After a failure nobody knows whether the
    /// commands were applied, unless the failure says `overloaded`: then they were not.
    func submit(
        _ commands: [Command],
        completion: @escaping (Result<[CommandResult], LedgerUnavailable>) -> Void
    )

    /// Waits until ``facts`` show all that was acknowledged to anybody before this call.
    ///
    /// `completion` runs exactly once, later on the same loop, never within this call. Many calls at once cost the cluster no
    /// more than one, and many one after the other little: a call may wait for a moment before anything is done for it.
    func catchUp(completion: @escaping (Result<Void, LedgerUnavailable>) -> Void)

    /// The newest facts that this loop has seen.
    var facts: LedgerFacts { get }

    /// Runs on the loop whenever ``facts`` has become another value. Nothing is missed between a look at the facts and
    /// the setting of this in the same turn.
    var onFactsChange: (() -> Void)? { get set }

    /// Runs on the loop for buckets that refused somebody while units of them were out in slices: see ``Ledger/takeRecalls()``.
    /// Each client for which this is set hears of all of them. Some may be missed; who is refused again is heard of again.
    var onRecall: (([SliceRecall]) -> Void)? { get set }

    /// Members of the cluster that may ask for a part of what is left, at least 1.
    var members: Int { get }

    /// For how long no majority has decided, as far as this node knows, in nanoseconds; nil while one does.
    var quorumLostNanoseconds: UInt64? { get }

    /// Whether this node has no business deciding, by itself neither: it is no member, or not by a state that is to be trusted.
    /// So it stays until its operator sees to it, or the members do.
    var decidesNothing: Bool { get }

    /// An estimate of replicated time; never backwards. Good for refusing early; only the ledger accepts.
    func now() -> LedgerTime

    /// What is known of a challenge from the state that this node has applied: nil where it has not been spent as far as
    /// this node knows. It decides nothing; it saves a proposal.
    func spent(_ spend: Spend) -> SpendOutcome?

    /// What a challenge for a client is issued by, from the state that this node has applied. It decides nothing: a spend
    /// settles by the price of its moment.
    func issueTerms(of keys: PrefixKeys, policy: PolicyID) -> IssueTerms
}

extension LedgerClient {
    /// A ledger that asks nobody loses no majority.
    public var quorumLostNanoseconds: UInt64? { nil }
    /// It is the whole cluster.
    public var decidesNothing: Bool { false }
}

/// The ledger did not answer.
public struct LedgerUnavailable: Error, Hashable, Sendable {
    /// What stands in the way.
    public enum Reason: Hashable, Sendable {
        /// No majority can be reached now.
        case noQuorum
        /// Too much is waiting; the commands were not taken.
        case overloaded
        /// The node is shutting down.
        case stopped
    }

    /// Why there was no answer.
    public var reason: Reason

    /// A value of these fields.
    public init(reason: Reason) { self.reason = reason }

    /// See ``Reason/noQuorum``.
    public static let noQuorum = LedgerUnavailable(reason: .noQuorum)
    /// See ``Reason/overloaded``.
    public static let overloaded = LedgerUnavailable(reason: .overloaded)
    /// See ``Reason/stopped``.
    public static let stopped = LedgerUnavailable(reason: .stopped)
}
