import Ledger
import Testing

@testable import Simulator

@Suite struct EventualPromiseTests {
    private static let millisecond: UInt64 = 1_000_000
    /// A unit each 10 ms, a burst of 5.
    private static let definition = LimitDefinition(
        role: .free,
        key: "client.address",
        interval: 10 * millisecond,
        burst: 5
    )
    private var promise = EventualPromise(delay: 100 * millisecond, driftPPM: 0)

    private mutating func admit(_ units: UInt64, node: Int, boot: UInt64 = 1, at time: UInt64) throws {
        try promise.admitted(
            units,
            of: .init(limit: LimitID(rawValue: 1), key: Sample.key(1)),
            Self.definition,
            node: node,
            boot: boot,
            clock: time * Self.millisecond,
            at: .milliseconds(time)
        )
    }

    @Test mutating func aNodeByItselfIsOneLimit() throws {
        try admit(5, node: 0, at: 0)
        try admit(5, node: 1, at: 0)
        try admit(5, node: 0, boot: 2, at: 0)
        #expect(throws: HistoryFault.self) { try admit(1, node: 0, boot: 2, at: 9) }
        try promise.finish()
    }

    @Test mutating func connectedNodesMayNotHaveHeardOfTheLast() throws {
        try promise.connected([[0, 1]], at: .zero)
        try admit(5, node: 0, at: 2_000)
        try admit(5, node: 1, at: 2_099)
        try promise.finish()
        #expect(promise.together == 2)
    }

    @Test mutating func connectedNodesThatHearNothingAreFound() throws {
        try promise.connected([[0, 1]], at: .zero)
        for time in stride(from: 2_000, to: 3_000, by: 10) as StrideTo<UInt64> {
            try admit(1, node: 0, at: time)
            try admit(1, node: 1, at: time)
        }
        #expect(throws: HistoryFault.self) { try promise.finish() }
    }

    @Test mutating func whoeverIsNotConnectedOrIsSinceAMomentAgoIsAlone() throws {
        try promise.connected([[0, 1], [2, 3]], at: .zero)
        for time in stride(from: 2_000, to: 3_000, by: 10) as StrideTo<UInt64> {
            try admit(1, node: 0, at: time)
            try admit(1, node: 2, at: time)
        }
        try promise.connected([[0, 2]], at: .milliseconds(3_000))
        for time in stride(from: 3_000, to: 4_000, by: 10) as StrideTo<UInt64> {
            try admit(1, node: 0, at: time)
            try admit(1, node: 2, at: time)
        }
        try promise.finish()
        #expect(promise.together == 200)
    }
}
