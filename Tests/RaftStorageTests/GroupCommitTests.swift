import RaftStorage
import TestSupport
import Testing

/// What makes a group.
@Suite struct GroupCommitTests {
    @Test func theFirstRequestIsWrittenAtOnceAndWhatComesMeanwhileTogether() throws {
        var machine = GroupCommit()
        #expect(try machine.submit(bytes: 10) == .write)
        #expect(machine.takeGroup() == 1...1)
        #expect(try machine.submit(bytes: 10) == .none)
        #expect(machine.written() == .synchronize)
        #expect(try machine.submit(bytes: 10) == .none)
        #expect(machine.durable == 0)
        #expect(machine.synchronized() == .write)
        #expect(machine.durable == 1)
        #expect(try machine.submit(bytes: 10) == .none)
        #expect(machine.takeGroup() == 2...4, "and what comes until the thread is free")
        #expect(machine.written() == .synchronize)
        #expect(machine.synchronized() == .none)
        #expect(machine.durable == 4)
        #expect(try machine.submit(bytes: 10) == .write)
    }

    @Test func aGroupHasBounds() throws {
        var settings = GroupCommit.Settings()
        settings.groupRequestsMax = 3
        settings.groupBytesMax = 100
        settings.waitingBytesMax = 1_000
        var machine = GroupCommit(settings: settings)
        for bytes in [10, 10, 10, 10, 200, 60, 50] { _ = try machine.submit(bytes: bytes) }
        #expect(throws: GroupCommit.Refusal.overloaded) { _ = try machine.submit(bytes: 651) }
        var groups: [ClosedRange<UInt64>] = []
        var action = GroupCommit.Action.write
        while action == .write {
            groups.append(machine.takeGroup())
            #expect(machine.written() == .synchronize)
            action = machine.synchronized()
        }
        #expect(groups == [1...3, 4...4, 5...5, 6...6, 7...7])
        #expect(machine.durable == 7)
        #expect(try machine.submit(bytes: 5_000) == .write, "one request alone may be longer than any bound")
        #expect(machine.takeGroup() == 8...8)
    }

    @Test func aFullDiskRefusesAndGoesOnWithTheRequestThatFoundItFull() throws {
        var machine = GroupCommit()
        for _ in 0..<4 { _ = try machine.submit(bytes: 1) }
        #expect(machine.takeGroup() == 1...4)
        #expect(machine.foundNoSpace(at: 3) == .synchronize, "1 and 2 were written")
        #expect(machine.isFull)
        #expect(throws: GroupCommit.Refusal.full) { _ = try machine.submit(bytes: 1) }
        #expect(machine.synchronized() == .waitForSpace)
        #expect(machine.durable == 2)
        #expect(machine.tryAgain() == .write)
        #expect(machine.takeGroup() == 3...4)
        #expect(machine.foundNoSpace(at: 3) == .waitForSpace)
        #expect(machine.tryAgain() == .write)
        #expect(machine.tryAgain() == .none)
        #expect(!machine.isFull)
        #expect(machine.takeGroup() == 3...4)
        #expect(machine.written() == .synchronize)
        #expect(machine.synchronized() == .none)
        #expect(machine.durable == 4)
    }

    @Test func afterAFailureNothingIsTakenAndNothingBecomesDurable() throws {
        var machine = GroupCommit()
        _ = try machine.submit(bytes: 1)
        _ = machine.takeGroup()
        _ = machine.written()
        machine.failed()
        #expect(throws: GroupCommit.Refusal.failed) { _ = try machine.submit(bytes: 1) }
        #expect(machine.tryAgain() == .none)
        #expect(machine.durable == 0)
    }

    /// Against a plain count: every request becomes durable once, in order, whatever happens in between.
    @Test func everyRequestBecomesDurableOnceAndInOrder() throws {
        var random = Seeded(seed())
        for _ in 0..<200 {
            var settings = GroupCommit.Settings()
            settings.groupRequestsMax = 1 + Int(random.below(5))
            settings.groupBytesMax = 50
            settings.waitingBytesMax = 300
            var machine = GroupCommit(settings: settings)
            var (taken, written, action) = (UInt64(0), UInt64(0), GroupCommit.Action.none)
            for _ in 0..<300 {
                if random.oneIn(2) {
                    do throws(GroupCommit.Refusal) {
                        let next = try machine.submit(bytes: Int(random.below(60)))
                        taken += 1
                        if next != .none {
                            #expect(action == .none)
                            action = next
                        }
                    } catch {
                        #expect(error == (machine.isFull ? .full : .overloaded))
                    }
                    continue
                }
                switch action {
                case .none: #expect(machine.durable == taken)
                case .write:
                    let group = machine.takeGroup()
                    #expect(group.lowerBound == written + 1 && group.upperBound <= taken)
                    if random.oneIn(4) {
                        let number = group.lowerBound + random.below(UInt64(group.count))
                        written = number - 1
                        action = machine.foundNoSpace(at: number)
                    } else {
                        written = group.upperBound
                        action = machine.written()
                    }
                case .synchronize:
                    action = machine.synchronized()
                    #expect(machine.durable == written)
                case .waitForSpace: action = machine.tryAgain()
                }
            }
            #expect(machine.submitted == taken)
        }
    }
}
