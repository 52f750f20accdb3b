import TestSupport
import Testing

@testable import RaftStorage

/// What tells a torn record from a damaged one: a record's share of every sector has at least two bits set.
@Suite struct SectorLayoutTests {
    private static let payloads: [(count: Int, fill: UInt8?)] = {
        var payloads: [(Int, UInt8?)] = []
        for count in Array(0...40) + Array(425...520) + Array(980...1_030) + [5_000] {
            payloads.append((count, 0))
            payloads.append((count, nil))
        }
        return payloads
    }()

    /// Every place of a sector where a record can begin, every length of interest, zeros above all: they are the payload
    /// that has nothing of its own to give.
    @Test func everyShareOfASectorHasTwoBitsSetWhateverThePayload() {
        var random = Seeded(seed())
        for start in stride(from: 512, to: 1_024, by: 8) where SectorLayout.recordStart(atOrAfter: start) == start {
            for (count, fill) in Self.payloads {
                let payload = (0..<count).map { _ in fill ?? UInt8(truncatingIfNeeded: random.next()) }
                let entry = RecordContent.entry(Fixture.command(0, 0, payload))
                // The least that a header can have: sums that happen to be zero are not in anyone's hand, so they are
                // not counted on.
                var writer = RecordWriter(start: start, previous: 0, salt: 0, durable: 0)
                writer.append(entry)
                var file = [UInt8](repeating: 0, count: start) + writer.bytes
                file.replaceSubrange(start + 28..<start + 40, with: repeatElement(0, count: 12))
                #expect(file.count == SectorLayout.recordEnd(start: start, payloadBytes: count))
                var begin = start
                while begin < file.count {
                    let end = min(file.count, (begin / 512 + 1) * 512)
                    let bits = file[begin..<end].reduce(0) { $0 + $1.nonzeroBitCount }
                    #expect(bits >= 2, "record at \(start) of \(count) bytes, sector \(begin / 512)")
                    begin = end
                }
            }
        }
    }

    @Test func aPayloadComesBackFromBetweenItsMarkers() {
        var random = Seeded(seed())
        for start in stride(from: 512, to: 1_024, by: 8) where SectorLayout.recordStart(atOrAfter: start) == start {
            for (count, fill) in Self.payloads {
                let payload = (0..<count).map { _ in fill ?? UInt8(truncatingIfNeeded: random.next()) }
                var bytes = [UInt8](repeating: 0, count: start + SectorLayout.headerBytes)
                payload.withUnsafeBytes { SectorLayout.append($0, to: &bytes, at: bytes.count) }
                let found = bytes.withUnsafeBytes {
                    SectorLayout.payload(of: $0, at: start + SectorLayout.headerBytes, count: count)
                }
                #expect(found == payload)
            }
        }
    }

    @Test func aHeaderLiesWithinOneSectorAndItsFirstByteIsNotAMarker() {
        for offset in 0..<2_048 {
            let start = SectorLayout.recordStart(atOrAfter: offset)
            #expect(start >= offset && start % 8 == 0)
            #expect(start / 512 == (start + SectorLayout.headerBytes - 1) / 512)
        }
        #expect(UInt8(RecordHeader.magic >> 8) != SectorLayout.marker)
        #expect(RecordHeader.magic.nonzeroBitCount > 2)
        #expect(SectorLayout.marker.nonzeroBitCount > 2)
    }

    @Test func findsWhatIsNotZero() {
        for length in 0..<40 {
            let zeros = [UInt8](repeating: 0, count: length)
            zeros.withUnsafeBytes {
                #expect(SectorLayout.firstNonZero($0, 0..<length) == nil)
                #expect(SectorLayout.endOfNonZero($0, 0..<length) == 0)
            }
            for place in 0..<length {
                var bytes = zeros
                bytes[place] = 1
                bytes.withUnsafeBytes {
                    #expect(SectorLayout.firstNonZero($0, 0..<length) == place)
                    #expect(SectorLayout.endOfNonZero($0, 0..<length) == place + 1)
                    #expect(SectorLayout.isZero($0, 0..<place))
                    #expect(SectorLayout.isZero($0, place + 1..<length))
                }
            }
        }
    }
}
