import Foundation
import Testing

@testable import Settings

@Suite struct ReadmeTests {
    /// What a newcomer copies first must hold, and must not warn.
    @Test func `The README's configurations hold without a warning`() throws {
        let readme = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../README.md")
        let text = try String(contentsOf: readme.standardizedFileURL, encoding: .utf8)
        let blocks = text.components(separatedBy: "```yaml\n").dropFirst().map {
            String($0.components(separatedBy: "```")[0])
        }
        let files = ["/etc/a.pem": "certificate", "/etc/a.key": "key", "/etc/ca.pem": "authority"]
        let loaded = try blocks.map { try load($0, files: files) }
        #expect(loaded.flatMap(\.warnings).map(\.description) == [])
        // One that shows most of what there is, one for a node of three, and one for a proxy that is already there.
        #expect(loaded.map(\.configuration.policies.count) == [2, 1, 1])
        #expect(loaded.map { $0.configuration.membership?.seeds.count } == [nil, 3, nil])
        #expect(loaded.map { $0.configuration.listeners.map(\.mode) } == [[.proxy], [.proxy], [.check(.nginx)]])
    }
}
