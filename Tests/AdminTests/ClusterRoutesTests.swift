import Cluster
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Settings
import Testing

@testable import Admin
@testable import Gateway

/// What the admin interface says and does of a cluster: of one, which is enough to see every answer.
@Suite(.timeLimit(.minutes(1))) struct ClusterRoutesTests {
    /// A node that is alone, and the interface to it.
    /// - Parameter isFounding: it waits for another seed, which never comes.
    private func withResponder(
        isFounding: Bool = false,
        _ body: (AdminResponder, any EventLoop, Cluster) async throws -> Void
    ) async throws {
        var template = Array("/tmp/tollgate-test.XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) != nil }
        try #require(made)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Result<Void, any Error>
        do {
            var settings = try ClusterSettings.alone(name: "a", directory: folder)
            if isFounding {
                settings.seeds = try .init([
                    .init(name: "a", address: "localhost:0"), .init(name: "b", address: "localhost:1"),
                ])
            }
            let cluster = try await Cluster.start(
                settings,
                on: group.next(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            if !isFounding { try await cluster.serving() }
            var configuration = try Configuration.fromUpstream(url: "http://127.0.0.1:1").configuration
            configuration.hash = "abc"
            let admin = AdminCluster(cluster: cluster, version: "1.2.3") { [configuration] in configuration }
            let responder = AdminResponder(token: nil, cluster: admin) { _ in nil }
            do {
                try await body(responder, group.next(), cluster)
                result = .success(())
            } catch { result = .failure(error) }
            await cluster.stop()
        } catch { result = .failure(error) }
        try await group.shutdownGracefully()
        remove(tree: folder)
        try result.get()
    }

    private func remove(tree path: String) {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { remove(tree: path + "/" + name) }
            }
            closedir(folder)
        }
        _ = rmdir(path) == 0 || unlink(path) == 0
    }

    private func answer(
        _ responder: AdminResponder,
        _ loop: any EventLoop,
        _ method: HTTPMethod,
        _ target: String,
        body: String? = nil,
        type: String? = "application/json"
    ) async throws -> ControlAnswer {
        let request = ControlRequest(
            method: method,
            path: target.prefix { $0 != "?" },
            query: target.drop { $0 != "?" }.dropFirst(),
            authorization: [],
            contentType: body == nil ? [] : type.map { [$0] } ?? [],
            body: body.map { Array($0.utf8) } ?? []
        )
        switch responder.reply(to: request, on: loop) {
        case .now(let answer): return answer
        case .later(let future): return try await future.get()
        }
    }

    @Test func theStatusHasEveryMember() async throws {
        try await withResponder { responder, loop, cluster in
            for target in ["/v1/cluster", "/v1/cluster?consistency=stale", "/v1/cluster?consistency=strong"] {
                let text = try await answer(responder, loop, .GET, target).text
                for name in [
                    "cluster_id", "node", "replica_id", "role", "term", "leader", "commit_index", "applied_index",
                    "first_index", "snapshot_index", "digest", "version", "ledger_version", "config_hash", "members",
                    "waiting", "alarms",
                ] {
                    #expect(text.contains("\"\(name)\": "), "\(name)")
                }
                #expect(text.contains("\"cluster_id\": \"\(cluster.view.cluster?.description ?? "")\""))
                #expect(text.contains("\"role\": \"leader\"") && text.contains("\"leader\": \"a\""))
                #expect(text.contains("\"version\": \"1.2.3\"") && text.contains("\"config_hash\": \"abc\""))
                #expect(text.contains("[{\"name\": \"a\", \"address\": \"localhost:0\", \"replica_id\": \""))
                #expect(text.contains("\"voter\": true, \"match_index\": "))
            }
            #expect(try await answer(responder, loop, .GET, "/v1/cluster?x=1").status == .badRequest)
        }
    }

    @Test func whatNoMajorityCanConfirmIsNotSaidToBeConfirmed() async throws {
        try await withResponder(isFounding: true) { responder, loop, _ in
            for target in ["/v1/cluster", "/v1/cluster?consistency=strong"] {
                let found = try await answer(responder, loop, .GET, target)
                #expect(found.status == .conflict)
                #expect(found.text.contains("\"type\": \"urn:tollgate:not-a-member\""))
                #expect(found.text.contains("tollgate cluster status --stale"))
            }
            let stale = try await answer(responder, loop, .GET, "/v1/cluster?consistency=stale")
            #expect(stale.status == .ok && stale.text.contains("\"membership\": \"founding\""))
        }
    }

    @Test(
        arguments: [
            (HTTPMethod.POST, "/v1/cluster/members", "{\"name\": \"b\"}", HTTPResponseStatus.notFound, "not-waiting"),
            (.POST, "/v1/cluster/members", "{\"name\": \"\"}", .badRequest, "malformed"),
            (.POST, "/v1/cluster/members", "{}", .badRequest, "malformed"),
            (.POST, "/v1/cluster/members", "{\"name\": 1}", .badRequest, "malformed"),
            (.POST, "/v1/cluster/members", "{\"name\": \"b\", \"adress\": \"c\"}", .badRequest, "malformed"),
            (.POST, "/v1/cluster/members", "[", .badRequest, "malformed"),
            (.POST, "/v1/cluster/promote", "{\"name\": \"b\"}", .notFound, "no-such-node"),
            (.POST, "/v1/cluster/replace", "{\"name\": \"a\"}", .notFound, "not-waiting"),
            (.POST, "/v1/cluster/transfer", "{}", .conflict, "conflict"),
            (.POST, "/v1/cluster/transfer", "{\"to\": \"b\"}", .notFound, "no-such-node"),
        ]
    )
    func whatCannotBeIsAProblem(
        _ method: HTTPMethod,
        _ path: String,
        _ body: String,
        _ status: HTTPResponseStatus,
        _ type: String
    ) async throws {
        try await withResponder { responder, loop, _ in
            let found = try await answer(responder, loop, method, path, body: body)
            #expect(found.status == status)
            #expect(found.contentType == "application/problem+json")
            #expect(found.text.contains("\"type\": \"urn:tollgate:\(type)\""))
        }
    }

    @Test func whatIsThereIsDone() async throws {
        try await withResponder { responder, loop, _ in
            let promoted = try await answer(responder, loop, .POST, "/v1/cluster/promote", body: "{\"name\": \"a\"}")
            #expect(promoted.status == .ok && promoted.text.contains("\"state\": \"voter\""))
            let compacted = try await answer(responder, loop, .POST, "/v1/cluster/compact")
            #expect(compacted.status == .ok && compacted.text.hasPrefix("{\"snapshot_index\": "))
            let removed = try await answer(responder, loop, .DELETE, "/v1/cluster/members/%61")
            #expect(removed.status == .conflict && removed.text.contains("the only voter"))
            #expect(try await answer(responder, loop, .DELETE, "/v1/cluster/members/%6").status == .badRequest)
            #expect(try await answer(responder, loop, .DELETE, "/v1/cluster/members/b").status == .notFound)
        }
    }

    @Test func otherTypesAndMethodsAreRefused() async throws {
        try await withResponder { responder, loop, _ in
            let body = "{\"name\": \"a\"}"
            for type in ["text/plain", nil] {
                let found = try await answer(responder, loop, .POST, "/v1/cluster/promote", body: body, type: type)
                #expect(found.status == .unsupportedMediaType)
            }
            let charset = try await answer(
                responder,
                loop,
                .POST,
                "/v1/cluster/promote",
                body: body,
                type: "application/json; charset=utf-8"
            )
            #expect(charset.status == .ok)
            let put = try await answer(responder, loop, .PUT, "/v1/cluster")
            #expect(put.status == .methodNotAllowed && put.fields.first?.value == "GET, HEAD")
            #expect(try await answer(responder, loop, .GET, "/v1/cluster/members").status == .methodNotAllowed)
            #expect(try await answer(responder, loop, .GET, "/v1/clusters").status == .notFound)
        }
    }

    @Test func aBackupIsStreamed() async throws {
        try await withResponder { responder, loop, cluster in
            let found = try await answer(responder, loop, .GET, "/v1/backup")
            let stream = try #require(found.stream)
            var bytes: [UInt8] = []
            try stream.body { bytes += $0 }
            #expect(try Backup(bytes, path: "x").head.cluster == cluster.view.cluster)
        }
    }

    @Test func metricsSayHowItStands() async throws {
        try await withResponder { _, _, cluster in
            let metrics = await cluster.metrics()
            var page = PrometheusText()
            ClusterMetricsText.write(metrics, to: &page)
            let lines = page.text.split(separator: "\n")
            #expect(lines.contains("tollgate_raft_role{role=\"leader\"} 1"))
            #expect(lines.contains("tollgate_raft_role{role=\"follower\"} 0"))
            #expect(lines.contains("tollgate_quorum 1"))
            #expect(lines.contains("tollgate_replica_diverged 0"))
            #expect(lines.contains("tollgate_replica_forgetful 0"))
            #expect(lines.contains("tollgate_members{voter=\"true\"} 1"))
            #expect(lines.contains("tollgate_peers_connected 0"))
            #expect(!lines.contains("tollgate_log_fsync_seconds_count 0"), "an entry was written")
        }
    }
}
