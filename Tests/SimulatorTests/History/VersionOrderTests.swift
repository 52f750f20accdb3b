import Simulator
import Testing

@Suite struct VersionOrderTests {
    private func check(_ history: [OverrideOperation]) throws(HistoryFault) {
        var order = VersionOrder()
        for operation in history { order.observe(operation) }
        try order.check()
    }

    @Test func acceptsVersionsInTheOrderOfTheChanges() {
        #expect(throws: Never.self) {
            try check([
                set(7, of: 1, 1...2, .set(version: 1)), set(7, of: 2, 3...4, .set(version: 2)),
                set(7, of: 3, 5...9, .set(version: 4)), set(7, of: 4, 6...8, .set(version: 3)),
                set(7, of: 5, unansweredFrom: 1), set(nil, of: 1, 10...11, .removed),
            ])
        }
    }

    @Test func refusesAVersionGivenTwiceToDifferentKeys() {
        #expect(throws: HistoryFault.self) {
            try check([set(7, of: 1, 1...9, .set(version: 1)), set(7, of: 2, 1...9, .set(version: 1))])
        }
    }

    @Test func refusesALesserVersionForALaterChange() {
        #expect(throws: HistoryFault.self) {
            try check([set(7, of: 1, 1...2, .set(version: 2)), set(7, of: 2, 3...4, .set(version: 1))])
        }
    }
}
