import Ledger
import ProofOfWork
import Settings

/// What a policy does while no majority decides: DESIGN section 7, "Without a quorum".
///
///     deny   503, after as long as a decision may take; at once when there has been no majority for as long
///     admit  the request is let through, counted, and charged when the ledger is there again
///     work   what cannot be charged does not pay; the challenge that follows is good at this node alone, while it runs
extension Exchange {
    /// Whether the ledger may be asked: ``QuorumStanding/mayAsk``.
    var mayAsk: Bool { policy.map { standing($0).mayAsk } ?? true }

    /// Whether challenges are good at this node alone now.
    func issuesOffline(_ policy: PolicyRuntime) -> Bool { standing(policy).issuesOffline }

    /// How a policy stands to the majority now.
    func standing(_ policy: PolicyRuntime) -> QuorumStanding {
        QuorumStanding(
            onQuorumLoss: policy.settings.onQuorumLoss,
            enforces: policy.settings.enforce,
            hasFoundNone: hasFoundNoQuorum,
            lostNanoseconds: loop.ledger.quorumLostNanoseconds,
            decidesNothing: loop.ledger.decidesNothing,
            knowsOffline: loop.ledger.facts.ledgerVersion >= Ledger.lendingVersion
        )
    }

    /// The ledger does not say what becomes of this step.
    func undecided(_ unavailable: LedgerUnavailable) {
        guard unavailable == .noQuorum, policy!.settings.enforce else { return undecided() }
        hasFoundNoQuorum = true
        switch standing(policy!).answer {
        case .deny: undecided()
        case .admit:
            if let action = admission!.undecidedAndLetThrough() { perform(action) } else { letThrough(policy!) }
        case .work:
            if let action = admission!.undecided() { perform(action) } else { refuseForWork(policy!, nil) }
        }
    }

    private func letThrough(_ policy: PolicyRuntime) {
        // `check` has let it through.
        if isRefusalQuestion { return refuseForWork(policy, 1) }
        let outcome = loop.quota.letThrough(admission!.stepCharge, policy.settings.consistency, wasAsked: wasAsked)
        if let action = admission!.refusedHere(outcome) { return perform(action) }
        observation.verdict = .admittedOffline
        loop.observer.letThrough(policy: policy.name)
        forward()
    }

    /// What a refused client is told of why work is asked for.
    func workDetail(_ policy: PolicyRuntime) -> String {
        if showsPassOfElsewhere {
            return "The pass that you show is good at one node alone, or was until it ended: solve the challenge."
        }
        if issuesOffline(policy) {
            return "No majority of the nodes can be reached: solve the challenge, which is good at this node."
        }
        return policy.freeIsZero
            ? "Every request here needs a pass: solve the challenge."
            : "The free limit is reached: solve the challenge, or wait."
    }
}
