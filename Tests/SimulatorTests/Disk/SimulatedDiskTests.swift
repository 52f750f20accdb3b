import Raft
import RaftStorage
import Simulator
import TestSupport
import Testing

@Suite struct SimulatedDiskTests {
    private static let sector = 512

    private func disk(_ seed: UInt64 = 1) -> SimulatedDisk { SimulatedDisk(generator: Xoshiro256(seed: seed)) }

    private func contents(_ disk: SimulatedDisk, _ path: String) throws -> [UInt8] {
        let file = try disk.open(path, .read)
        defer { disk.close(file) }
        return try disk.read(file, at: 0, count: Int(try disk.length(file)))
    }

    /// A disk with one durable file of one sector of ones, which is open.
    private func diskWithFile(_ seed: UInt64 = 1) throws -> (SimulatedDisk, OpenFile) {
        let disk = disk(seed)
        let file = try disk.open("/file", .createNew)
        try disk.write(file, Array(repeating: 1, count: 2 * Self.sector), at: 0)
        try disk.synchronize(file)
        try disk.synchronizeDirectory("/")
        return (disk, file)
    }

    @Test func worksLikeAFileSystem() throws {
        let disk = disk()
        try disk.makeDirectory("/root")
        try FileSystemConformance(files: disk, root: "/root").check()
    }

    @Test func aPowerCutKeepsWhatIsSynchronized() throws {
        for mode in PowerCut.allCases {
            let (disk, file) = try diskWithFile()
            try disk.write(file, [2], at: 0)
            try disk.synchronize(file)
            disk.cutPower(mode)
            disk.restart()
            #expect(try contents(disk, "/file") == [2] + Array(repeating: 1, count: 2 * Self.sector - 1))
        }
    }

    @Test func unsynchronizedWritesAreLostOrTornBySectors() throws {
        var seen: Set<[UInt8]> = []
        for seed in 1...200 as ClosedRange<UInt64> {
            let (disk, file) = try diskWithFile(seed)
            try disk.write(file, Array(repeating: 2, count: 2 * Self.sector), at: 0)
            try disk.write(file, [3], at: 0)
            disk.cutPower(.losesSome)
            disk.restart()
            let found = try contents(disk, "/file")
            seen.insert([found[0], found[1], found[Self.sector]])
            #expect(Set(found[1..<Self.sector]).count == 1)
            #expect(Set(found[Self.sector...]).count == 1)
        }
        // The first sector as it was, after one write, or after both; the second one, whatever became of the first.
        #expect(seen == [[1, 1, 1], [1, 1, 2], [2, 2, 1], [2, 2, 2], [3, 2, 1], [3, 2, 2]])
    }

    @Test func aCrashOfTheProcessLosesNothing() throws {
        let (disk, file) = try diskWithFile()
        try disk.write(file, [2], at: 0)
        disk.crashProcess()
        #expect(try contents(disk, "/file")[0] == 2)
        #expect(throws: FileSystemError.self) { try disk.length(file) }
    }

    @Test func aNewLengthIsDurableWithTheFile() throws {
        let (disk, file) = try diskWithFile()
        try disk.allocate(file, length: 5_000)
        disk.cutPower(.losesAll)
        disk.restart()
        #expect(disk.bytes(of: "/file") == 2 * Self.sector)
        let again = try disk.open("/file", .readWrite)
        try disk.allocate(again, length: 5_000)
        try disk.synchronize(again)
        try disk.truncate(again, length: 10)
        disk.cutPower(.losesAll)
        disk.restart()
        #expect(disk.bytes(of: "/file") == 5_000)
        #expect(try contents(disk, "/file")[20] == 1)
    }

    @Test func namesAreDurableWithTheirFolder() throws {
        let (disk, file) = try diskWithFile()
        disk.close(try disk.open("/new", .createNew))
        try disk.rename("/file", to: "/renamed")
        try disk.write(file, [4], at: 0)
        try disk.synchronize(file)
        disk.cutPower(.losesAll)
        disk.restart()
        #expect(try disk.list("/") == ["file"])
        #expect(try contents(disk, "/file")[0] == 4)
    }

    @Test func namesReachTheDiskInTheirOrder() throws {
        var seen: Set<[String]> = []
        for seed in 1...100 as ClosedRange<UInt64> {
            let (disk, _) = try diskWithFile(seed)
            disk.close(try disk.open("/temporary", .createNew))
            try disk.rename("/temporary", to: "/final")
            try disk.remove("/file")
            disk.cutPower(.losesSome)
            disk.restart()
            seen.insert(try disk.list("/"))
        }
        #expect(seen == [["file"], ["file", "temporary"], ["file", "final"], ["final"]])
    }

