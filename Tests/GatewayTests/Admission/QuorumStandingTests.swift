import Settings
import Testing

@testable import Gateway

/// When the ledger is asked, and what becomes of a request without its answer.
@Suite struct QuorumStandingTests {
    private func standing(
        _ onQuorumLoss: PolicySettings.QuorumLoss,
        lost milliseconds: UInt64?,
        hasFoundNone: Bool = false,
        enforces: Bool = true,
        decidesNothing: Bool = false
    ) -> QuorumStanding {
        QuorumStanding(
            onQuorumLoss: onQuorumLoss,
            enforces: enforces,
            hasFoundNone: hasFoundNone,
            lostNanoseconds: milliseconds.map { $0 * 1_000_000 },
            decidesNothing: decidesNothing
        )
    }

    @Test func aPolicyThatDeniesDoesSoAtOnceInALongLoss() {
        #expect(standing(.deny, lost: nil).mayAsk)
        #expect(standing(.deny, lost: 1_999).mayAsk)
        #expect(standing(.deny, lost: 1_999, hasFoundNone: true).mayAsk)
        #expect(!standing(.deny, lost: 2_000).mayAsk)
        #expect(standing(.deny, lost: 5_000).answer == .deny)
        #expect(!standing(.deny, lost: 5_000).issuesOffline)
    }

    @Test(arguments: [PolicySettings.QuorumLoss.admit, .work])
    func aPolicyThatCanDoWithoutDoesSoSoon(_ policy: PolicySettings.QuorumLoss) {
        #expect(standing(policy, lost: nil).mayAsk)
        #expect(standing(policy, lost: 999).mayAsk)
        #expect(!standing(policy, lost: 1_000).mayAsk)
        #expect(!standing(policy, lost: nil, hasFoundNone: true).mayAsk)
        #expect(standing(policy, lost: 1_000).issuesOffline == (policy == .work))
        #expect(!standing(policy, lost: 999).issuesOffline)
    }

    @Test func noTokensOfOneNodeAreIssuedThatAnotherDoesNotKnow() {
        var standing = standing(.work, lost: 5_000)
        #expect(standing.issuesOffline)
        standing.knowsOffline = false
        #expect(!standing.issuesOffline && standing.answer == .work)
    }

    @Test func aSolutionThatNobodyRedeemsKeepsARequestFromNothingElse() {
        for policy in [PolicySettings.QuorumLoss.admit, .work] {
            #expect(standing(policy, lost: 1).goesOnWithoutRedeeming)
            #expect(!standing(policy, lost: nil).goesOnWithoutRedeeming, "it was another reason")
            #expect(!standing(policy, lost: 1, decidesNothing: true).goesOnWithoutRedeeming)
        }
        #expect(!standing(.deny, lost: 5_000).goesOnWithoutRedeeming)
    }

    @Test func aPolicyThatEnforcesNothingWaitsForNobody() {
        #expect(!standing(.deny, lost: 1_000, enforces: false).mayAsk)
    }

    @Test(arguments: PolicySettings.QuorumLoss.allCases)
    func aNodeThatDecidesNothingDenies(_ policy: PolicySettings.QuorumLoss) {
        let standing = standing(policy, lost: 5_000, hasFoundNone: true, decidesNothing: true)
        #expect(standing.answer == .deny && !standing.issuesOffline && !standing.mayAsk)
        #expect(self.standing(policy, lost: 1_999, decidesNothing: true).mayAsk, "it may be a short one")
    }
}
