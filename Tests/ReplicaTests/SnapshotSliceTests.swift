import Ledger
import Raft
import RaftStorage
import Simulator
import Testing
import Wire

@testable import Replica

@Suite("A snapshot is written in slices") struct SnapshotSliceTests {
    typealias Fixture = SlicedSnapshot

    @Test func entriesBecomeDurableBetweenTheSlices() throws {
        var run = try Fixture()
        run.persist(through: 10)
        run.execute(Fixture.plan(10))
        var index: UInt64 = 10
        while run.worker.isWritingSnapshot {
            #expect(run.stored == [], "nothing is said before its end")
            run.writeSlice()
            index += 1
            run.execute(Fixture.persist(index))
            #expect(run.persisted == index)
        }
        #expect(run.stored == [10])
        #expect(index - 10 >= UInt64(Fixture.payload.count >> 16), "a slice has no more than it may")
        #expect(run.writeSliceAgain() == 0)
        run.worker.close()
        let found = try run.reopen()
        #expect(found.last == index && found.snapshot == 10)
        #expect(found.machine.digest == Fixture.machine.digest)
    }

    /// A run of everything: entries, a snapshot between them, the cut of the log, a leader's snapshot in the place of
    /// another.
    /// - Returns: the last entry.
    @discardableResult
    private func run(_ run: inout Fixture, after step: (Int, Fixture) -> Void = { _, _ in }) -> UInt64 {
        var count = 0
        func next(_ body: (inout Fixture) -> Void) {
            guard !run.hasFailed else { return }
            body(&run)
            step(count, run)
            count += 1
        }
        step(count, run)
        for index in 1...8 as ClosedRange<UInt64> { next { $0.execute(Fixture.persist(index, 600)) } }
        next { $0.execute(Fixture.plan(8)) }
        var index: UInt64 = 8
        while run.worker.isWritingSnapshot, !run.hasFailed {
            next { $0.writeSlice() }
            index += 1
            next { $0.execute(Fixture.persist(index, 600)) }
        }
        next { $0.execute(.removeEntries(below: LogIndex(9))) }
        next { $0.execute(Fixture.plan(index), Fixture.persist(index + 1)) }
        next { $0.writeSlice() }
        for part in Fixture.parts(100, transfer: 1) { next { $0.execute(.receive(part)) } }
        // Without the leader's snapshot the log does not go on after it.
        guard run.stored.contains(100) else { return index + 1 }
        next { $0.execute(Fixture.persist(101)) }
        return 101
    }

    /// What was told is there, and a snapshot is all there or not at all.
    private func check(_ run: Fixture, _ what: String) throws {
        let found = try run.reopen()
        #expect(found.last >= run.persisted, "\(what)")
        #expect(found.snapshot >= run.stored.max() ?? 0, "\(what)")
        let isGenesis = found.snapshot == 0
        #expect(found.machine.digest == (isGenesis ? Fixture.genesis : Fixture.machine).digest, "\(what)")
        #expect(run.unfinished == [], "\(what)")
        // The next start finds the same.
        #expect(try run.reopen().snapshot == found.snapshot, "\(what)")
    }

    @Test func aRunWithoutAFaultKeepsAll() throws {
        var whole = try Fixture()
        run(&whole)
        #expect(whole.stored == [8, 100] && whole.superseded.count == 1 && whole.unkept == 0)
        #expect(whole.persisted == 101)
        whole.worker.close()
        try check(whole, "no fault")
    }

    @Test(arguments: PowerCut.allCases) func aPowerCutAtEveryCallLosesNothingThatWasTold(_ mode: PowerCut) throws {
        var call = 0
        while true {
            var cut = try Fixture(seed: UInt64(call))
            cut.disk.faults.callsToPowerCut = call
            run(&cut)
            guard cut.disk.isOff else { break }
            cut.disk.cutPower(mode)
            cut.disk.restart()
            try check(cut, "call \(call)")
            call += 1
        }
        #expect(call > 60)
    }

    @Test func aKillAtEveryCallLosesNothingThatWasTold() throws {
        var call = 0
        while true {
            var killed = try Fixture(seed: UInt64(call))
            killed.disk.faults.callsToKill = call
            run(&killed)
            guard killed.disk.isKilled else { break }
            killed.disk.crashProcess()
            try check(killed, "call \(call)")
            call += 1
        }
        #expect(call > 60)
    }

    @Test func anErrorOfTheDeviceAtEveryStepEndsTheWorker() throws {
        let calls = DiskFaults.Call.allCases.filter { $0 != .read && $0 != .list && $0 != .makeDirectory }
        var met = 0
        for kind in calls {
            var step = 0
            var isOver = false
            while !isOver {
                var failing = try Fixture(seed: UInt64(step))
                run(&failing) { count, run in if count == step { run.disk.faults.failing = kind } }
                isOver = failing.disk.faults.failing != nil
                failing.disk.faults.failing = nil
                if !isOver {
                    met += 1
                    #expect(failing.hasFailed, "\(kind) after step \(step)")
                    #expect(!failing.worker.isWritingSnapshot)
                    #expect(failing.worker.execute([Fixture.persist(1)]).isEmpty, "nothing is done any more")
                    #expect(failing.worker.writeSlice().isEmpty)
                }
                failing.worker.close()
                failing.disk.cutPower(.losesSome)
                failing.disk.restart()
                try check(failing, "\(kind) after step \(step)")
                step += 1
            }
        }
        #expect(met > 60)
    }

