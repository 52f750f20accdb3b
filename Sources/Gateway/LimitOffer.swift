import Ledger
import NIOCore
import Settings

/// Puts limits into the ledger as its next revision, through one loop's client.
struct LimitOffer: Sendable {
    /// Other nodes may set a revision in between: it is looked at again, so often. All members may offer at once, as at the
    /// founding, and of each round one gets through.
    private static let triesMax = 128
    /// The longest wait before the next try, drawn evenly from nothing, in milliseconds.
    private static let pauseMax: Int64 = 20

    let client: NIOLoopBound<any LedgerClient>

    /// Has the ledger hold these besides what it holds; these alone, where both are more than it can hold. It is a revision
    /// of its own also where the ledger holds them all: who has offered others before has no longer the last word.
    ///
    /// - Parameters:
    ///   - standing: the last that they may follow. Where others are in force since, another node has offered them.
    ///   - former: what this node had offered, with the last of it that was taken, and what it has offered since then, of
    ///     which it does not know what became: these may follow what that makes of `standing` as well, and each of it alone.
    /// - Returns: the revision.
    /// - Throws: ``Gateway/Problem``.
    @discardableResult
    func add(
        _ definitions: [PolicyDefinition],
        after standing: LimitsInForce? = nil,
        orOwn former: [[PolicyDefinition]] = []
    ) async throws -> UInt64 {
        try await offer { facts in
            let held = facts.definitions
            if let standing, facts.revision > standing.revision,
                !standing.mayBecome(held, by: former + [definitions])
            {
                throw Gateway.Problem.superseded
            }
            return definitions.added(to: held)
        }
    }

    /// Has the ledger hold these and no others, if it holds what was offered with this revision. If it does not, somebody has
    /// offered others since, and what is left over is theirs to see to.
    /// - Throws: ``Gateway/Problem``.
    func retire(allBut definitions: [PolicyDefinition], offeredAt revision: UInt64) async throws {
        _ = try await offer { facts in facts.revision == revision ? definitions : nil }
    }

    /// - Parameter wanted: what the ledger shall hold, by what it holds; nil where that may stay.
    /// - Returns: the revision after it.
    private func offer(
        _ wanted: @escaping @Sendable (_ facts: LedgerFacts) throws -> [PolicyDefinition]?
    ) async throws -> UInt64 {
        for _ in 0..<Self.triesMax {
            let result = try await client.eventLoop.flatSubmit { [client] in
                let facts = client.value.facts
                let definitions: [PolicyDefinition]
                do {
                    guard let some = try wanted(facts) else {
                        return client.eventLoop.makeSucceededFuture(CommandResult.policiesSet(revision: facts.revision))
                    }
                    definitions = some
                } catch {
                    return client.eventLoop.makeFailedFuture(error)
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
            case .policiesSet(let revision): return revision
            case .policiesRefused(.revisionConflict):
                // By the loop's clock, which no change of the time of day moves.
                let pause = TimeAmount.milliseconds(Int64.random(in: 0...Self.pauseMax))
                try? await client.eventLoop.scheduleTask(in: pause) {}.futureResult.get()
            default: throw Gateway.Problem.limitsRefused("\(result)")
            }
        }
        throw Gateway.Problem.ledgerUnavailable
    }
}

/// The limits that the ledger holds, and their revision.
public struct LimitsInForce: Hashable, Sendable {
    /// The revision; 0 where nobody has set any.
    public let revision: UInt64
    let definitions: [PolicyDefinition]

    /// Whether these are what offers make of those, where each of them came into force or did not, in their order; what had
    /// been in force before one that did may have been retired since, by this node or by another one with the same file.
    func mayBecome(_ definitions: [PolicyDefinition], by offers: [[PolicyDefinition]]) -> Bool {
        var possible = [self.definitions]
        for offer in offers {
            for after in [offer] + possible.map(offer.added) where !possible.contains(where: after.isSame) {
                possible.append(after)
            }
        }
        return possible.contains(where: definitions.isSame)
    }
}

extension Configuration {
    /// What the ledger must hold for its policies.
    var definitions: [PolicyDefinition] { policies.map(PolicyRuntime.definition) }
}

extension LedgerFacts {
    /// What the ledger holds, and since when.
    public var limitsInForce: LimitsInForce { LimitsInForce(revision: revision, definitions: definitions) }

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

    /// What the ledger is to hold when these are offered: both, or these alone where both are more than it can hold.
    func added(to held: [PolicyDefinition]) -> [PolicyDefinition] {
        let both = with(held)
        return both.fits ? both : self
    }

    /// Whether the ledger can hold so many.
    var fits: Bool { count <= LedgerBounds.policies && allSatisfy { $0.limits.count <= LedgerBounds.limits } }

    /// Whether both say the same of each policy, in whatever order they name them.
    func isSame(as others: [PolicyDefinition]) -> Bool {
        count == others.count && (self == others || Set(self) == Set(others))
    }
}

/// How the limits in force stand to those of a configuration.
public enum LimitsStanding: Hashable, Sendable {
    /// They are the same.
    case same
    /// All of the configuration's are in force, and others with them.
    case more
    /// Not all of the configuration's are in force.
    case other
}

extension [PolicyDefinition] {
    /// How what the ledger holds stands to these.
    func standing(of held: [PolicyDefinition]) -> LimitsStanding {
        held.isSame(as: self) ? .same : with(held).isSame(as: held) ? .more : .other
    }
}
