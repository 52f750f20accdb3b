import Ledger
import NIOCore
import Settings

/// Puts limits into the ledger as its next revision, through one loop's client.
struct LimitOffer: Sendable {
    /// Another node may set a revision in between: it is looked at again, so often.
    private static let triesMax = 4

    let client: NIOLoopBound<any LedgerClient>

    /// Has the ledger hold these and no others.
    /// - Throws: ``Gateway/Problem``.
    func set(_ definitions: [PolicyDefinition]) async throws {
        try await offer { _ in definitions }
    }

    /// Has the ledger hold these besides what it holds; these, where that is more than it can hold.
    /// - Throws: ``Gateway/Problem``.
    func add(_ definitions: [PolicyDefinition]) async throws {
        do {
            try await offer { definitions.with($0) }
        } catch Gateway.Problem.limitsRefused {
            try await set(definitions)
        }
    }

    /// Has the ledger hold these and no others, if it holds all of these. If it does not, somebody has offered others since,
    /// and what is left over is theirs to see to.
    /// - Throws: ``Gateway/Problem``.
    func retire(allBut definitions: [PolicyDefinition]) async throws {
        try await offer { held in definitions.with(held).isSame(as: held) ? definitions : held }
    }

    private func offer(_ wanted: @escaping @Sendable (_ held: [PolicyDefinition]) -> [PolicyDefinition]) async throws {
        for _ in 0..<Self.triesMax {
            let result = try await client.eventLoop.flatSubmit { [client] in
                let facts = client.value.facts
                let held = facts.definitions
                let definitions = wanted(held)
                guard definitions != held || facts.revision == 0 else {
                    return client.eventLoop.makeSucceededFuture(CommandResult.policiesSet(revision: facts.revision))
                }
                let promise = client.eventLoop.makePromise(of: CommandResult.self)
                client.value.submit([.setPolicies(expectedRevision: facts.revision, policies: definitions)]) { result in
                    switch result {
                    case .success(let results): promise.succeed(results[0])
                    case .failure(.stopped): promise.fail(Gateway.Problem.stopped)
                    case .failure: promise.fail(Gateway.Problem.ledgerUnavailable)
                    }
                }
                return promise.futureResult
            }.get()
            switch result {
            case .policiesSet: return
            case .policiesRefused(.revisionConflict): continue
            default: throw Gateway.Problem.limitsRefused("\(result)")
            }
        }
        throw Gateway.Problem.limitsRefused("other nodes keep changing them")
    }
}

extension Configuration {
    /// What the ledger must hold for its policies.
    var definitions: [PolicyDefinition] { policies.map(PolicyRuntime.definition) }
}

extension LedgerFacts {
    /// What the ledger holds.
    var definitions: [PolicyDefinition] {
        policies.map { policy in
            PolicyDefinition(name: policy.name, maxKeys: policy.maxKeys, limits: policy.limits.map(\.definition))
        }
    }
}

extension [PolicyDefinition] {
    /// Those here, with what only the others have.
    func with(_ others: [PolicyDefinition]) -> [PolicyDefinition] {
        var union = self
        for policy in others {
            guard let index = union.firstIndex(where: { $0.name == policy.name }) else {
                union.append(policy)
                continue
            }
            for limit in policy.limits
            where !union[index].limits.contains(where: { $0.role == limit.role && $0.key == limit.key }) {
                union[index].limits.append(limit)
            }
        }
        return union
    }

    /// Whether both say the same of each policy, in whatever order they name them.
    func isSame(as others: [PolicyDefinition]) -> Bool {
        count == others.count && allSatisfy { others.contains($0) }
    }
}
