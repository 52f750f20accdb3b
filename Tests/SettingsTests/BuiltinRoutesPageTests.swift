import Testing

@testable import Settings

/// The page of the built-in lists shows the lists of the code, line by line.
@Suite struct BuiltinRoutesPageTests {
    @Test(arguments: BuiltinRoutes.allCases)
    func `A list's table is the list`(list: BuiltinRoutes) throws {
        let tables = try DocumentationPage("BuiltinRoutes").tables.filter { $0.heading == "`\(list.reference)`" }
        let shown = tables.filter { $0.header == ["route", "methods", "paths", "why"] }.flatMap(\.rows)
        let meant = list.parts.flatMap { part in
            part.lines.map { line in
                [
                    "`\(list.rawValue)\(part.suffix)`", codes(part.methods), codes(line.paths), line.reason,
                ]
            }
        }
        #expect(shown == meant)
        #expect(tables.filter { $0.header == ["not let by", "why"] }.flatMap(\.rows) == rows(list.excludedHere))
    }

    @Test func `What no list lets by is shown`() throws {
        let tables = try DocumentationPage("BuiltinRoutes").tables("paths", "why")
        #expect(tables.flatMap(\.rows) == rows(BuiltinRoutes.excludedEverywhere))
    }

    @Test func `The ceilings are those of the presets`() throws {
        let text = try DocumentationPage("BuiltinRoutes").text.replacing("\n", with: " ")
        func ceiling(_ preset: PolicySettings.Preset) -> UInt64 {
            PolicySettings(name: "x", preset: preset).ceiling[0].count
        }
        let figures = "(`site`: \(ceiling(.site)) a minute, `api`: \(ceiling(.api)), `strict`: \(ceiling(.strict)))"
        #expect(text.contains(figures))
    }

    @Test func `The page's configurations hold`() throws {
        let blocks = try DocumentationPage("BuiltinRoutes").text.components(separatedBy: "```yaml\n").dropFirst().map {
            String($0.components(separatedBy: "```")[0])
        }
        #expect(blocks.count == 2)
        #expect(try load(blocks[0]).warnings.map(\.description) == [])
        let rest = "  - { policy: default, upstream: app }\nupstreams: { app: { servers: [\"a:1\"] } }\n"
        #expect(try load("\(blocks[1])\(rest)policies: { partner: {} }\n").warnings.map(\.description) == [])
    }

    private func codes(_ words: [String]) -> String { words.map { "`\($0)`" }.joined(separator: ", ") }

    private func rows(_ lines: [BuiltinRoutes.Line]) -> [[String]] { lines.map { [codes($0.paths), $0.reason] } }
}
