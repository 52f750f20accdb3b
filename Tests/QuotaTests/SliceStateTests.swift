import Ledger
import Testing

@testable import Quota

@Suite struct SliceStateTests {
    @Test func whatTheNodeHasLeftCountsAsLeft() {
        let slice = Slice(units: 10, state: .left(50))
        #expect(slice.state(left: 10, now: 0) == .left(60))
        #expect(slice.state(left: 0, now: 0) == .left(50))
    }

    @Test func timeGivesUnitsBack() {
        let slice = Slice(units: 10, state: .left(50))
        let state = slice.state(left: 4, now: 3 * second)
        #expect(state.remaining == 57)
        #expect(state.resetNanoseconds == 43 * second)
    }

    @Test func neverMoreThanABurstIsTold() {
        let slice = Slice(units: 60, state: .left(50))
        #expect(slice.state(left: 60, now: 0) == .left(100))
        #expect(slice.state(left: .max, now: .max) == .left(100))
        #expect(slice.state(left: 0, now: .max) == .left(100))
    }

    @Test func absurdStatesAreToldAsTheyAre() {
        let mad = LimitState(remaining: .max, resetNanoseconds: .max, burst: 0)
        #expect(Slice(units: 1, state: mad).state(left: 1, now: 5).remaining == 0)
        let never = LimitState(remaining: 0, resetNanoseconds: .max, burst: .max)
        let state = Slice(units: 1, state: never).state(left: .max - 1, now: 0)
        #expect(state.remaining == UInt64.max - 1)
        #expect(state.resetNanoseconds >= 1)
    }
}
