import Testing

@testable import Cluster

/// What is left of a node that has been stopped.
@Suite(.timeLimit(.minutes(2))) struct NodeLifetimeTests {
    /// A driver and its log once held each other, by what the log tells: the state of each stopped node stayed.
    @Test func aStoppedNodeIsLetGoOf() async throws {
        weak var alone: SharedNode?
        weak var listening: SharedNode?
        try await Site.with(["a", "b"]) { site in
            alone = try await site.startAlone("a").shared
            listening = try await site.start("b", seeds: ["b"]).shared
            for name in ["a", "b"] {
                try await site.node(name).serving()
                try await site.write(name, times: 1)
            }
            #expect(alone != nil)
            #expect(listening != nil)
        }
        #expect(alone == nil)
        #expect(listening == nil)
    }
}
