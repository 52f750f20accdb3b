import Cluster
import Gateway
import Ledger
import NIOCore
import NIOHTTP1

/// Overrides, each a register with compare-and-set that all nodes share (DESIGN section 10). Any node does all of it.
enum OverrideRoutes {
    /// Overrides on a page, unless fewer are asked for.
    static let pageMax = 1_000
    private static let page = 100
    /// How often a condition is looked at that names no single version, where somebody else changes it all the time.
    private static let triesMax = 8

    static func routes(_ admin: AdminCluster) -> [Router.Route] {
        [
            .init(.GET, "/v1/overrides") { _, request, eventLoop in list(request, admin, eventLoop) },
            .init(.GET, "/v1/overrides/*/*") { parameters, request, eventLoop in
                withKey(parameters, admin) { get($0, request, admin.cluster, eventLoop) }
            },
            .init(.PUT, "/v1/overrides/*/*") { parameters, request, eventLoop in
                withKey(parameters, admin) { put($0, request, admin.cluster, eventLoop) }
            },
            .init(.DELETE, "/v1/overrides/*/*") { parameters, request, eventLoop in
                withKey(parameters, admin) { remove($0, request, admin.cluster, eventLoop) }
            },
        ]
    }

    static func withKey(
        _ parameters: [Substring],
        _ admin: AdminCluster,
        _ body: (PolicyKey) -> ControlReply
    ) -> ControlReply {
        do throws(PolicyKey.Problem) {
            return body(try PolicyKey(parameters, admin))
        } catch {
            return .now(error.answer)
        }
    }

    // MARK: - Reading

    private static func list(
        _ request: ControlRequest,
        _ admin: AdminCluster,
        _ eventLoop: any EventLoop
    ) -> ControlReply {
        guard
            let fields = PathText.fields(request.query, known: ["consistency", "policy", "limit", "after"]),
            let isStale = ClusterRoutes.isStale(fields["consistency"]),
            let count = fields["limit"].map({ Int($0) }) ?? page, (1...pageMax).contains(count),
            let after = fields["after"].map({ OverridePlace(text: $0) }) ?? .some(nil)
        else { return .now(badListQuery) }
        return ClusterRoutes.answer(on: eventLoop) { () async throws(OperationError) in
            try await admin.cluster.read(isStale: isStale) { ledger, time in
                let policies = ledger.facts.policies
                let policy = policies.first { $0.name == fields["policy"] }
                if let name = fields["policy"], policy == nil { return unknownPolicy(name, policies) }
                let page = ledger.overrides(of: policy?.id, after: after, at: time, count: count)
                let names = Dictionary(policies.map { ($0.id, $0.name) }) { first, _ in first }
                return .json(OverrideDocument.text(page, names: names, at: time))
            }
        }
    }

    private static func get(
        _ place: PolicyKey,
        _ request: ControlRequest,
        _ cluster: Cluster,
        _ eventLoop: any EventLoop
    ) -> ControlReply {
        guard let fields = PathText.fields(request.query, known: ["consistency"]),
            let isStale = ClusterRoutes.isStale(fields["consistency"])
        else { return .now(ClusterRoutes.badQuery) }
        return ClusterRoutes.answer(on: eventLoop) { () async throws(OperationError) in
            try await cluster.read(isStale: isStale) { ledger, time in
                guard let state = state(place, ledger, time) else { return noSuchOverride(place) }
                return answer(place, state, at: time)
            }
        }
    }

    private static func state(_ place: PolicyKey, _ ledger: Ledger, _ time: LedgerTime) -> OverrideState? {
        ledger.override(policy: place.policy.id, key: place.key.own).flatMap { $0.holds(at: time) ? $0 : nil }
    }

    // MARK: - Changing

    private static func put(
        _ place: PolicyKey,
        _ request: ControlRequest,
        _ cluster: Cluster,
        _ eventLoop: any EventLoop
    ) -> ControlReply {
        guard ClusterRoutes.isJSON(request) else { return .now(ClusterRoutes.notJSON) }
        guard let conditions = Preconditions(ifMatch: request.ifMatch, ifNoneMatch: request.ifNoneMatch) else {
            return .now(badCondition)
        }
        let body: OverrideBody
        do throws(OverrideBody.Problem) { body = try OverrideBody(request.body) } catch {
            return .now(badBody(error.explanation))
        }
        if case .free = body, !place.key.limits.contains(where: \.isFree) {
            return .now(badBody("the key counts in ceilings alone, and those stand whatever an override says"))
        }
        return ClusterRoutes.answer(on: eventLoop) { () async throws(OperationError) in
            // Replicated time now: what a ban's end is counted from.
            let now = try await cluster.read(isStale: true) { $1 }
            let value: OverrideValue =
                switch body {
                case .free(let terms): .free(interval: terms.interval, burst: terms.burst)
                case .deny(nil): .deny(until: nil)
                case .deny(let nanoseconds?): .deny(until: now.adding(nanoseconds: nanoseconds))
                }
            return try await change(place, to: value, conditions, cluster) { version in
                answer(place, OverrideState(value: value, version: version), at: now)
            }
        }
    }

