import Ledger
import ProofOfWork
import Settings

/// A limit of the configuration together with its number in the ledger.
struct LimitRuntime: Sendable {
    /// Its name in `RateLimit` fields: `free`, `free-2`, `ceiling`…
    let name: String
    let id: LimitID
    let key: LimitKey
    /// The rate as the configuration says it: `60/min`.
    let rateText: String
    /// The configured rate: `count` requests in `windowSeconds`.
    let count: UInt64
    let windowSeconds: UInt64
}

/// A policy as requests are decided by it: the file's settings and the ledger's numbers for them.
struct PolicyRuntime: Sendable {
    let settings: PolicySettings
    let id: PolicyID
    let free: [LimitRuntime]
    let ceiling: [LimitRuntime]
    /// What a request without a pass is charged to: the free limits, then the ceiling.
    let freeAndCeiling: [LimitRuntime]
    /// The constant `RateLimit-Policy` field for requests without a pass, with one that was granted all that the file says,
    /// and over the ceiling.
    let freeFields: String
    let passFields: String
    let ceilingFields: String

    var name: String { settings.name }
    /// Whether every request needs a pass.
    var freeIsZero: Bool { free.isEmpty }

    /// Whether a challenge or a pass is good here: of no node alone, or of this run of this node where the policy, as it is now,
    /// has the node decide by itself while no majority can.
    func takes(_ origin: TokenOrigin?, at here: TokenOrigin?) -> Bool {
        guard let origin else { return true }
        return origin == here && settings.onQuorumLoss == .work
    }

    /// The ledger's limits count, whatever the file says: they are those of the node whose file changed last. What the file
    /// says in the same figures is shown as it is written there.
    ///
    /// - Returns: nil where the ledger counts by something that this release does not know.
    init?(_ settings: PolicySettings, facts: PolicyFacts) {
        func resolve(_ written: [LimitSettings], _ role: LimitRole, _ name: String) -> [LimitRuntime]? {
            var resolved: [LimitRuntime] = []
            for known in facts.limits where known.definition.role == role {
                let definition = known.definition
                let limit =
                    written.first {
                        $0.identity == definition.key && $0.interval == definition.interval
                            && $0.burst == definition.burst
                    }
                    ?? LimitSettings(
                        identity: definition.key,
                        interval: definition.interval,
                        burst: definition.burst
                    )
                guard let limit else { return nil }
                resolved.append(
                    LimitRuntime(
                        name: resolved.isEmpty ? name : "\(name)-\(resolved.count + 1)",
                        id: known.id,
                        key: limit.key,
                        rateText: limit.rateText,
                        count: limit.count,
                        windowSeconds: Durations.secondsRoundedUp(limit.windowNanoseconds)
                    )
                )
            }
            return resolved
        }
        guard let free = resolve(settings.free, .free, "free"),
            let ceiling = resolve(settings.ceiling, .ceiling, "ceiling")
        else { return nil }
        self.settings = settings
        self.id = facts.id
        self.free = free
        self.ceiling = ceiling
        freeAndCeiling = free + ceiling
        freeFields = RateLimitFields.policy(freeAndCeiling)
        ceilingFields = RateLimitFields.policy(ceiling)
        passFields = Self.passFields(settings.work, granted: settings.work?.grants, ceilingFields)
    }

    /// The `RateLimit-Policy` field for requests with a pass that was opened with so many units.
    func passFields(granted: UInt32) -> String {
        granted == settings.work?.grants
            ? passFields : Self.passFields(settings.work, granted: granted, ceilingFields)
    }

    /// A pass may outlive its policy's work: without figures of its own it is named alone.
    private static func passFields(_ work: WorkSettings?, granted: UInt32?, _ ceilingFields: String) -> String {
        let field = work.map { "\"pass\";q=\(granted ?? $0.grants);w=\($0.ttlSeconds)" } ?? "\"pass\""
        return ceilingFields.isEmpty ? field : field + ", " + ceilingFields
    }

    /// What the ledger must hold for this policy.
    static func definition(_ settings: PolicySettings) -> PolicyDefinition {
        func definitions(_ limits: [LimitSettings], _ role: LimitRole) -> [LimitDefinition] {
            limits.map { LimitDefinition(role: role, key: $0.identity, interval: $0.interval, burst: $0.burst) }
        }
        return PolicyDefinition(
            name: settings.name,
            maxKeys: settings.maxKeys,
            limits: definitions(settings.free, .free) + definitions(settings.ceiling, .ceiling)
        )
    }

    /// The keyed hash to which challenges and passes of a client are bound: its /32 or /64.
    func binding(of client: IPAddress, keys: KeyRing) -> UInt64 {
        let prefix = client.prefix(client.isIPv4 ? 32 : 64).address
        return keys.binding(high: prefix.high, low: prefix.low, isIPv4: prefix.isIPv4)
    }

    /// The charges of a list of limits for one request.
    func charges(
        _ limits: [LimitRuntime],
        head: RequestHead,
        client: IPAddress,
        keys: KeyRing,
        reserve: UInt32
    ) -> [LimitCharge] {
        limits.map { limit in
            let key = QuotaKeys.key(
                limit.key,
                head: head,
                client: client,
                clientPrefix: settings.clientPrefix,
                keys: keys
            )
            return LimitCharge(limit: limit.id, key: key.own, fallback: key.fallback, reserve: reserve)
        }
    }
}

/// The policies of a configuration, resolved against one revision of the ledger's facts. One that the ledger does not
/// hold is not there: nothing can be decided by it.
struct PolicyTable: Sendable {
    private let byName: [String: PolicyRuntime]
    private let byID: [PolicyID: PolicyRuntime]

    init(_ configuration: Configuration, facts: LedgerFacts) {
        var byName: [String: PolicyRuntime] = [:]
        var byID: [PolicyID: PolicyRuntime] = [:]
        for settings in configuration.policies {
            guard let known = facts.policies.first(where: { $0.name == settings.name }),
                let runtime = PolicyRuntime(settings, facts: known)
            else { continue }
            byName[settings.name] = runtime
            byID[runtime.id] = runtime
        }
        self.byName = byName
        self.byID = byID
    }

    /// How many there are.
    var count: Int { byName.count }
    subscript(name: String) -> PolicyRuntime? { byName[name] }
    subscript(id: PolicyID) -> PolicyRuntime? { byID[id] }

    /// The one policy, where there is only one: `GET challenge` may then leave out its name.
    var only: PolicyRuntime? { byName.count == 1 ? byName.values.first : nil }
}
