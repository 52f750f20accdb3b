import Foundation
import Testing

@testable import Settings

@Suite struct ReadmeTests {
    /// What a newcomer copies first must hold, and must not warn.
    @Test func theReadmesConfigurationHoldsWithoutAWarning() throws {
        let readme = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../README.md")
        let text = try String(contentsOf: readme.standardizedFileURL, encoding: .utf8)
        let parts = text.components(separatedBy: "```yaml\n")
        #expect(parts.count == 2)
        let yaml = try #require(parts.last?.components(separatedBy: "```").first)
        let loaded = try Configuration.parse(text: yaml, file: "README.md")
        #expect(loaded.warnings.map(\.description) == [])
        #expect(loaded.configuration.policies.count == 2)
    }
}
