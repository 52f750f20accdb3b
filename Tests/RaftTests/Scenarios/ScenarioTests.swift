import Foundation
import Testing

/// Plays every file of the folder `Stories` beside this one.
///
/// With `TOLLGATE_REWRITE=1` in the environment, traces are not compared but written into the files; what changed is
/// for the reader of the difference to judge.
struct ScenarioTests {
    @Test(arguments: Story.all)
    func scenario(_ story: Story) throws {
        let rewrites = ProcessInfo.processInfo.environment["TOLLGATE_REWRITE"] == "1"
        var line = 0
        var runner: ScenarioRunner?
        do {
            let script = try ScenarioScript(String(contentsOfFile: story.path, encoding: .utf8))
            runner = ScenarioRunner(script)
            let text = try runner?.run(rewrites: rewrites) ?? ""
            if rewrites { try text.write(toFile: story.path, atomically: true, encoding: .utf8) }
        } catch let failure as ScenarioFailure {
            line = failure.line
            let nodes = runner?.group.nodes.map(\.text).joined(separator: "\n  ") ?? ""
            let trace = runner?.group.trace.suffix(20).joined(separator: "\n  ") ?? ""
            Issue.record(
                "\(story.name):\(line): \(failure.reason)\n  \(nodes)\n  before:\n  \(trace)",
                sourceLocation: SourceLocation(
                    fileID: "RaftTests/\(story.name)",
                    filePath: story.path,
                    line: max(1, line),
                    column: 1
                )
            )
        }
    }

    @Test func thereAreStories() { #expect(Story.all.count > 0) }
}

/// A file of the folder.
struct Story: CustomTestStringConvertible, Sendable {
    let name: String
    let path: String

    var testDescription: String { name }

    static let all: [Story] = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Stories").path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".txt") }.sorted().map { Story(name: $0, path: folder + "/" + $0) }
    }()
}
