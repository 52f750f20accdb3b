import Raft
import Testing
import Wire

@testable import Simulator

@Suite struct FaultBudgetTests {
    private static func id(_ number: UInt64) -> ReplicaID { ReplicaID(high: number, low: 1) }

    private func membership(_ voters: ClosedRange<UInt64>, outgoing: [UInt64] = []) -> Configuration {
        Configuration(members: [], voters: voters.map(Self.id), outgoing: outgoing.map(Self.id))
    }

    @Test func aMinorityMayLoseItsDisks() {
        var budget = FaultBudget()
        let five = [membership(1...5)]
        for number in 1...2 as ClosedRange<UInt64> {
            #expect(budget.allows(losing: Self.id(number), in: five))
            budget.lose(Self.id(number))
        }
        #expect(!budget.allows(losing: Self.id(3), in: five))
        // Who is lost may be lost again, and who does not vote may be lost.
        #expect(budget.allows(losing: Self.id(1), in: five))
        #expect(budget.allows(losing: Self.id(9), in: five))
        #expect(budget.decides(five[0]))
    }

    @Test func everyMembershipInPlayCounts() {
        var budget = FaultBudget()
        budget.lose(Self.id(1))
        #expect(budget.allows(losing: Self.id(2), in: [membership(1...5)]))
        #expect(!budget.allows(losing: Self.id(2), in: [membership(1...5), membership(1...3)]))
        #expect(!budget.allows(losing: Self.id(2), in: [membership(3...5, outgoing: [1, 2, 3])]))
    }

    @Test func aReplacementMakesRoomForTheNextLoss() {
        var budget = FaultBudget()
        budget.lose(Self.id(1))
        #expect(!budget.allows(losing: Self.id(2), in: [membership(1...3)]))
        #expect(budget.allows(losing: Self.id(2), in: [membership(2...4)]))
    }
}
