import Testing

/// The runner finds what is wrong with a story: else every story would pass.
struct ScenarioRunnerTests {
    private func failure(_ text: String) throws -> ScenarioFailure? {
        do {
            var runner = ScenarioRunner(try ScenarioScript(text))
            _ = try runner.run(rewrites: false)
            return nil
        } catch let failure as ScenarioFailure {
            return failure
        }
    }

    private static let elected = """
        Three servers.

            nodes a b c
            timeout a
            deliver

        """

    @Test func aTrueStoryPasses() throws {
        #expect(try failure(Self.elected + "    expect a leader term 1\n") == nil)
    }

    @Test(
        arguments: [
            "expect b leader", "expect a leader term 2", "expect a commit 7", "expect a log 1:1 1:2",
            "expect a log 1:1=x", "expect a terms 2", "expect a members {a b}", "expect b vote c", "expect no leader",
            "expect no elections", "expect not sent vote", "expect sent a->b append 9 times", "expect sent timeout-now",
            "expect only sent heartbeat", "expect in-flight append", "expect a applied x", "expect a down",
            "expect a progress b probe match 0 next 1", "expect a disk nothing", "expect a read 1 at 1",
            "expect b follower of c", "expect d leader", "expect nonsense", "expect a nonsense", "nonsense a",
            "propose a x refused: not leader", "propose b x", "deliver b->a", "drop a->b append", "persist a",
            "release a->b", "restart a", "transfer a to b refused: transferring", "change a remove d",
            "replay timeout-now",
        ]
    )
    func aFalseLineFails(_ line: String) throws {
        #expect(try failure(Self.elected + "    expect a leader\n    \(line)\n")?.line == 7)
    }

    @Test func aTraceThatDiffersFails() throws {
        let story = "    nodes a b\n    timeout a\n    expect no leader\n    deliver a->b:\n        a -> b nonsense\n"
        #expect(try failure(story)?.line == 5)
        #expect(try failure("    nodes a b\n    timeout a\n    expect no leader\n    deliver a->b:\n")?.line == 4)
        let long = "    nodes a b\n    expect no leader\n    tick a 1:\n        a -> b nonsense\n"
        #expect(try failure(long)?.line == 4)
    }

    @Test func aStoryWithoutExpectationsFails() throws {
        #expect(try failure(Self.elected)?.reason == "it expects nothing")
    }

    @Test func aCommandAtTheMarginFails() throws {
        #expect(try failure(Self.elected + "expect a leader term 7\n")?.line == 6)
    }
}
