import Ledger
import ProofOfWork
import Settings
import Testing
import Wire

@testable import Gateway

/// What an operator writes is the very key that requests are counted by.
@Suite struct OperatorPolicyTests {
    private let configuration: Configuration
    private let facts: LedgerFacts
    private let keys: KeyRing

    init() throws {
        configuration = try GatewayTests.configuration(
            """
            upstream: "http://127.0.0.1:1"
            policies:
              default:
                preset: api
                clientPrefix: { ipv4: 28, ipv6: 56 }
                free: [{ rate: 1/s }, { key: "client/24,/48", rate: 9/s }, { key: "header:X-Api-Key", rate: 1/s }]
                ceiling: [{ rate: 20/s }, { key: all, rate: 50/s }]
              networks: { preset: api, free: { key: "client/24,/48", rate: 9/s }, ceiling: off }
              paid: { preset: api, free: 0, ceiling: off }
            """
        )
        var ledger = Ledger(genesis: genesis)
        let commands = [
            Command.openSession(owner: ReplicaID(high: 1, low: 1)),
            .setPolicies(expectedRevision: 0, policies: configuration.policies.map { PolicyRuntime.definition($0) }),
        ]
        _ = ledger.apply(
            Batch(
                time: .zero,
                commands: commands.enumerated().map {
                    SequencedCommand(
                        session: SessionID(rawValue: 1),
                        sequence: UInt64($0.offset),
                        floor: 0,
                        command: $0.element
                    )
                }
            ),
            index: 1
        )
        facts = ledger.facts
        keys = try KeyRing(facts, current: 1)
    }

    private func policy(_ name: String = "default") throws -> OperatorPolicy {
        try OperatorPolicy(named: name, configuration, facts: facts)
    }

    private func key(_ text: String, of policy: String = "default") throws -> OperatorPolicy.Key {
        try self.policy(policy).key(try QuotaKeyName(text))
    }

    /// What a request is charged to, by limit.
    private func charges(_ client: String, _ fields: [(String, String)] = []) throws -> [LimitID: LimitCharge] {
        let settings = try #require(configuration.policy(named: "default"))
        let held = try #require(facts.policies.first { $0.name == "default" })
        let runtime = try #require(PolicyRuntime(settings, facts: held))
        let charges = runtime.charges(
            runtime.freeAndCeiling,
            head: head("GET", "/", fields),
            client: ip(client),
            keys: keys,
            reserve: 0
        )
        return Dictionary(uniqueKeysWithValues: charges.map { ($0.limit, $0) })
    }

    @Test(
        arguments: [
            ("203.0.113.7", "203.0.113.0/28", "203.0.113.7", [], ["free", "free-3", "ceiling"]),
            ("203.0.113.0/28", "203.0.113.0/28", "203.0.113.9", [], ["free", "free-3", "ceiling"]),
            ("203.0.113.0/24", "203.0.113.0/24", "203.0.113.200", [], ["free-2"]),
            ("2001:db8::7", "2001:db8::/56", "2001:db8::9", [], ["free", "free-3", "ceiling"]),
            ("2001:db8::/48", "2001:db8::/48", "2001:db8:0:ff::1", [], ["free-2"]),
            ("::ffff:203.0.113.7", "203.0.113.0/28", "203.0.113.7", [], ["free", "free-3", "ceiling"]),
            ("header:käse", "header:käse", "203.0.113.7", [("X-Api-Key", "käse")], ["free-3"]),
            ("all", "all", "203.0.113.7", [], ["ceiling-2"]),
        ] as [(String, String, String, [(String, String)], [String])]
    )
    func aKeyIsTheOneOfARequest(
        _ text: String,
        _ name: String,
        _ client: String,
        _ fields: [(String, String)],
        _ limits: [String]
    ) throws {
        let key = try key(text)
        #expect(key.name == name)
        #expect(key.limits.map(\.name) == limits)
        let charges = try charges(client, fields)
        for limit in key.limits {
            var charge = try #require(charges[limit.id])
            charge.reserve = 0
            #expect(key.charge(limit) == charge, "\(limit.name)")
        }
        // No other limit would be charged under it.
        for (id, charge) in charges where !key.limits.contains(where: { $0.id == id }) {
            #expect(charge.own != key.own)
        }
        let hash = try self.key("hash:\(key.own.hexadecimal)")
        #expect(hash.own == key.own && hash.limits.count == 5)
    }

    @Test(
        arguments: [
            ("networks", "203.0.113.7", "203.0.113.0/24"), ("networks", "203.0.0.0/16", "203.0.0.0/24"),
            ("networks", "all", "a network of /24 or /48"), ("networks", "header:x", "a network of /24 or /48"),
            ("default", "203.0.0.0/16", "203.0.0.0/28, header:VALUE"), ("paid", "203.0.113.7", "no limits"),
        ]
    )
    func aKeyThatFitsNothingIsToldWhatDoes(_ policy: String, _ text: String, _ remedy: String) throws {
        #expect {
            try key(text, of: policy)
        } throws: {
            ($0 as? OperatorPolicy.Problem)?.explanation.contains(remedy) == true
        }
    }

    @Test func aPolicyThatIsNotThereIsToldApartFromOneThatIsNotThereYet() throws {
        #expect {
            try policy("none")
        } throws: {
            guard let problem = $0 as? OperatorPolicy.Problem else { return false }
            return !problem.isForNow && problem.explanation.contains("default, networks, paid")
        }
        let none = Ledger(genesis: genesis).facts
        #expect {
            try OperatorPolicy(named: "default", configuration, facts: none)
        } throws: {
            ($0 as? OperatorPolicy.Problem)?.isForNow == true
        }
    }

    @Test(
        arguments: [
            "", "x", "203.0.113", "203.0.113.7/24", "203.0.113.0/33", "/24", "header:", "header: x", "header:a\u{7F}",
            "hash:1", "hash:0123456789abcdef0123456789abcdeg", "All", "203.0.113.7 ",
        ]
    )
    func whatIsNoKeyIsRefused(_ text: String) {
        #expect(throws: QuotaKeyName.Problem.self) { try QuotaKeyName(text) }
    }

    @Test func aLabelTellsNoSecret() throws {
        #expect(try key("header:acme").label?.text == "header:acme")
        #expect(try key("header:sk-0123456789abcdef").label?.text == "header:sk-01234…")
        // Letters of many bytes do not burst it.
        let long = String(repeating: "👩‍👩‍👧‍👦", count: 16)
        #expect(try key("header:\(long)").label?.text == "header:…")
    }
}

extension LimitCharge {
    fileprivate var own: QuotaKey { key }
}
