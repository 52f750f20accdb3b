import Ledger
import Raft
import Wire

/// A replica's estimate of replicated time.
///
/// Time is the largest time-stamp in the log, applied or not, or told by a leader, plus what the boot-time clock has
/// counted since. It never runs backwards while the process lives, and no wall clock takes part. Who has run ahead of
/// the leader, since its boot-time clock goes faster, stands still until the leader has come as far (``LeaderTime``):
/// what it issues meanwhile would be from the future.
///
/// A process that starts finds the last time-stamp of its log, but not how long it was away. It says so in each message
/// (``TimeReport/resumed(_:)``) until somebody tells it whose clock did not stop: a leader, or any member that is running.
/// A leader that was away itself, and hears nobody who was not, came up after a time in which all of a majority were
/// down. Only then wall clocks count: each replica has kept a pair of replicated time and its wall clock
/// (``ClockRecord``), and by the difference says what time it would be. The leader takes the largest time that a
/// majority of the voters reaches, each by its own clock, which is the smallest pause that this majority reports: a
/// minority of clocks that are ahead adds nothing, and one of clocks that are behind takes nothing away. Never does it
/// go back: time is at least what the log says. Until then a leader proposes nothing, for nothing can be stamped; it has
/// the reports with the votes that made it leader. What wall clocks said is a guess: where a member whose clock did not
/// stop is heard of later, and is ahead, its time is taken after all.
///
/// The pairs are written at some interval, not with the log: an old pair says the same as a new one, unless the wall
/// clock was set in between. So it is written at once when the wall clock and the boot-time clock part ways.
struct ReplicatedClock: Sendable {
    /// Those who follow a guess are ahead of it by their drift, in nanoseconds: 1 s is more.
    private static let guessTolerance: UInt64 = 1_000_000_000

    private struct Report: Sendable {
        let from: ReplicaID
        var time: LedgerTime
        var at: BootTime
    }

    /// The boot-time clock now.
    private(set) var now: BootTime
    private var wall: WallTime
    /// What time is counted from.
    private var base: TimeSample
    /// Time does not go below it.
    private var floor: LedgerTime
    private var leaderTime = LeaderTime()
    /// Whether time comes from wall clocks, by a resolution of this replica.
    private var isGuessed = false
    /// Whether nothing is missing: time was followed since somebody knew it.
    private(set) var isRunning = false
    /// The last pair on disk.
    private var record: ClockRecord?
    /// When the last pair was made in this process, and what the wall clock said.
    private var recorded: (at: BootTime, wall: WallTime)?
    /// Of members that were away. At most one each; bounded by the membership.
    private var reports: [Report] = []

    init(logTime: LedgerTime, record: ClockRecord?, now: BootTime, wall: WallTime) {
        base = TimeSample(time: logTime, at: now)
        floor = logTime
        self.now = now
        self.wall = wall
        self.record = record
    }

    /// Replicated time, as far as known.
    var time: LedgerTime { max(floor, base.time(at: now)) }

    /// What to tell others.
    var report: TimeReport { isRunning ? .running(time) : .resumed(resumed) }

    /// What time it would be by the wall clock.
    private var resumed: LedgerTime {
        guard let record else { return time }
        return max(time, record.time.adding(nanoseconds: wall.nanoseconds(since: record.wall)))
    }

    /// The clocks went on. A boot-time clock that goes back is not believed.
    mutating func advance(to now: BootTime, wall: WallTime) {
        self.now = max(self.now, now)
        self.wall = wall
    }

    /// A time-stamp stands in the log.
    mutating func observe(_ stamp: LedgerTime) {
        guard stamp > time else { return }
        base = TimeSample(time: stamp, at: now)
    }

    /// The leader's messages put time no further than this.
    private mutating func correct(by sample: TimeSample) {
        guard sample.time(at: now) < base.time(at: now) else { return }
        floor = time
        base = sample
    }

    /// A member told what it knows.
    /// - Parameters:
    ///   - isLeader: it leads.
    ///   - isMember: it belongs to the group.
    mutating func heard(_ report: TimeReport, from replica: ReplicaID, isLeader: Bool, isMember: Bool) {
        switch report {
        case .running(let time):
            if isLeader || (isMember && !isRunning) {
                observe(time)
                isRunning = true
                isGuessed = false
                reports = []
                if isLeader, let best = leaderTime.heard(time, now: now) { correct(by: best) }
            } else if isMember, isGuessed, self.time.nanoseconds(until: time) > Self.guessTolerance {
                observe(time)
                isGuessed = false
            }
        case .resumed(let time):
            guard isMember, !isRunning else { return }
            reports.removeAll { $0.from == replica }
            reports.append(Report(from: replica, time: time, at: now))
        }
    }

    /// This replica leads, and must know the time: by the reports of a majority, if there is one.
    mutating func resolve(_ id: ReplicaID, _ configuration: Configuration) {
        guard !isRunning else { return }
        var agreed = LedgerTime.maximum
        for voters in [configuration.voters, configuration.outgoing] where !voters.isEmpty {
            var times: [LedgerTime] = []
            for voter in voters {
                if voter == id {
                    times.append(resumed)
                } else if let report = reports.first(where: { $0.from == voter }) {
                    times.append(report.time.adding(nanoseconds: now.nanoseconds(since: report.at)))
                }
            }
            let majority = voters.count / 2 + 1
            guard times.count >= majority else { return }
            times.sort(by: >)
            agreed = min(agreed, times[majority - 1])
        }
        guard !configuration.voters.isEmpty else { return }
        observe(agreed)
        isRunning = true
        isGuessed = true
        reports = []
    }

    /// The pair to be written now, if one is due.
    mutating func dueRecord(interval: UInt64, jump: UInt64) -> ClockRecord? {
        guard isRunning else { return nil }
        if let recorded {
            let counted = now.nanoseconds(since: recorded.at)
            let shown = wall.nanoseconds(since: recorded.wall)
            let apart = counted > shown ? counted - shown : shown - counted
            // A clock that jumps about all the time writes once in the time of a jump.
            guard counted >= interval || (apart >= jump && counted >= jump) else { return nil }
        }
        recorded = (now, wall)
        let record = ClockRecord(time: time, wall: wall)
        self.record = record
        return record
    }
}
