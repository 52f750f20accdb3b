import Raft
import TestSupport
import Testing

@testable import RaftStorage

/// What the storage knows of its entries without having them, against a plain list.
@Suite struct LogExtentTests {
    /// Each entry with the segment that it is in.
    private struct Plain {
        var base = LogPosition.zero
        var entries: [(position: LogPosition, segment: UInt64)] = []
        var segments: [UInt64] = []

        var last: LogPosition { entries.last?.position ?? base }
    }

    @Test func knowsTermsAndWhichSegmentsAreNeeded() {
        var random = Seeded(seed())
        for _ in 0..<200 {
            var extent = LogExtent(after: .zero)
            var plain = Plain()
            var term: UInt64 = 1
            for number in 1...60 as ClosedRange<UInt64> {
                if number == 1 || random.oneIn(6) {
                    extent.began(segment: number)
                    plain.segments.append(number)
                }
                switch random.below(12) {
                case 0:
                    term += 1
                    let position = Fixture.position(term, plain.last.index.rawValue + random.below(5))
                    extent.reset(to: position)
                    plain.base = position
                    plain.entries = []
                case 1:
                    let floor = LogIndex(plain.base.index.rawValue + 1 + random.below(8))
                    while let removed = extent.segmentToRemove(below: floor) {
                        #expect(removed == plain.segments.removeFirst())
                        #expect(!plain.entries.contains { $0.segment == removed && $0.position.index >= floor })
                        extent.removeSegment()
                        if let gone = plain.entries.last(where: { $0.segment == removed })?.position {
                            plain.base = gone
                            plain.entries.removeAll { $0.position.index <= gone.index }
                        }
                    }
                    // The next one is needed, or the last one.
                    let oldest = plain.segments[0]
                    #expect(
                        plain.segments.count == 1
                            || plain.entries.contains { $0.segment == oldest && $0.position.index >= floor }
                    )
                default:
                    if random.oneIn(4) { term += 1 }
                    var index = plain.last.index.rawValue + 1
                    if random.oneIn(5) {
                        index = max(plain.base.index.rawValue + 1, index - min(index, random.below(6)))
                    }
                    let position = Fixture.position(term, index)
                    extent.append(position)
                    plain.entries.removeAll { $0.position.index >= position.index }
                    plain.entries.append((position, plain.segments[plain.segments.count - 1]))
                }
                #expect(extent.last == plain.last)
                #expect(extent.first == plain.base.index + 1)
                for (position, _) in plain.entries { #expect(extent.term(at: position.index) == position.term) }
                #expect(extent.term(at: plain.base.index) == nil)
                #expect(extent.term(at: plain.last.index + 1) == nil)
            }
        }
    }

    /// A step for each segment at each entry took minutes.
    @Test(.timeLimit(.minutes(1))) func anEntryCostsNoMoreWhereThereAreManySegments() {
        var extent = LogExtent(after: .zero)
        for number in 1...20_000 as ClosedRange<UInt64> {
            extent.began(segment: number)
            // One entry and forty that replace it.
            for _ in 0...40 { extent.append(Fixture.position(number, number)) }
        }
        #expect(extent.segments.count == 20_000)
        #expect(extent.segmentToRemove(below: LogIndex(2)) == 1)
        #expect(extent.segmentToRemove(below: LogIndex(1)) == nil)
    }
}