    @Test func aFullDiskAtEveryStepCostsTheSnapshotAndNotTheLog() throws {
        var isOver = false
        var step = 0
        var unkept = 0
        while !isOver {
            var full = try Fixture(seed: UInt64(step))
            isOver = true
            // Some room, so that not only the first call finds none.
            var last = run(&full) { count, run in
                guard count == step else { return }
                isOver = false
                run.disk.faults.capacityBytes = run.disk.usedBytes + step % 4 * 40_000
            }
            unkept += full.unkept
            if full.unkept > 0 { #expect(full.unfinished == [], "its room is given back") }
            #expect(!full.hasFailed, "step \(step)")
            full.disk.faults.capacityBytes = nil
            full.execute(.retry)
            #expect(!full.worker.isHolding, "step \(step)")
            #expect(full.persisted >= min(last, 99), "step \(step)")
            last = max(last, full.stored.max() ?? 0)
            full.execute(Fixture.plan(last))
            full.writeSlices()
            #expect(full.stored.last == last, "step \(step)")
            full.worker.close()
            try check(full, "step \(step)")
            step += 1
        }
        #expect(unkept > 5)
    }

    @Test func roomForTheLogIsTakenFromASnapshotThatIsBeingWritten() throws {
        var run = try Fixture()
        run.persist(through: 3)
        run.execute(Fixture.plan(3))
        run.writeSlice()
        #expect(run.unfinished.count == 1)
        run.disk.faults.capacityBytes = run.disk.usedBytes
        var index: UInt64 = 3
        while !run.worker.isHolding {
            index += 1
            run.execute(Fixture.persist(index, 1_000))
        }
        #expect(run.unkept == 1 && run.unfinished == [])
        run.execute(.retry)
        #expect(!run.worker.isHolding)
        #expect(run.persisted == index)
    }

    @Test func aLaterSnapshotTakesThePlaceOfOneThatIsBeingWritten() throws {
        var run = try Fixture()
        run.persist(through: 5)
        run.execute(Fixture.plan(3))
        run.writeSlice()
        run.execute(Fixture.plan(5))
        #expect(run.superseded == [3] && run.stored == [])
        #expect(run.unfinished.count == 1)
        run.writeSlices()
        #expect(run.stored == [5] && run.unfinished == [])
        run.worker.close()
        try check(run, "the later one")
    }

    @Test func aLeadersSnapshotTakesThePlaceOfOneThatIsBeingWritten() throws {
        var run = try Fixture()
        run.persist(through: 5)
        run.execute(Fixture.plan(5))
        run.writeSlice()
        let parts = Fixture.parts(50, transfer: 7)
        // One that is out of turn does no harm.
        run.execute(.receive(parts[1]))
        #expect(run.worker.isWritingSnapshot && run.unfinished.count == 1)
        run.execute(.receive(parts[0]))
        #expect(run.superseded == [5] && !run.worker.isWritingSnapshot)
        for part in parts.dropFirst() {
            #expect(run.stored == [])
            run.execute(.receive(part))
        }
        #expect(run.stored == [50] && run.unfinished == [])
        run.worker.close()
        try check(run, "the leader's")
    }

    @Test func anOwnSnapshotEndsAnotherThatIsBeingReceived() throws {
        var run = try Fixture()
        run.persist(through: 3)
        let parts = Fixture.parts(50, transfer: 7)
        run.execute(.receive(parts[0]))
        run.execute(Fixture.plan(3))
        run.writeSlice()
        run.execute(.receive(parts[1]))
        #expect(run.completions.contains { if case .receiveRefused(7, _) = $0 { true } else { false } })
        run.writeSlices()
        #expect(run.stored == [3] && run.unfinished == [])
    }

    @Test func aLeadersSnapshotThatIsWrongIsRefusedWhereItIs() throws {
        var run = try Fixture()
        run.persist(through: 3)
        var bytes = Fixture.payload
        // A key's time that is beyond all times.
        for place in 60_000..<60_032 { bytes[place] = 0xFF }
        let parts = Fixture.parts(50, transfer: 7, bytes)
        run.execute(.receive(parts[0]))
        #expect(run.unfinished.count == 1)
        run.execute(.receive(parts[1]))
        #expect(run.completions.contains { if case .receiveRefused(7, _) = $0 { true } else { false } })
        #expect(run.unfinished == [])
        for part in Fixture.parts(50, transfer: 8) { run.execute(.receive(part)) }
        #expect(run.stored == [50])
        var later = Fixture.payload
        later[0] = 77
        run.execute(.receive(Fixture.parts(60, transfer: 9, later)[0]))
        guard case .receiveUnsupported(Fixture.position(60), _)? = run.completions.last else {
            Issue.record("taken, or refused for another reason: \(run.completions.suffix(1))")
            return
        }
    }

    @Test func aNodeThatIsStoppedMeanwhileLeavesNoFile() throws {
        var run = try Fixture()
        run.persist(through: 3)
        run.execute(Fixture.plan(3))
        run.writeSlice()
        run.worker.close()
        #expect(run.unfinished == [])
        #expect(!run.worker.isWritingSnapshot && run.writeSliceAgain() == 0)
        let found = try run.reopen()
        #expect(found.last == 3 && found.snapshot == 0)
    }
}

extension SlicedSnapshot {
    /// What comes of a slice where there is none.
    fileprivate mutating func writeSliceAgain() -> Int { worker.writeSlice().count }
}