    @Test func aFolderThatIsNotDurableIsGoneWithAllInIt() throws {
        let disk = disk()
        try disk.makeDirectory("/folder")
        let file = try disk.open("/folder/file", .createNew)
        try disk.synchronize(file)
        try disk.synchronizeDirectory("/folder")
        disk.cutPower(.losesAll)
        disk.restart()
        #expect(try disk.list("/") == [])
    }

    @Test func whatAFailedSynchronizationLostStaysLost() throws {
        var lost = 0
        for seed in 1...50 as ClosedRange<UInt64> {
            let (disk, file) = try diskWithFile(seed)
            try disk.write(file, [2], at: 0)
            disk.faults.failing = .synchronize
            #expect(throws: FileSystemError.self) { try disk.synchronize(file) }
            // Readers see it, and the next call says that all is well.
            try disk.synchronize(file)
            #expect(try contents(disk, "/file")[0] == 2)
            disk.cutPower(.losesNothing)
            disk.restart()
            if try contents(disk, "/file")[0] == 1 { lost += 1 }
        }
        #expect((10...40).contains(lost))
    }

    @Test func aFullDiskRefusesToGrow() throws {
        let (disk, file) = try diskWithFile()
        disk.faults.capacityBytes = 3 * Self.sector
        func reason(_ call: () throws -> Void) -> FileSystemError.Reason? {
            do { try call() } catch { return (error as? FileSystemError)?.reason }
            return nil
        }
        #expect(reason { try disk.allocate(file, length: 2_000) } == .full)
        #expect(reason { try disk.write(file, Array(repeating: 5, count: 2 * Self.sector), at: 600) } == .full)
        #expect(reason { try disk.write(file, [5], at: 0) } == nil)
        #expect(try disk.length(file) <= 3 * Self.sector)
        disk.faults.capacityBytes = nil
        #expect(reason { try disk.allocate(file, length: 2_000) } == nil)
    }

    @Test func thePowerFailsWithinTheCallThatIsNamed() throws {
        for calls in 0...2 {
            let (disk, file) = try diskWithFile()
            disk.faults.callsToPowerCut = calls
            var done = 0
            do {
                try disk.write(file, [2], at: 0)
                done += 1
                try disk.synchronize(file)
                done += 1
                try disk.write(file, [3], at: 1)
                done += 1
            } catch {}
            #expect(done == calls)
            #expect(disk.isOff)
            #expect(throws: FileSystemError.self) { try disk.list("/") }
            disk.cutPower(.losesAll)
            disk.restart()
            #expect(try contents(disk, "/file")[0] == (calls < 2 ? 1 : 2))
        }
    }

    @Test func theProcessIsKilledWithinTheCallThatIsNamed() throws {
        for calls in 0...1 {
            let (disk, file) = try diskWithFile()
            disk.faults.callsToKill = calls
            var done = 0
            do {
                try disk.write(file, [2], at: 0)
                done += 1
                try disk.synchronize(file)
                done += 1
            } catch {}
            #expect(done == calls)
            #expect(disk.isKilled)
            #expect(throws: FileSystemError.self) { try disk.list("/") }
            disk.crashProcess()
            // The system has the write that was done. It is not on disk before somebody synchronizes it.
            if calls > 0 { #expect(try contents(disk, "/file")[0] == 2) }
            disk.cutPower(.losesAll)
            disk.restart()
            #expect(try contents(disk, "/file")[0] == 1)
        }
    }

    @Test func aFlippedBitIsOnDisk() throws {
        let (disk, file) = try diskWithFile()
        #expect(disk.coldFiles == ["/file"])
        try disk.write(file, [1], at: 0)
        #expect(disk.coldFiles == [])
        try disk.synchronize(file)
        disk.flip("/file", bit: 3, at: 600)
        disk.cutPower(.losesAll)
        disk.restart()
        #expect(try contents(disk, "/file")[600] == 9)
    }

    @Test func oneSeedIsOneDisk() throws {
        func run(_ seed: UInt64) throws -> [UInt8] {
            var generator = Xoshiro256(seed: seed)
            let disk = disk(seed)
            var file = try disk.open("/file", .createNew)
            try disk.synchronizeDirectory("/")
            for _ in 0..<100 {
                let bytes = (0..<generator.inRange(1...900)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
                try disk.write(file, bytes, at: generator.below(4_000))
                if generator.chance(1, of: 5) { try disk.synchronize(file) }
                if generator.chance(1, of: 9) {
                    disk.cutPower(.losesSome)
                    disk.restart()
                    file = try disk.open("/file", .readWrite)
                }
            }
            return try contents(disk, "/file")
        }
        let seed = seed()
        #expect(try run(seed) == run(seed))
    }
}