    private static func remove(
        _ place: PolicyKey,
        _ request: ControlRequest,
        _ cluster: Cluster,
        _ eventLoop: any EventLoop
    ) -> ControlReply {
        guard let conditions = Preconditions(ifMatch: request.ifMatch, ifNoneMatch: request.ifNoneMatch) else {
            return .now(badCondition)
        }
        return ClusterRoutes.answer(on: eventLoop) { () async throws(OperationError) in
            try await change(place, to: nil, conditions, cluster) { _ in
                var text = JSONText()
                text.begin()
                text.member("policy", place.policy.settings.name)
                text.member("key", place.key.name)
                text.member("removed", raw: "true")
                text.end()
                return .json(text.text)
            }
        }
    }

    /// Makes a change if its conditions hold at the moment at which it is made.
    private static func change(
        _ place: PolicyKey,
        to value: OverrideValue?,
        _ conditions: Preconditions,
        _ cluster: Cluster,
        _ done: (_ version: UInt64) -> ControlAnswer
    ) async throws(OperationError) -> ControlAnswer {
        for _ in 0..<triesMax {
            var expected = conditions.version
            if expected == nil, !conditions.isEmpty {
                let version = try await cluster.read(isStale: false) { ledger, time in
                    state(place, ledger, time)?.version ?? 0
                }
                guard conditions.allow(version) else { return failedCondition(version) }
                expected = version
            }
            let change = OverrideChange(
                policy: place.policy.id,
                key: place.key.own,
                value: value,
                expectedVersion: expected,
                label: value != nil && place.ledgerVersion >= Ledger.lendingVersion ? place.key.label : nil
            )
            guard case .overridden(let outcome) = try await cluster.apply(.override(change)) else { throw .noQuorum }
            switch outcome {
            case .set(let version): return done(version)
            case .removed: return done(0)
            case .conflict(let current):
                // Somebody else was quicker; the condition may hold all the same.
                if conditions.version == nil { continue }
                return failedCondition(current)
            case .full: return tooMany
            case .unknownPolicy: return ClusterRoutes.problem(.conflict("The policy has gone meanwhile."))
            case .badRate: return badBody("the rate and the burst together are out of bounds")
            }
        }
        throw .busy("Others change this override all the time: ask again.")
    }

    // MARK: - Answers

    private static func answer(_ place: PolicyKey, _ state: OverrideState, at time: LedgerTime) -> ControlAnswer {
        var answer = ControlAnswer.json(
            OverrideDocument.text(
                policy: place.policy.settings.name,
                key: place.key.name,
                hash: place.key.own,
                state,
                at: time
            )
        )
        answer.fields.append((name: "ETag", value: Preconditions.tag(state.version)))
        return answer
    }

    private static func failedCondition(_ current: UInt64) -> ControlAnswer {
        var answer = ControlAnswer.problem(
            .preconditionFailed,
            "condition-failed",
            title: "The override is not what the condition says",
            detail: current == 0
                ? "There is no override of this key. Nothing has changed."
                : "There is version \(current) of it. Nothing has changed."
        )
        if current > 0 { answer.fields.append((name: "ETag", value: Preconditions.tag(current))) }
        return answer
    }

    private static func noSuchOverride(_ place: PolicyKey) -> ControlAnswer {
        .problem(
            .notFound,
            "no-such-override",
            title: "There is no override of this key",
            detail: "Policy \(place.policy.settings.name) holds for \(place.key.name) as it is."
        )
    }

    private static func unknownPolicy(_ name: String, _ policies: [PolicyFacts]) -> ControlAnswer {
        let known = policies.map(\.name).sorted().joined(separator: ", ")
        return .problem(
            .notFound,
            "unknown-policy",
            title: "There is no such policy",
            detail: "There is: \(known)."
        )
    }

    private static func badBody(_ explanation: String) -> ControlAnswer {
        .problem(
            .badRequest,
            "malformed",
            title: "The body is not what this asks for",
            detail: "In the body, \(explanation). Send {\"free\": {\"rate\": \"600/min\", \"burst\": 100}}, or "
                + "{\"deny\": true, \"for\": \"1h\"}."
        )
    }

    private static let badCondition = ControlAnswer.problem(
        .badRequest,
        "malformed",
        title: "The condition means nothing here",
        detail: "If-Match and If-None-Match take * or tags as they stand in the field ETag, such as \"7\"."
    )

    private static let badListQuery = ControlAnswer.problem(
        .badRequest,
        "malformed",
        title: "The query means nothing here",
        detail: "There is policy=NAME, limit= 1 to \(pageMax), after= what `next` of the page before says, and "
            + "consistency=stale or consistency=strong, the default."
    )

    private static let tooMany = ControlAnswer.problem(
        .conflict,
        "too-many-overrides",
        title: "There are too many overrides",
        detail: "A cluster holds at most \(LedgerBounds.overrides): remove some, see `tollgate override list`."
    )
}
