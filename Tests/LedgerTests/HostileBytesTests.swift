import TestSupport
import Testing
import Wire

@testable import Ledger

@Suite struct HostileBytesTests {
    /// Bytes with a few things wrong.
    private func mutated(_ bytes: [UInt8], _ random: inout Seeded) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.below(3) where bytes.count > 1 {
            let place = Int(random.below(UInt64(bytes.count)))
            switch random.below(8) {
            case 0: bytes.remove(at: place)
            case 1: bytes.insert(UInt8(random.below(256)), at: place)
            case 2: bytes.removeLast(min(bytes.count - 1, Int(random.below(20))))
            case 3:
                let other = Int(random.below(UInt64(bytes.count)))
                let length = min(Int(random.below(40)), bytes.count - max(place, other))
                bytes.replaceSubrange(place..<place + length, with: Array(bytes[other..<other + length]))
            case 4:
                // A number at the edge of what there is.
                let edge = random.pick([0, 1, .max, 1 << 63, 1 << 62, (1 << 62) + 1, 0xFFFF_FFFF] as [UInt64])
                for byte in 0..<min(8, bytes.count - place) {
                    bytes[place + byte] = UInt8(truncatingIfNeeded: edge >> UInt64(56 - 8 * byte))
                }
            default: bytes[place] ^= 1 << UInt8(random.below(8))
            }
        }
        return bytes
    }

    /// A ledger that went through some batches, and they.
    private func lived(_ seed: UInt64, batches count: UInt64) -> (ledger: Ledger, batches: [Batch]) {
        var generator = CommandGenerator(seed: seed)
        var ledger = Ledger(genesis: Fixture.genesis(maxRecords: 30))
        var batches: [Batch] = []
        for index in 1...count {
            batches.append(generator.batch(ledger.facts, index: index))
            _ = ledger.apply(batches[batches.count - 1], index: index)
        }
        return (ledger, batches)
    }

    @Test func mutatedBatchesAreRefusedOrMeanExactlyWhatTheySay() {
        let seed = seed()
        var random = Seeded(seed)
        var read = 0
        for run in 0..<60 {
            let batches = lived(seed &+ UInt64(run), batches: 30).batches.filter(\.isWithinBounds)
            for _ in 0..<200 {
                let bytes = mutated(random.pick(batches).encode(), &random)
                do {
                    let batch = try Batch(decoding: bytes)
                    read += 1
                    #expect(batch.encode() == bytes, "two forms of one batch: seed \(seed), run \(run)")
                    #expect(batch.isWithinBounds)
                } catch {
                    // Any of the typed errors will do: that it is one is what the compiler saw to.
                }
            }
        }
        #expect(read > 100, "the mutations must not all be refused, or nothing was tried")
    }

    @Test func mutatedBatchesThatCanBeReadCanBeApplied() throws {
        let seed = seed()
        var random = Seeded(seed)
        for run in 0..<60 {
            var (ledger, batches) = lived(seed &+ UInt64(run), batches: 30)
            batches = batches.filter(\.isWithinBounds)
            for _ in 0..<150 {
                guard let batch = try? Batch(decoding: mutated(random.pick(batches).encode(), &random)) else {
                    continue
                }
                let results = ledger.apply(batch, index: ledger.lastIndex + 1)
                #expect(results.count == batch.commands.count)
            }
            #expect(try Ledger(restoring: ledger.snapshot()).digest == ledger.digest, "seed \(seed), run \(run)")
        }
    }

    @Test func everyShorterSnapshotAndBatchIsRefused() {
        let (ledger, batches) = lived(4, batches: 25)
        let snapshot = ledger.snapshot()
        for count in 0..<snapshot.count {
            #expect(throws: LedgerDecodingError.self) { try Ledger(restoring: Array(snapshot.prefix(count))) }
        }
        let batch = batches.max { $0.commands.count < $1.commands.count }!.encode()
        for count in 0..<batch.count {
            #expect(throws: LedgerDecodingError.self) { try Batch(decoding: Array(batch.prefix(count))) }
        }
        #expect(throws: LedgerDecodingError.malformed(.trailingBytes(count: 1))) {
            try Ledger(restoring: snapshot + [0])
        }
        #expect(throws: LedgerDecodingError.malformed(.trailingBytes(count: 1))) { try Batch(decoding: batch + [0]) }
    }

    @Test func aFlippedBitAnywhereInASnapshotIsSeen() {
        let snapshot = lived(5, batches: 25).ledger.snapshot()
        for place in snapshot.indices {
            var bytes = snapshot
            bytes[place] ^= UInt8(1 << (place % 8))
            #expect(throws: LedgerDecodingError.self, "byte \(place)") { try Ledger(restoring: bytes) }
        }
    }

    @Test func aSnapshotWithARightDigestCanStillBreakNothing() throws {
        // Who can write a snapshot can write its digest: what the other checks let through must be safe to go on with.
        let seed = seed()
        var random = Seeded(seed)
        var accepted = 0
        for run in 0..<40 {
            let (ledger, _) = lived(seed &+ UInt64(run), batches: 40)
            let snapshot = ledger.snapshot()
            var generator = CommandGenerator(seed: seed &+ UInt64(run))
            for _ in 0..<100 {
                let bytes = mutated(snapshot, &random)
                guard var wrong = try? Ledger(restoring: bytes, checkingDigest: false), wrong.lastIndex < 1 << 63 else {
                    continue
                }
                accepted += 1
                for _ in 0..<6 {
                    let index = wrong.lastIndex + 1
                    _ = wrong.apply(generator.batch(wrong.facts, index: index), index: index)
                }
                let again = try Ledger(restoring: wrong.snapshot())
                #expect(again.digest == wrong.digest, "seed \(seed), run \(run)")
            }
        }
        #expect(accepted > 100, "the mutations must not all be refused, or nothing was tried")
    }

    /// A batch of one command whose bytes after session, sequence and floor are given.
    private func batch(_ command: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Batch.formatVersion)
        writer.write(UInt64(0))
        writer.write(UInt32(1))
        for _ in 0..<3 { writer.write(UInt64(1)) }
        writer.write(raw: command)
        return writer.bytes
    }

    @Test func knownAndUnknownCommandsAreToldApart() throws {
        let version = UInt8(1)
        #expect(try Batch(decoding: batch([8, version, 0, 0, 0, 2])).commands[0].command == .raiseVersion(to: 2))
        let admitted = try Batch(decoding: batch([11, version, 0, 0, 0, 0, 0, 0, 0, 0])).commands[0].command
        #expect(admitted == .report(AdmissionReport(policy: PolicyID(rawValue: 0), counts: [])))
        let report = try Batch(decoding: batch([12, version, 0, 0, 0, 0])).commands[0].command
        #expect(report == .record(IssueReport(counts: [])))
        for tag in [0, 15, 255] as [UInt8] {
            #expect(throws: LedgerDecodingError.unknownCommand(tag: tag)) {
                try Batch(decoding: batch([tag, version, 0, 0, 0, 0]))
            }
        }
        for tag in UInt8(1)...14 where tag != 4 && tag != 6 {
            #expect(throws: LedgerDecodingError.unsupportedCommand(tag: tag, version: 2)) {
                try Batch(decoding: batch([tag, 2, 0, 0, 0, 0]))
            }
        }
        for tag in [4, 6] as [UInt8] {
            #expect(throws: LedgerDecodingError.unsupportedCommand(tag: tag, version: 3)) {
                try Batch(decoding: batch([tag, 3, 0, 0, 0, 0]))
            }
        }
    }

    @Test func formatsOfOtherReleasesAreToldApart() {
        #expect(throws: LedgerDecodingError.unsupportedFormat(2)) { try Batch(decoding: [2, 0, 0]) }
        #expect(throws: LedgerDecodingError.unsupportedFormat(3)) { try Ledger(restoring: [3, 0, 0]) }
        #expect(throws: LedgerDecodingError.unsupportedFormat(0)) { try Ledger(restoring: [0, 0, 0]) }
        #expect(throws: LedgerDecodingError.malformed(.truncated(needed: 1, available: 0))) {
            try Ledger(restoring: [])
        }
    }

    @Test func sizesAreBounded() throws {
        let bytes = [UInt8](repeating: 0, count: LedgerBounds.batchBytes + 1)
        #expect(throws: LedgerDecodingError.tooLarge(bytes: bytes.count)) { try Batch(decoding: bytes) }
        let command = SequencedCommand(
            session: SessionID(rawValue: 1),
            sequence: 1,
            floor: 1,
            command: .raiseVersion(to: 1)
        )
        let most = Batch(time: .zero, commands: Array(repeating: command, count: LedgerBounds.batchCommands))
        #expect(most.isWithinBounds)
        #expect(try Batch(decoding: most.encode()) == most)
        let more = Batch(time: .zero, commands: most.commands + [command])
        #expect(!more.isWithinBounds)
        #expect(throws: LedgerDecodingError.malformed(.tooLong(length: 65_537, limit: 65_536))) {
            try Batch(decoding: more.encode())
        }
        // Each command within its bounds, all of them together not.
        let limit = LimitDefinition.free(1, 1, key: String(repeating: "k", count: 256))
        let policies = (0..<256).map {
            PolicyDefinition(name: "\($0)", maxKeys: 1, limits: Array(repeating: limit, count: 16))
        }
        var long = command
        long.command = .setPolicies(expectedRevision: 0, policies: policies)
        #expect(Batch(time: .zero, commands: Array(repeating: long, count: 14)).isWithinBounds)
        let tooLong = Batch(time: .zero, commands: Array(repeating: long, count: 15))
        #expect(!tooLong.isWithinBounds)
        #expect(throws: LedgerDecodingError.tooLarge(bytes: tooLong.encode().count)) {
            try Batch(decoding: tooLong.encode())
        }
    }

    @Test func aTimeHasOneForm() {
        var bytes = Batch(time: .maximum, commands: []).encode()
        #expect((try? Batch(decoding: bytes))?.time == .maximum)
        bytes[8] = 1
        #expect(throws: LedgerDecodingError.invalid(field: "time")) { try Batch(decoding: bytes) }
    }
}
