import Ledger
import Raft
import Simulator
import Testing
import Wire

@testable import Replica

@Suite("Replicated time") struct TimeTests {
    /// Time-stamps of all batches that a place applied, in order.
    private func stamps(_ group: TestGroup<Ledger>, _ place: Int) -> [LedgerTime] {
        group.places[place].applied.map(\.batch.time)
    }

    @Test func goesAsTheBootTimeClockGoesWhateverTheWallClocksSay() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        group.rotate(leader)
        var last = (0..<3).map { group.replica($0)?.time ?? .zero }
        let (began, beganAt) = (last[leader].nanoseconds, group.now)
        for round in 0..<40 {
            for place in 0..<3 {
                group.places[place].wallOffset =
                    Int64(round % 2 == 0 ? 1 : -1) * Int64(3_600 * second) * Int64(place + 1)
            }
            group.rotate(round % 3)
            for place in 0..<3 {
                let time = group.replica(place)?.time ?? .zero
                #expect(time >= last[place])
                last[place] = time
            }
        }
        let passed = group.now - beganAt
        #expect(last[leader].nanoseconds - began == passed)
        let stamps = stamps(group, leader)
        #expect(zip(stamps, stamps.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test func doesNotGoBackWhenALeaderWakesThatStoodStill() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        group.rotate(leader)
        group.places[leader].isPaused = true
        group.wait { group.leader.map { $0 != leader } ?? false }
        let next = try #require(group.leader)
        group.run(1_000)
        #expect(group.rotate(next) == 3)
        let before = group.places[leader].node?.replica?.time ?? .zero
        group.places[leader].isPaused = false
        group.places[leader].wallOffset = -Int64(1_000 * second)
        let stale = group.submit(leader, [TestGroup<Ledger>.rotate])
        group.wait { group.answers[stale] != nil }
        #expect(group.epoch(stale) == 4)
        #expect((group.replica(leader)?.time ?? .zero) >= before)
        let stamps = stamps(group, next)
        #expect(zip(stamps, stamps.dropFirst()).allSatisfy { $0 <= $1 })
    }

    @Test func countsAPauseOfAllByTheWallClocksOfAMajority() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        group.rotate(leader)
        group.run(1_500)
        let before = try #require(group.replica(leader)?.time)
        for place in 0..<3 { group.crash(place) }
        group.skip(1_000 * second)
        // One clock is a year ahead: it counts for nothing.
        group.places[0].wallOffset = Int64(365 * 86_400 * second)
        for place in 0..<3 { try group.start(place) }
        let next = group.elected()
        let after = try #require(group.replica(next)?.time)
        let passed = after.nanoseconds - before.nanoseconds
        #expect(passed >= 1_000 * second && passed < 1_010 * second)
        #expect(group.rotate(next) == 3)
    }

    @Test func takesASmallerPauseWhereAMajorityOfWallClocksIsBehindAndNeverOneBelowZero() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        group.rotate(leader)
        group.run(100)
        let before = try #require(group.replica(leader)?.machine?.time)
        for place in 0..<3 { group.crash(place) }
        group.skip(1_000 * second)
        group.places[0].wallOffset = -Int64(5_000 * second)
        group.places[1].wallOffset = -Int64(5_000 * second)
        for place in 0..<3 { try group.start(place) }
        let next = group.elected()
        let after = try #require(group.replica(next)?.time)
        #expect(after >= before)
        #expect(after.nanoseconds - before.nanoseconds < 10 * second)
    }

    @Test func isTakenFromAMemberWhoseClockDidNotStop() throws {
        let group = try TestGroup<Ledger>(3)
        let leader = group.elected()
        group.rotate(leader)
        group.run(100)
        let survivor = group.followers[0]
        for place in 0..<3 where place != survivor {
            group.crash(place)
            group.places[place].wallOffset = -Int64(5_000 * second)
        }
        group.run(20_000)
        let told = try #require(group.replica(survivor)?.time)
        for place in 0..<3 where place != survivor { try group.start(place) }
        let next = group.elected()
        group.rotate(next)
        #expect((group.replica(next)?.machine?.time ?? .zero) >= told)
    }

    @Test func isRecordedAtOnceWhenTheWallClockJumps() {
        var clock = ReplicatedClock(
            logTime: .zero,
            record: nil,
            now: BootTime(nanoseconds: 5),
            wall: WallTime(nanoseconds: 0)
        )
        let me = ReplicaID(high: 1, low: 1)
        #expect(clock.dueRecord(interval: 30 * second, jump: second) == nil, "nothing is known yet")
        clock.resolve(me, Configuration(members: [Member(id: me, name: "a", address: "a:1")], voters: [me]))
        #expect(clock.isRunning)
        #expect(clock.dueRecord(interval: 30 * second, jump: second) != nil)
        clock.advance(to: BootTime(nanoseconds: 2 * second), wall: WallTime(nanoseconds: Int64(2 * second)))
        #expect(clock.dueRecord(interval: 30 * second, jump: second) == nil)
        clock.advance(to: BootTime(nanoseconds: 3 * second), wall: WallTime(nanoseconds: Int64(3_600 * second)))
        let record = clock.dueRecord(interval: 30 * second, jump: second)
        #expect(record?.wall == WallTime(nanoseconds: Int64(3_600 * second)))
        #expect(record.flatMap { ClockRecord(decoding: $0.encode()) } == record)
    }

    @Test func aFollowerWhoseClockIsFasterStaysWithItsLeader() {
        var generator = Xoshiro256(seed: 11)
        let leader = ReplicaID(high: 1, low: 1)
        var clock = Self.clock(at: 0)
        /// The leader's time when this or that of its messages was sent, and when the message arrives.
        var arrivals: [(sent: UInt64, arrives: UInt64)] = []
        var last = clock.time
        var isMonotone = true
        var apart: Int64 = 0
        // Half an hour, by a clock that is 5,000 ppm too fast: it would gain 9 s.
        for beat in 1...UInt64(36_000) {
            let now = beat * 50_000_000
            // Under way for up to 20 ms; now and then for seconds, as where a process was paused.
            let way = beat % 1_000 == 0 ? 3 * second : UInt64.random(in: 0...20_000_000, using: &generator)
            arrivals.append((now, now + way))
            let due = arrivals.filter { $0.arrives <= now }
            arrivals.removeAll { $0.arrives <= now }
            for message in due {
                clock.advance(to: BootTime(nanoseconds: now + now / 200), wall: WallTime(nanoseconds: 0))
                clock.heard(
                    .running(LedgerTime(nanoseconds: message.sent)),
                    from: leader,
                    isLeader: true,
                    isMember: true
                )
                isMonotone = isMonotone && clock.time >= last
                last = clock.time
            }
            guard now > 20 * second, !due.isEmpty else { continue }
            apart = max(apart, abs(Int64(clock.time.nanoseconds) - Int64(now)))
        }
        #expect(isMonotone)
        #expect(apart < 100_000_000, "nanoseconds")
    }

    @Test func aTimeFromWallClocksGivesWayToAMemberWhoseClockDidNotStop() {
        let (me, other, survivor) = (ReplicaID(high: 1, low: 1), ReplicaID(high: 2, low: 2), ReplicaID(high: 3, low: 3))
        let members = [me, other, survivor].map { Member(id: $0, name: "n\($0.low)", address: "n:\($0.low)") }
        let configuration = Configuration(members: members, voters: [me, other, survivor])
        var clock = Self.clock(at: 0)
        clock.heard(.resumed(.zero), from: other, isLeader: false, isMember: true)
        clock.resolve(me, configuration)
        #expect(clock.isRunning)
        func hear(_ time: UInt64, from replica: ReplicaID) {
            clock.heard(.running(LedgerTime(nanoseconds: time)), from: replica, isLeader: false, isMember: true)
        }
        // Who has followed the guess, with a clock that is a little faster.
        hear(second / 2, from: other)
        #expect(clock.time == .zero)
        hear(100 * second, from: survivor)
        #expect(clock.time == LedgerTime(nanoseconds: 100 * second))
        // It is a guess no more.
        hear(200 * second, from: other)
        #expect(clock.time == LedgerTime(nanoseconds: 100 * second))
    }

    private static func clock(at now: UInt64) -> ReplicatedClock {
        ReplicatedClock(
            logTime: .zero,
            record: nil,
            now: BootTime(nanoseconds: now),
            wall: WallTime(nanoseconds: 0)
        )
    }
}
