import Cluster
import Testing

/// What nodes say to be wrong, as long as it is.
@Suite(.timeLimit(.minutes(2)), .serialized) struct AlarmsTests {
    @Test func aNodeWhoseLogIsDamagedIsWellOnceItIsReplaced() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            let names = ["a", "b", "c"]
            for name in names { try await site.start(name, seeds: names) }
            for name in names { try await site.node(name).serving() }
            await site.stop("c")
            try TestFolder.flipLastByte(ofLogIn: site.directory("c"))
            let c = try await site.start("c", seeds: names)
            try await site.until { c.view.membership == .waiting && !c.view.alarms.isEmpty }
            #expect(c.view.alarms.count == 1 && c.view.alarms[0].contains("until `tollgate cluster replace`"))
            let a = try site.node("a")
            try await site.until { a.view.waiting.contains { $0.name == "c" } }
            #expect(try await a.replace(name: "c", address: nil).state == .voter)
            try await site.until { c.view.alarms.isEmpty }
            try await c.serving()
            #expect(c.view.membership == .member && c.view.alarms.isEmpty)
        }
    }

    @Test func seedsThatAgreeSayWhoDoesNot() async throws {
        try await Site.with(["a", "b", "c"]) { site in
            try await site.start("c", seeds: ["a", "b", "c"])
            let a = try await site.start("a", seeds: ["a", "b"])
            // Else the two would found before they hear of it.
            try await site.until { !a.view.alarms.isEmpty }
            try await site.start("b", seeds: ["a", "b"])
            for (name, other) in [("a", "b"), ("b", "a")] {
                let node = try site.node(name)
                try await site.until { node.view.alarms.contains { $0.hasPrefix("Node \(other) has heard") } }
                let first = node.view.alarms[0]
                #expect(first.hasPrefix("Node c has another list of seeds"))
                #expect(first.contains("only there are c (\(site.addresses["c"] ?? ""))"))
            }
        }
    }
}
