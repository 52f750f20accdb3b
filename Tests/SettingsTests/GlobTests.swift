import Testing

@testable import Settings

@Suite struct GlobTests {
    @Test(arguments: [
        ("", "", true), ("", "a", false), ("a", "a", true), ("a", "A", false), ("*", "", true),
        ("*", "anything/at all", true), ("**", "", true),
        ("/v1/*", "/v1/", true), ("/v1/*", "/v1/a/b", true), ("/v1/*", "/v1", false),
        ("*.example.com", "a.example.com", true),
        ("*.example.com", "example.com", false), ("*.example.com", "a.example.com.evil", false),
        ("ab*ba", "aba", false), ("ab*ba", "abba", true),
        ("a*b*c", "a-b-b-c", true), ("a*b*c", "a-c-b", false), ("*aab*", "aaab", true), ("*abab*ab", "ababab", true),
        ("*abab*ab", "abab", false),
        ("*curl/*", "Mozilla curl/8.0", true), ("a?c", "abc", false), ("a?c", "a?c", true), ("[ab]", "a", false),
    ])
    func `A pattern matches`(pattern: String, input: String, matches: Bool) {
        #expect(Glob(pattern).matches(input) == matches)
    }

    /// The definition, letter by letter, with a table instead of exponential recursion.
    private func slowMatches(_ pattern: [UInt8], _ input: [UInt8]) -> Bool {
        var reachable = Array(repeating: false, count: input.count + 1)
        reachable[0] = true
        for byte in pattern {
            var next = Array(repeating: false, count: input.count + 1)
            for index in 0...input.count {
                if byte == UInt8(ascii: "*") {
                    next[index] = reachable[index] || (index > 0 && next[index - 1])
                } else if index > 0 {
                    next[index] = reachable[index - 1] && input[index - 1] == byte
                }
            }
            reachable = next
        }
        return reachable[input.count]
    }

    @Test func `Matching agrees with the definition`() {
        var random = SeededGenerator(seed: printedSeed())
        var hits = 0
        for _ in 0..<60_000 {
            let pattern = (0..<Int.random(in: 0...9, using: &random)).map { _ in
                Array("ab*".utf8).randomElement(using: &random)!
            }
            let input = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                Array("ab".utf8).randomElement(using: &random)!
            }
            let glob = Glob(String(decoding: pattern, as: UTF8.self))
            let expected = slowMatches(pattern, input)
            hits += expected ? 1 : 0
            #expect(
                input.withUnsafeBytes(glob.matches) == expected,
                "\(glob.pattern) \(String(decoding: input, as: UTF8.self))"
            )
        }
        #expect(hits > 2_000)
    }

    @Test func `A pattern made to backtrack is answered`() {
        // With backtracking this is 2^30 steps and more; the test would not end.
        let pattern = String(repeating: "a*", count: 500) + "b"
        let input = [UInt8](repeating: UInt8(ascii: "a"), count: 65_536)
        #expect(!input.withUnsafeBytes(Glob(pattern).matches))
        let needle = "*" + String(repeating: "a", count: 1_000) + "b*"
        #expect(!input.withUnsafeBytes(Glob(needle).matches))
    }

    @Test func `Bytes that are no text are compared as bytes`() {
        let input: [UInt8] = [0x2F, 0x00, 0xFF, 0xC3]
        #expect(input.withUnsafeBytes(Glob("/*").matches))
        #expect(!input.withUnsafeBytes(Glob("/*é").matches))
    }

    @Test func `Only stars match everything`() {
        #expect(Glob("*").matchesEverything)
        #expect(Glob("***").matchesEverything)
        #expect(!Glob("").matchesEverything)
        #expect(!Glob("*a*").matchesEverything)
        #expect(!Glob("/*").matchesEverything)
    }
}
