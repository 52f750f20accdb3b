import Raft
import TestSupport
import Testing
import Wire

/// Random schedules of everything that can happen to a group: messages lost, repeated and out of order, slow disks,
/// crashes with unwritten requests, partitions, snapshots, transfers, changes of the membership. The rules of the paper
/// are checked after each step; then all is healed, and the group must come to agree.
@Suite struct RandomScheduleTests {
    @Test(arguments: [1, 3, 5]) func noScheduleBreaksARule(_ count: Int) {
        let base = seed("noScheduleBreaksARule(\(count))")
        var seen = Schedule.Seen()
        for run in 0..<runs(30) {
            var schedule = Schedule(count: count, seed: base &+ UInt64(run))
            schedule.run(steps: 1_500)
            schedule.heal()
            seen.add(schedule.seen)
        }
        // Else the schedules are too tame to show anything.
        print("\(seen)")
        #expect(seen.commits > 600)
        #expect(seen.terms > 60)
        #expect(count == 1 || seen.joint > 10)
        #expect(count == 1 || seen.installed > 5)
        #expect(seen.truncated > 5)
    }

    @Test func noScheduleBreaksARuleWithoutPreVote() {
        let base = seed()
        for run in 0..<runs(15) {
            var schedule = Schedule(count: 3, seed: base &+ UInt64(run)) { $0.preVote = false }
            schedule.run(steps: 1_500)
            schedule.heal()
        }
    }
}

/// One random run.
private struct Schedule {
    var group: Group
    var random: Xoshiro256
    let seed: UInt64
    var proposed: UInt64 = 0
    let settings: RaftSettings
    var seen = Seen()
    private var lastIndices: [UInt64: LogIndex] = [:]

    /// How often what must happen happened.
    struct Seen {
        var commits: UInt64 = 0
        var terms: UInt64 = 0
        var joint = 0
        var installed = 0
        var truncated = 0

        mutating func add(_ other: Seen) {
            commits += other.commits
            terms += other.terms
            joint += other.joint
            installed += other.installed
            truncated += other.truncated
        }
    }

    init(count: Int, seed: UInt64, adjust: (inout RaftSettings) -> Void = { _ in }) {
        random = Xoshiro256(seed: seed)
        self.seed = seed
        var settings = RaftSettings()
        settings.appendEntriesMax = random.inRange(1...5)
        settings.appendBytesMax = random.inRange(30...500)
        settings.inflightMessagesMax = random.inRange(1...4)
        settings.snapshotChunkBytes = random.inRange(1...40)
        settings.snapshotChunksInflightMax = random.inRange(1...3)
        settings.electionTicksMin = 5
        settings.electionTicksMax = 10
        settings.heartbeatTicks = 1
        settings.retryTicks = random.inRange(2...6)
        settings.unappliedBytesMax = random.inRange(1...200)
        settings.promotionLagEntriesMax = 5
        adjust(&settings)
        self.settings = settings
        group = Group(count, seed: seed, settings: settings)
    }

    mutating func run(steps: Int) {
        for _ in 0..<steps {
            step()
            group.check()
            for node in group.nodes where node.isUp {
                if node.raft.lastPosition.index < lastIndices[node.id.low] ?? .zero { seen.truncated += 1 }
                lastIndices[node.id.low] = node.raft.lastPosition.index
            }
        }
        seen.commits = group.nodes.map(\.raft.commitIndex.rawValue).max() ?? 0
        seen.terms = group.nodes.map(\.raft.term.rawValue).max() ?? 0
        for message in group.sent {
            switch message.body {
            case .appendRequest(let request):
                for case .configuration(let configuration) in request.entries.map(\.payload) where configuration.isJoint
                {
                    seen.joint += 1
                }
            case .snapshotResponse(let response):
                if case .installed = response.outcome { seen.installed += 1 }
            default: break
            }
        }
    }

    private mutating func anyone() -> Int { random.inRange(1...group.nodes.count) }

    private mutating func step() {
        let number = anyone()
        switch random.below(115) {
        case 100..<115:
            // Some calm, so that something comes about.
            group.tick(random.inRange(1...3))
        case 0..<45:
            guard !group.network.isEmpty else { return }
            // Mostly in turn.
            let position = random.chance(3, of: 4) ? 0 : random.inRange(0...group.network.count - 1)
            group.deliver(at: position, keeping: random.chance(1, of: 20))
        case 45..<48:
            group.drop(at: random.inRange(0...max(group.network.count - 1, 0)))
        case 48..<68:
            guard group[number].isUp else { return }
            group[number].act { $0.tick() }
        case 68..<78:
            guard group[number].isUp else { return }
            group[number].write(random.inRange(1...3))
        case 78..<86:
            propose()
        case 86..<88:
            group[number].isDiskSlow.toggle()
        case 88..<90:
            if group[number].isUp {
                group.crash(number, writing: random.inRange(0...3))
            } else {
                group.restart(number)
            }
        case 90..<92:
            if group[number].isUp, group[number].waitingWrites == 0 {
                group[number].compact(keeping: random.below(4))
            }
        case 92..<94:
            if random.chance(1, of: 3) { group.cut(from: number, to: anyone()) } else { group.heal() }
        case 94..<95:
            guard let leader = group.leader else { return }
            let target = Group.id(anyone())
            group[leader].act { try? $0.transferLeadership(to: target) }
        case 95..<97:
            change()
        default:
            guard group[number].isUp else { return }
            let context = random.next()
            group[number].act { $0.readIndex(context: context) }
        }
    }

    private mutating func propose() {
        guard let leader = group.leader else { return }
        let count = random.inRange(1...4)
        let commands = (0..<count).map { _ -> [UInt8] in
            proposed += 1
            return Array(repeating: UInt8(truncatingIfNeeded: proposed), count: random.inRange(1...60))
        }
        group[leader].act { _ = try? $0.propose(commands) }
    }

    private mutating func change() {
        guard let leader = group.leader else { return }
        if group.nodes.count < 7, random.chance(1, of: 4) { _ = group.addBlank(settings: settings, seed: seed) }
        let id = Group.id(anyone())
        let step: ConfigurationChange.Step =
            switch random.below(4) {
            case 0: .addLearner(Group.member(id))
            case 1: .promote(id)
            case 2: .demote(id)
            default: .remove(id)
            }
        group[leader].act { _ = try? $0.propose(ConfigurationChange([step])) }
    }

    /// No more faults: a leader is there soon, and all members agree with it.
    mutating func heal() {
        group.heal()
        for number in 1...group.nodes.count {
            group[number].isDiskSlow = false
            if group[number].isUp { group[number].write() } else { group.restart(number) }
        }
        group.settle()
        group.tick(200)
        guard let leader = group.leader else {
            Issue.record("no leader after seed \(seed)")
            return
        }
        group.propose([0])
        group.tick(60)
        let configuration = group[leader].raft.configuration
        #expect(!configuration.isJoint, "seed \(seed)")
        for node in group.nodes where configuration.contains(node.id) {
            #expect(node.machine == group[leader].machine, "replica \(node.id.low), seed \(seed)")
        }
    }
}
