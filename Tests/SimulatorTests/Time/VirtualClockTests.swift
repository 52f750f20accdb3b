import Raft
import Simulator
import TestSupport
import Testing

@Suite struct VirtualClockTests {
    @Test func aFastClockCountsMoreThanTimePasses() {
        let clock = VirtualClock(now: .zero, driftPPM: 500, bootNanoseconds: 7, wallNanoseconds: 1_000)
        #expect(clock.boot(at: .milliseconds(10_000)) == 7 + 10_005_000_000)
        #expect(clock.wall(at: .milliseconds(10_000)) == 1_000 + 10_005_000_000)
        let slow = VirtualClock(now: .zero, driftPPM: -500, bootNanoseconds: 0, wallNanoseconds: 0)
        #expect(slow.boot(at: .milliseconds(10_000)) == 9_995_000_000)
    }

    @Test func theBootTimeClockNeverGoesBack() {
        var generator = Xoshiro256(seed: seed())
        var clock = VirtualClock(now: .zero, driftPPM: 0, bootNanoseconds: 0, wallNanoseconds: 0)
        var now = Moment.zero
        var last: UInt64 = 0
        for _ in 0..<10_000 {
            now = now + generator.below(3_000_000_000)
            switch generator.below(3) {
            case 0: clock.drift(at: now, ppm: generator.inRange(-2_000...2_000))
            case 1: clock.jumpWall(byNanoseconds: Int64(generator.inRange(-10_000_000_000...10_000_000_000)))
            default: break
            }
            #expect(clock.boot(at: now) >= last)
            last = clock.boot(at: now)
        }
    }

    @Test func aBootBeginsAtZeroAndKeepsTheWallClock() {
        var clock = VirtualClock(now: .zero, driftPPM: 100, bootNanoseconds: 5_000, wallNanoseconds: 1_000_000)
        clock.jumpWall(byNanoseconds: -300)
        let now = Moment.milliseconds(20)
        let wall = clock.wall(at: now)
        clock.reboot(at: now)
        #expect(clock.boot(at: now) == 0)
        #expect(clock.wall(at: now) == wall)
    }
}
