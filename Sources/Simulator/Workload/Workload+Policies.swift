import Ledger

/// What decides the charges of a policy, as its configuration would say.
enum PolicyLevel: Hashable, Sendable {
    case strong
    case escrow
    case eventual
}

extension Workload {
    /// The policies of every run, as they are first: see ``revision(generous:)``.
    public static let policies = revision(generous: false)

    /// The policies of every run: a limit of each client, and one of all, tight; and for each other level one more, which a
    /// bucket's fill lets come back within two seconds.
    /// - Parameter generous: the other numbers that an operator may give them. Limits keep their ids.
    static func revision(generous: Bool) -> [PolicyDefinition] {
        let factor: UInt64 = generous ? 2 : 1
        return [
            PolicyDefinition(
                name: "pages",
                maxKeys: 16,
                limits: [
                    LimitDefinition(role: .free, key: "client.address", interval: 300_000_000 / factor, burst: 4),
                    LimitDefinition(role: .ceiling, key: "all", interval: 40_000_000, burst: 30 * factor),
                ]
            ),
            PolicyDefinition(
                name: "forms",
                maxKeys: 16,
                limits: [LimitDefinition(role: .free, key: "client.address", interval: 1_000_000_000, burst: 2)]
            ),
            PolicyDefinition(
                name: "lanes",
                maxKeys: 3,
                limits: [
                    LimitDefinition(role: .free, key: "client.address", interval: 60_000_000 / factor, burst: 30),
                    LimitDefinition(role: .ceiling, key: "all", interval: 25_000_000, burst: 60 * factor),
                ]
            ),
            PolicyDefinition(
                name: "walks",
                maxKeys: 16,
                limits: [
                    LimitDefinition(role: .free, key: "client.address", interval: 10_000_000 / factor, burst: 20)
                ]
            ),
        ]
    }

    /// The level of a policy of these.
    static func level(of policy: PolicyFacts) -> PolicyLevel { level(named: policy.name) }

    /// The same by its name.
    static func level(named name: String) -> PolicyLevel {
        switch name {
        case "lanes": .escrow
        case "walks": .eventual
        default: .strong
        }
    }
}
