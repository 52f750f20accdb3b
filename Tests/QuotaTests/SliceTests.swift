import Foundation
import Ledger
import Quota
import Synchronization
import TestSupport
import Testing

@Suite struct SliceTests {
    @Test func unitsAreTakenAllOrNone() {
        let slice = Slice(units: 10)
        #expect(slice.take(4))
        #expect(!slice.take(7))
        #expect(slice.left == 6)
        #expect(slice.take(6))
        #expect(!slice.take(1))
        #expect(slice.left == 0)
    }

    @Test func noNumberFromOutsideMintsUnits() {
        let slice = Slice(units: .max)
        #expect(slice.units == Slice.unitsMax)
        #expect(!slice.take(.max))
        #expect(!slice.take(Slice.unitsMax + 1))
        #expect(slice.take(Slice.unitsMax))
        #expect(!slice.take(1))
        #expect(slice.seal() == 0)
    }

    @Test func aSealIsTheEnd() {
        let slice = Slice(units: 10)
        #expect(slice.reserve(3))
        #expect(slice.seal() == 7)
        #expect(slice.seal() == 0)
        #expect(!slice.take(1))
        #expect(!slice.reserve(1))
        #expect(!slice.putBack(3))
        #expect(!slice.hasReservations)
        #expect(slice.left == 0)
    }

    @Test func reservationsComeBackToAStoppedSliceUntilItIsSealed() {
        let slice = Slice(units: 10)
        #expect(slice.reserve(3))
        #expect(slice.reserve(2))
        slice.stop()
        #expect(!slice.take(1))
        #expect(slice.hasReservations)
        #expect(slice.putBack(3))
        slice.keep()
        #expect(!slice.hasReservations)
        #expect(slice.seal() == 8)
    }

    @Test func itTurnsLowOnce() {
        let slice = Slice(units: 8)
        #expect(slice.take(5))
        #expect(!slice.turnsLow())
        #expect(slice.take(1))
        #expect(slice.turnsLow())
        #expect(!slice.turnsLow())
        #expect(slice.take(2))
        #expect(!slice.turnsLow())
    }

    @Test func aStoppedSliceDoesNotTurnLow() {
        let slice = Slice(units: 8)
        #expect(slice.take(8))
        slice.stop()
        #expect(!slice.turnsLow())
    }

    @Test func itIsOpenUntilItsEnd() {
        let slice = Slice(units: 8, stopsAt: 100)
        #expect(slice.isOpen(at: 99))
        #expect(!slice.isOpen(at: 100))
        slice.stop()
        #expect(!slice.isOpen(at: 0))
    }

    /// What four threads have taken, and what the seal found, is what was lent.
    @Test func threadsNeverTakeMoreThanWasLentNorLose() {
        var random = Seeded(seed())
        for _ in 0..<runs(20) {
            let units = 1_000 + random.below(20_000)
            let slice = Slice(units: units)
            let taken = Atomic<UInt64>(0)
            let lows = Atomic<UInt64>(0)
            inThreads(4, seed: random.next()) { random in
                for _ in 0..<4_000 {
                    let count = random.below(4)
                    if random.oneIn(3) {
                        guard slice.reserve(count) else { continue }
                        if random.oneIn(2) {
                            slice.putBack(count)
                        } else {
                            slice.keep()
                            taken.add(count, ordering: .relaxed)
                        }
                    } else if slice.take(count) {
                        taken.add(count, ordering: .relaxed)
                    }
                    if slice.turnsLow() { lows.add(1, ordering: .relaxed) }
                }
            }
            #expect(taken.load(ordering: .relaxed) + slice.left == units)
            #expect(lows.load(ordering: .relaxed) == (slice.left <= units / 4 ? 1 : 0))
            #expect(!slice.hasReservations)
            #expect(slice.seal() + taken.load(ordering: .relaxed) == units)
        }
    }

    /// One thread seals while others take and put back: what the seal says is what nobody has had. Reservations that are put
    /// back too late are the only units that are lost, and that is told.
    @Test func aSealAmongThreadsIsExact() {
        var random = Seeded(seed())
        for _ in 0..<runs(50) {
            let units: UInt64 = 100_000
            let slice = Slice(units: units)
            let had = Atomic<UInt64>(0)
            let returned = Atomic<UInt64>(0)
            let sealing = random.below(2_000)
            let threads = Atomic<Int>(0)
            inThreads(4, seed: random.next()) { random in
                let isSealer = threads.add(1, ordering: .relaxed).oldValue == 0
                for round in 0..<3_000 {
                    if isSealer {
                        if round == sealing { returned.add(slice.seal(), ordering: .relaxed) }
                        continue
                    }
                    let count = random.below(4)
                    guard slice.reserve(count) else { continue }
                    if random.oneIn(2) || !slice.putBack(count) {
                        // Spent, or lost.
                        had.add(count, ordering: .relaxed)
                    }
                }
            }
            #expect(had.load(ordering: .relaxed) + returned.load(ordering: .relaxed) == units)
        }
    }

    /// Who stops first, and waits until nothing is reserved, loses nothing.
    @Test func aSealAfterTheReservationsLosesNothing() {
        var random = Seeded(seed())
        for _ in 0..<runs(50) {
            let units: UInt64 = 100_000
            let slice = Slice(units: units)
            let had = Atomic<UInt64>(0)
            let late = Atomic<UInt64>(0)
            let returned = Atomic<UInt64>(0)
            let threads = Atomic<Int>(0)
            inThreads(4, seed: random.next()) { random in
                if threads.add(1, ordering: .relaxed).oldValue == 0 {
                    slice.stop()
                    var patience = 100_000_000
                    while slice.hasReservations, patience > 0 { patience -= 1 }
                    if patience > 0 { returned.add(slice.seal(), ordering: .relaxed) }
                    return
                }
                for _ in 0..<1_000 {
                    let count = random.below(4)
                    guard slice.reserve(count) else { continue }
                    if random.oneIn(2) {
                        if !slice.putBack(count) { late.add(1, ordering: .relaxed) }
                    } else {
                        had.add(count, ordering: .relaxed)
                        slice.keep()
                    }
                }
            }
            #expect(late.load(ordering: .relaxed) == 0)
            #expect(had.load(ordering: .relaxed) + returned.load(ordering: .relaxed) == units)
        }
    }

    /// Runs something in so many threads at once, each with numbers of its own.
    private func inThreads(_ count: Int, seed: UInt64, _ body: @escaping @Sendable (inout Seeded) -> Void) {
        let done = DispatchSemaphore(value: 0)
        for number in 0..<count {
            Thread.detachNewThread {
                var random = Seeded(seed &+ UInt64(number))
                body(&random)
                done.signal()
            }
        }
        for _ in 0..<count { done.wait() }
    }
}
