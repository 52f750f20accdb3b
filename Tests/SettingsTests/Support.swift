import Testing

@testable import Settings

/// xoshiro256**, seeded by splitmix64 (Blackman and Vigna): tests that draw at random print the seed and can be
/// repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init(seed: UInt64) {
        var seed = seed
        func next() -> UInt64 {
            seed &+= 0x9E37_79B9_7F4A_7C15
            var mixed = seed
            mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
        state = (next(), next(), next(), next())
    }

    mutating func next() -> UInt64 {
        func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
        let result = rotated(state.1 &* 5, 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = rotated(state.3, 45)
        return result
    }
}

/// A fresh seed, printed so that a failure can be repeated by returning it from here.
func printedSeed(_ test: String = #function) -> UInt64 {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("\(test): seed \(seed)")
    return seed
}

/// An environment of these files and variables and nothing else. Those whose name ends in `.token` or `.key` are readable by their owner only.
func environment(_ files: [String: String] = [:], hostName: String = "host-1", variables: [String: String] = [:])
    -> LoadingEnvironment
{
    @Sendable func read(_ path: String, _ byteLimit: Int) throws(LoadingEnvironment.FileFault) -> [UInt8] {
        guard let text = files[path] else { throw .init(message: "does not exist", remedy: "create it") }
        guard text.utf8.count <= byteLimit else { throw .init(message: "is too large", remedy: "make it smaller") }
        return Array(text.utf8)
    }
    @Sendable func readSecret(_ path: String, _ byteLimit: Int) throws(LoadingEnvironment.FileFault) -> [UInt8] {
        guard path.hasSuffix(".token") || path.hasSuffix(".key") || files[path] == nil else {
            throw .init(message: "may be read by others", remedy: "change its mode")
        }
        return try read(path, byteLimit)
    }
    return LoadingEnvironment(hostName: hostName, readFile: read, readSecretFile: readSecret) { variables[$0] }
}

/// The configuration in `text`, with what is wrong recorded as the test's failure.
func load(_ text: String, files: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation) throws
    -> LoadedConfiguration
{
    do {
        return try Configuration.parse(text: text, file: "/etc/t.yaml", environment: environment(files))
    } catch {
        Issue.record("\(error)", sourceLocation: sourceLocation)
        throw error
    }
}

/// What is wrong with `text`; nothing if it holds.
func problems(_ text: String, files: [String: String] = [:]) -> [ConfigurationProblem] {
    do {
        _ = try Configuration.parse(text: text, file: "/etc/t.yaml", environment: environment(files))
        return []
    } catch {
        return error.problems
    }
}

/// A file with a fault, and what is said about it.
struct Fault: Sendable, CustomTestStringConvertible {
    /// The file. Where `¶` stands is where the fault must be reported; it is removed before reading.
    var text: String
    /// What the message contains.
    var message: String
    /// What the remedy contains.
    var remedy: String

    init(_ text: String, _ message: String, _ remedy: String) {
        self.text = text
        self.message = message
        self.remedy = remedy
    }

    var testDescription: String { message }

    /// Line and column of the mark, from 1, and the text without it.
    var parts: (text: String, line: Int, column: Int) {
        var line = 1
        var column = 1
        var found = (line: 0, column: 0)
        var rest = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar == "¶" {
                found = (line, column)
                continue
            }
            rest.append(scalar)
            (line, column) = scalar == "\n" ? (line + 1, 1) : (line, column + 1)
        }
        return (String(rest), found.line, found.column)
    }
}

/// Asserts that `fault` is the one problem of its file, reported where its mark stands.
func expectOnly(_ fault: Fault, files: [String: String] = [:], sourceLocation: SourceLocation = #_sourceLocation) {
    let (text, line, column) = fault.parts
    let found = problems(text, files: files)
    let shown = Comment(rawValue: found.map(\.description).joined(separator: "\n"))
    #expect(found.count == 1, shown, sourceLocation: sourceLocation)
    guard let problem = found.first else { return }
    #expect(problem.message.contains(fault.message), shown, sourceLocation: sourceLocation)
    #expect(problem.remedy.contains(fault.remedy), shown, sourceLocation: sourceLocation)
    #expect(problem.file == "/etc/t.yaml", sourceLocation: sourceLocation)
    #expect((problem.line, problem.column) == (line, column), shown, sourceLocation: sourceLocation)
    // An error is one line, whatever it quotes.
    #expect(!problem.description.contains("\n"), sourceLocation: sourceLocation)
}

/// Asserts that the file holds, and that `doubt` is its one warning.
func expectWarning(_ doubt: Fault, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let (text, line, column) = doubt.parts
    let warnings = try load(text, sourceLocation: sourceLocation).warnings
    let shown = Comment(rawValue: warnings.map(\.description).joined(separator: "\n"))
    #expect(warnings.count == 1, shown, sourceLocation: sourceLocation)
    guard let warning = warnings.first else { return }
    #expect(warning.message.contains(doubt.message), shown, sourceLocation: sourceLocation)
    #expect(warning.remedy.contains(doubt.remedy), shown, sourceLocation: sourceLocation)
    #expect((warning.line, warning.column) == (line, column), shown, sourceLocation: sourceLocation)
}

/// A file with these routes, an upstream and the policies `api` and `default`.
func routesFile(_ text: String) -> String {
    "upstreams: { app: { servers: [\"127.0.0.1:3000\"] } }\npolicies: { api: { preset: api } }\nroutes:\n\(text)\n  - { name: last, policy: api }\n"
}
