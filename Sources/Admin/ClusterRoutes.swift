import Cluster
import Gateway
import NIOCore
import NIOHTTP1

/// What an operator asks and changes of the cluster (DESIGN section 10). Any node does all of it.
enum ClusterRoutes {
    static func routes(_ admin: AdminCluster) -> [Router.Route] {
        let cluster = admin.cluster
        return [
            .init(.GET, "/v1/cluster") { _, request, eventLoop in
                guard let isStale = isStale(request.query) else { return .now(badQuery) }
                return answer(on: eventLoop) { () async throws(OperationError) in
                    let status = try await cluster.status(isStale: isStale)
                    let hash = admin.configuration().hash
                    return .json(ClusterDocument.text(status, version: admin.version, configurationHash: hash))
                }
            },
            .init(.POST, "/v1/cluster/members") { _, request, eventLoop in
                change(request, eventLoop, needs: ["name"], mayHave: ["address"]) { body throws(OperationError) in
                    try await cluster.add(name: body["name"] ?? "", address: body["address"])
                }
            },
            .init(.DELETE, "/v1/cluster/members/*") { parameters, _, eventLoop in
                guard let name = PathText.decoded(parameters[0]) else { return .now(badName) }
                return answer(on: eventLoop) { () async throws(OperationError) in
                    result(try await cluster.remove(name: name))
                }
            },
            .init(.POST, "/v1/cluster/promote") { _, request, eventLoop in
                change(request, eventLoop, needs: ["name"]) { body throws(OperationError) in
                    try await cluster.promote(name: body["name"] ?? "")
                }
            },
            .init(.POST, "/v1/cluster/replace") { _, request, eventLoop in
                change(request, eventLoop, needs: ["name"], mayHave: ["address"]) { body throws(OperationError) in
                    try await cluster.replace(name: body["name"] ?? "", address: body["address"])
                }
            },
            .init(.POST, "/v1/cluster/transfer") { _, request, eventLoop in
                change(request, eventLoop, needs: [], mayHave: ["to"]) { body throws(OperationError) in
                    try await cluster.transfer(to: body["to"])
                }
            },
            .init(.GET, "/v1/backup") { _, request, eventLoop in
                guard let isStale = isStale(request.query) else { return .now(badQuery) }
                return answer(on: eventLoop) { () async throws(OperationError) in
                    stream(try await cluster.backup(isStale: isStale))
                }
            },
            .init(.POST, "/v1/cluster/compact") { _, _, eventLoop in
                answer(on: eventLoop) { () async throws(OperationError) in
                    .json("{\"snapshot_index\": \(try await cluster.compact())}")
                }
            },
        ]
    }

    // MARK: - Requests

    private static func change(
        _ request: ControlRequest,
        _ eventLoop: any EventLoop,
        needs: Set<String>,
        mayHave: Set<String> = [],
        _ body: @escaping @Sendable ([String: String]) async throws(OperationError) -> OperationOutcome
    ) -> ControlReply {
        switch Self.body(request, needs: needs, mayHave: mayHave) {
        case .failure(let problem): .now(problem.answer)
        case .success(let texts):
            answer(on: eventLoop) { () async throws(OperationError) in result(try await body(texts)) }
        }
    }

    private struct BadBody: Error { let answer: ControlAnswer }

    /// The members of a JSON object, all of them text. An empty body is an empty object.
    private static func body(
        _ request: ControlRequest,
        needs: Set<String>,
        mayHave: Set<String>
    ) -> Result<[String: String], BadBody> {
        if request.body.isEmpty, needs.isEmpty { return .success([:]) }
        guard isJSON(request) else { return .failure(BadBody(answer: notJSON)) }
        let texts = FlatJSON(request.body)?.texts
        let known = needs.union(mayHave)
        guard let texts, needs.allSatisfy({ texts[$0]?.isEmpty == false }), texts.keys.allSatisfy(known.contains)
        else {
            let names = (needs.sorted() + mayHave.sorted().map { "\($0) (optional)" }).joined(separator: ", ")
            return .failure(
                BadBody(
                    answer: .problem(
                        .badRequest,
                        "malformed",
                        title: "The body is not what this asks for",
                        detail: "Send a JSON object with these members, each a text: \(names)."
                    )
                )
            )
        }
        return .success(texts)
    }

    /// Whether a body is said to be JSON.
    static func isJSON(_ request: ControlRequest) -> Bool {
        let type = request.contentType.first?.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
        return request.contentType.count == 1 && type == "application/json"
    }

    static let notJSON = ControlAnswer.problem(
        .unsupportedMediaType,
        "unsupported-type",
        title: "The body is of another type",
        detail: "Send Content-Type: application/json."
    )

    /// Nil for a query that means nothing.
    private static func isStale(_ query: Substring) -> Bool? {
        PathText.fields(query, known: ["consistency"]).flatMap { isStale($0["consistency"]) }
    }

    /// What a query's field `consistency` says; nil where that means nothing.
    static func isStale(_ consistency: String?) -> Bool? {
        switch consistency {
        case nil, "strong": false
        case "stale": true
        default: nil
        }
    }

    // MARK: - Answers

    static func answer(
        on eventLoop: any EventLoop,
        _ body: @escaping @Sendable () async throws(OperationError) -> ControlAnswer
    ) -> ControlReply {
        .later(
            eventLoop.makeFutureWithTask {
                do throws(OperationError) { return try await body() } catch { return problem(error) }
            }
        )
    }

    /// A learner is on its way: 202.
    private static func result(_ outcome: OperationOutcome) -> ControlAnswer {
        .json(ClusterDocument.text(outcome), status: outcome.state == .learner ? .accepted : .ok)
    }

    private static func stream(_ backup: Backup) -> ControlAnswer {
        var answer = ControlAnswer(status: .ok, contentType: "application/octet-stream", text: "")
        answer.stream = ControlStream { write in try backup.write(write) }
        return answer
    }

    static func problem(_ error: OperationError) -> ControlAnswer {
        let (status, type, title): (HTTPResponseStatus, String, String) =
            switch error {
            case .notFound: (.notFound, "no-such-node", "There is no such node")
            case .notWaiting: (.notFound, "not-waiting", "No node of this name waits")
            case .conflict: (.conflict, "conflict", "The cluster does not allow this now")
            case .incomplete: (.badRequest, "malformed", "Something is missing")
            case .notMember: (.conflict, "not-a-member", "This node is no member of a cluster")
            case .noQuorum: (.serviceUnavailable, "no-quorum", "No majority answers")
            case .unfinished: (.gatewayTimeout, "unfinished", "It is not finished yet")
            case .stopped: (.serviceUnavailable, "stopping", "This node stops")
            case .diverged: (.serviceUnavailable, "diverged", "This node's state may be wrong")
            case .busy: (.conflict, "busy", "This node is at it already")
            }
        return .problem(status, type, title: title, detail: error.explanation)
    }

    static let badQuery = ControlAnswer.problem(
        .badRequest,
        "malformed",
        title: "The query means nothing here",
        detail: "There is consistency=stale, for what this node knows by itself, and consistency=strong, the default."
    )

    static let badName = ControlAnswer.problem(
        .badRequest,
        "malformed",
        title: "The name is not encoded as a path needs it",
        detail: "Encode what is not a letter, a digit or one of -._~ as %XX."
    )
}
