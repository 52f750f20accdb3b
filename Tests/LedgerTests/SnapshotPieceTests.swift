import TestSupport
import Testing
import Wire

@testable import Ledger

@Suite("A snapshot in pieces") struct SnapshotPieceTests {
    /// A ledger that went through some batches.
    private func lived(_ seed: UInt64) -> Ledger {
        var generator = CommandGenerator(seed: seed)
        var ledger = Ledger(genesis: Fixture.genesis(maxRecords: 30))
        for index in 1...40 as ClosedRange<UInt64> {
            _ = ledger.apply(generator.batch(ledger.facts, index: index), index: index)
        }
        return ledger
    }

    /// One with tables of several arrays.
    private func large() -> Fixture {
        var fixture = Fixture([.free(minute, 10), .ceiling(second, 3)], maxKeys: 100_000)
        for key in 0..<UInt64(5_000) { fixture.charge([fixture.limitCharge(key), fixture.limitCharge(key, limit: 1)]) }
        for number in 0..<UInt64(2_000) { fixture.apply(fixture.spend(number, key: number), at: 0) }
        return fixture
    }

    private func slices(_ ledger: Ledger, bytes: Int) -> [[UInt8]] {
        var encoder = LedgerSnapshotEncoder(ledger)
        var slices: [[UInt8]] = []
        while let slice = encoder.next(bytes: bytes) { slices.append(slice) }
        return slices
    }

    @Test func slicesHaveTheLengthThatIsAskedForAndAreTheWhole() {
        for ledger in [lived(1), large().ledger] {
            let whole = ledger.snapshot()
            for bytes in [1, 100, 4_096, 65_536, 1 << 20] where whole.count / bytes < 20_000 {
                let slices = slices(ledger, bytes: bytes)
                #expect(slices.dropLast().allSatisfy { $0.count == bytes })
                #expect(slices.last.map { (1...bytes).contains($0.count) } == true)
                #expect(Array(slices.joined()) == whole)
            }
        }
    }

    @Test func whatIsAppliedBetweenTwoSlicesIsNotInThem() throws {
        var fixture = large()
        let before = fixture.ledger
        var encoder = LedgerSnapshotEncoder(fixture.ledger)
        var bytes: [UInt8] = []
        var time = 5 * second
        var count: UInt64 = 0
        while let slice = encoder.next(bytes: 10_000) {
            bytes += slice
            count += 1
            fixture.charge([fixture.limitCharge(count * 100), fixture.limitCharge(10_000 + count)], at: time)
            fixture.apply(fixture.spend(90_000 + count, issued: time), at: time)
            time += second / 10
        }
        #expect(count > 10)
        #expect(fixture.ledger.digest != before.digest)
        #expect(try Ledger(restoring: bytes).digest == before.digest)
    }

    @Test func piecesOfAnySizeMakeTheSameLedger() throws {
        let seed = seed()
        var random = Seeded(seed)
        for run in 0..<60 as Range<UInt64> {
            let ledger = lived(seed &+ run)
            let bytes = ledger.snapshot()
            let longest = random.pick([1, 20, 300, 5_000])
            var decoder = LedgerSnapshotDecoder(bytes: bytes.count)
            var begin = 0
            while begin < bytes.count {
                let end = min(bytes.count, begin + Int(random.below(UInt64(longest) + 1)))
                try decoder.take(Array(bytes[begin..<end]))
                begin = end
            }
            let restored = try decoder.finish()
            #expect(restored.digest == ledger.digest, "seed \(seed), run \(run)")
            #expect(restored.snapshot().count == bytes.count)
        }
        let ledger = large().ledger
        var decoder = LedgerSnapshotDecoder(bytes: ledger.snapshot().count)
        for slice in slices(ledger, bytes: 50_000) { try decoder.take(slice) }
        #expect(try decoder.finish().digest == ledger.digest)
    }

    @Test func wrongBytesAreRefusedInPiecesAsInOnePiece() {
        let seed = seed()
        var random = Seeded(seed)
        var refused = 0
        for run in 0..<40 as Range<UInt64> {
            let snapshot = lived(seed &+ run).snapshot()
            for _ in 0..<40 {
                var bytes = snapshot
                bytes[Int(random.below(UInt64(bytes.count)))] ^= 1 << UInt8(random.below(8))
                if random.oneIn(4) { bytes.removeLast(Int(random.below(30))) }
                if random.oneIn(4) { bytes += [UInt8](repeating: 0, count: Int(random.below(9))) }
                let whole = (try? Ledger(restoring: bytes)) != nil
                let piece = Int(1 + random.below(200))
                var decoder = LedgerSnapshotDecoder(bytes: bytes.count)
                var isRead = true
                do {
                    for begin in stride(from: 0, to: bytes.count, by: piece) {
                        try decoder.take(Array(bytes[begin..<min(begin + piece, bytes.count)]))
                    }
                    _ = try decoder.finish()
                } catch {
                    isRead = false
                }
                #expect(isRead == whole, "seed \(seed), run \(run)")
                refused += isRead ? 0 : 1
            }
        }
        #expect(refused > 1_000)
    }

    @Test func whatDoesNotEndIsNoLedger() throws {
        let bytes = lived(3).snapshot()
        // A length that nothing has: no count in the bytes may be believed for it.
        var endless = LedgerSnapshotDecoder(bytes: .max)
        #expect(throws: LedgerDecodingError.self) {
            try endless.take(bytes)
            _ = try endless.finish()
        }
        var short = LedgerSnapshotDecoder(bytes: bytes.count)
        try short.take(Array(bytes.dropLast()))
        #expect(throws: LedgerDecodingError.malformed(.truncated(needed: 1, available: 0))) { try short.finish() }
        #expect(throws: LedgerDecodingError.malformed(.trailingBytes(count: 1))) { try short.take([0, 0]) }
        var empty = LedgerSnapshotDecoder(bytes: 0)
        #expect(throws: LedgerDecodingError.self) { try empty.finish() }
        #expect(throws: LedgerDecodingError.self) { try empty.take([]) }
    }

    /// Of what is shared with a copy no write copies more than 64 KiB.
    @Test func noArrayIsLargerThanACopyMayCost() {
        let tables = large().ledger.policies[0].limits
        for table in tables { #expect(table.keys.largestArrayBytes <= 65_536) }
    }
}
