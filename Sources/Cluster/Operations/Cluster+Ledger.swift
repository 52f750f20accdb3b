import Ledger
import NIOCore
import Replica
import Wire

// What an operator reads and changes of the ledger itself.
extension Cluster {
    /// Looks at the state.
    /// - Parameters:
    ///   - isStale: as far as this node has it; else with all that was acknowledged to anybody before this call.
    ///   - body: is given a copy of the state, while the node goes on, and the present replicated time. Runs on the caller's
    ///     thread; each part of the state that changes meanwhile takes its memory twice, so it should not take long.
    /// - Throws: ``OperationError/noQuorum`` where no majority confirms, ``OperationError/notMember(_:)`` at a node that cannot
    ///   ask or has no state, ``OperationError/diverged`` where the state may be wrong.
    public func read<Result>(
        isStale: Bool,
        _ body: (_ ledger: Ledger, _ time: LedgerTime) throws(OperationError) -> Result
    ) async throws(OperationError) -> Result {
        if !isStale { try await confirmMembership() }
        guard let state = shared.state() else { throw .notMember("This node has no state yet: ask another one.") }
        guard !state.isDoubtful else { throw .diverged }
        return try body(state.ledger, state.time)
    }

    /// Has the ledger apply a command.
    /// - Returns: what became of it; never ``CommandResult/rejected(_:)``.
    /// - Throws: ``OperationError/conflict(_:)`` where not all members know the command yet; nothing has changed then.
    ///   ``OperationError/busy(_:)`` where too much waits, and nothing has changed. After others nobody knows.
    public func apply(_ command: Command) async throws(OperationError) -> CommandResult {
        try checkMembership()
        let answer: Result<[CommandResult], OperationError>
        do {
            answer = try await loop.flatSubmit { [driver, loop] in
                let promise = loop.makePromise(of: Result<[CommandResult], OperationError>.self)
                driver.value.submit([command]) { promise.succeed(Self.results($0)) }
                return promise.futureResult
            }.get()
        } catch {
            throw .stopped
        }
        switch try answer.get().first {
        case .rejected(.unknownToMembers)?: throw Self.unknownToMembers
        // Its session was closed meanwhile.
        case .rejected?, nil: throw .noQuorum
        case let result?: return result
        }
    }

    private static func results(
        _ answer: Result<ReplicaAnswer<Ledger>, ReplicaFailure>
    ) -> Result<[CommandResult], OperationError> {
        switch answer {
        case .success(.applied(let results)): .success(results)
        case .success: .failure(.noQuorum)
        case .failure(.overloaded):
            .failure(.busy("This node can take nothing more now, and has changed nothing: ask again, or another node."))
        case .failure(.notSupported): .failure(unknownToMembers)
        case .failure(.stopped): .failure(.stopped)
        case .failure(.diverged): .failure(.diverged)
        case .failure: .failure(.noQuorum)
        }
    }

    private static let unknownToMembers = OperationError.conflict(
        "Not all nodes of the cluster run a release that knows this yet, or the cluster has not noticed: update them all, and "
            + "ask again. Nothing has changed."
    )
}

extension SharedNode {
    /// The state, the present replicated time, and whether the state may be wrong; nil where there is none.
    fileprivate func state() -> (ledger: Ledger, time: LedgerTime, isDoubtful: Bool)? {
        withNode { node in
            node.withReplica { replica -> (ledger: Ledger, time: LedgerTime, isDoubtful: Bool)? in
                guard let ledger = replica.machine else { return nil }
                return (ledger, max(replica.time, ledger.time), replica.isStateDoubtful)
            } ?? nil
        }
    }
}
