import Testing

@testable import Gateway

/// What holds of every path, whoever writes it.
@Suite struct NormalizedPathPropertyTests {
    /// Pieces from which hostile paths are made.
    private static let pieces = [
        "/", "/", "/", "//", ".", "..", "/..", "/../", "/.", "%2e", "%2E", "%2f", "%2F", "%5c", "%00", "%25", "%252e",
        "%252f", "%c3%a9", "%", "%4", "%41", "a", "b", "secret", ";", "?", "#", "\\", " ", "é", "~", "..;", "%3b",
        "%ff", "%c0%af",
        "%c0%ae",
    ]

    private static func example(_ generator: inout SeededGenerator) -> [UInt8] {
        switch generator.below(3) {
        case 0: [0x2F] + generator.bytes(generator.below(40))
        case 1: Array(("/" + generator.joined(pieces, upTo: 14)).utf8)
        default: generator.mutated(Array(("/" + generator.joined(pieces, upTo: 10)).utf8))
        }
    }

    @Test func twentyThousandHostilePathsKeepWhatIsPromised() {
        var generator = SeededGenerator.printed()
        var accepted = 0
        for _ in 0..<20_000 {
            let input = Self.example(&generator)
            guard let path = try? NormalizedPathTests.normalize(input) else { continue }
            accepted += 1
            check(path, input)
        }
        // The examples reach what is accepted as well as what is refused.
        #expect((2_000..<18_000).contains(accepted))
    }

    private func check(_ path: NormalizedPath, _ input: [UInt8]) {
        let comment = Comment(rawValue: "\(text(input)) \(input)")
        for reading in [path.forwarded, path.matched] + (path.alternative.map { [$0] } ?? []) {
            #expect(reading.first == 0x2F, comment)
            let segments = reading.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false)
            #expect(!segments.contains { $0.elementsEqual([0x2E, 0x2E]) }, "a segment climbs: \(input)")
            #expect(!segments.contains { $0.elementsEqual([0x2E]) }, "a segment stands: \(input)")
            // Only the last segment may be empty: a path that ends with a slash.
            #expect(!segments.dropLast().contains { $0.isEmpty }, "a doubled slash: \(input)")
            #expect(!reading.contains { $0 < 0x20 || $0 == 0x7F || $0 == 0x5C }, comment)
        }
        // What is forwarded is what was matched: the next gateway, or this one again, finds nothing to change.
        let again = try? NormalizedPathTests.normalize(path.forwarded)
        #expect(again?.forwarded == path.forwarded, comment)
        #expect(again?.matched == path.matched, comment)
        #expect((again?.alternative ?? again?.matched) == (path.alternative ?? path.matched), comment)
        #expect(isCanonicallyEncoded(path.forwarded), comment)
        #expect(path.forwarded.count <= input.count, "longer than what came: \(input)")
    }

    /// Every percent sign begins two upper-case digits, of a byte that is not unreserved.
    private func isCanonicallyEncoded(_ path: [UInt8]) -> Bool {
        var index = 0
        while index < path.count {
            guard path[index] == 0x25 else {
                index += 1
                continue
            }
            guard index + 2 < path.count, let high = ASCII.upperHex.firstIndex(of: path[index + 1]),
                let low = ASCII.upperHex.firstIndex(of: path[index + 2]), !ASCII.isUnreserved(UInt8(high << 4 | low))
            else { return false }
            index += 3
        }
        return true
    }

    /// The resolution of dots and slashes against the algorithm of RFC 3986 section 5.2.4, written the other way round: a
    /// stack of segments.
    @Test func plainSegmentsResolveAsAStackDoes() {
        var generator = SeededGenerator.printed()
        for _ in 0..<5_000 {
            let segments = (0..<1 + generator.below(8)).map { _ in generator.pick(["a", "b", ".", "..", "", "c.d"]) }
            let path = "/" + segments.joined(separator: "/")
            var stack: [String] = []
            var climbs = false
            for segment in segments {
                if segment == ".." {
                    if stack.popLast() == nil { climbs = true }
                } else if segment != ".", !segment.isEmpty {
                    stack.append(segment)
                }
            }
            let isFolder = [".", "..", ""].contains(segments.last)
            let expected = "/" + stack.joined(separator: "/") + (isFolder && !stack.isEmpty ? "/" : "")
            let result = try? NormalizedPathTests.normalize(path)
            #expect(result.map { text($0.forwarded) } == (climbs ? nil : expected), "\(path)")
        }
    }
}
