import Ledger
import ProofOfWork
import Settings

/// A policy as operators see it: which of its limits a key fits, hashed as a request's keys are. A value; any thread.
package struct OperatorPolicy: Sendable {
    /// One of its limits.
    package struct Limit: Sendable {
        /// `free`, `free-2`, `ceiling`, …, as in `RateLimit` fields.
        package let name: String
        package let id: LimitID
        /// What it counts, such as `client/24,/48`.
        package let key: LimitKey
        /// As the configuration says it: `60/min`.
        package let rateText: String
        package let isFree: Bool
    }

    /// A key of it.
    package struct Key: Sendable {
        /// The one way to write it: a client whose prefix is shorter than its address is a network.
        package let name: String
        /// The name that may be kept and listed: of a header's value, which may be a secret, its beginning.
        package let label: OverrideLabel?
        package let own: QuotaKey
        package let fallback: QuotaKey
        /// Those that count by it, in the policy's order. At least one.
        package let limits: [Limit]
        /// Where the client comes from, for what its work costs; nil where the key is no client's address.
        package var prefixes: PrefixKeys?

        package func charge(_ limit: Limit) -> LimitCharge {
            LimitCharge(limit: limit.id, key: own, fallback: fallback, reserve: 0)
        }
    }

    /// Why there is no such policy, or no such key of it: one sentence or two, with what to do.
    package struct Problem: Error, Hashable, Sendable {
        package let explanation: String
        /// That it may be otherwise in a moment: the ledger does not hold the policy yet.
        package var isForNow = false
    }

    package let settings: PolicySettings
    package let id: PolicyID
    package let limits: [Limit]
    private let keys: KeyRing

    /// The policy of that name, as the configuration and the ledger have it.
    package init(named name: String, _ configuration: Configuration, facts: LedgerFacts) throws(Problem) {
        guard let settings = configuration.policy(named: name) else {
            let known = configuration.policies.map(\.name).joined(separator: ", ")
            throw Problem(
                explanation: "There is no policy of this name in this node's configuration. There is: \(known)."
            )
        }
        guard let held = facts.policies.first(where: { $0.name == name }),
            let runtime = PolicyRuntime(settings, facts: held)
        else {
            throw Problem(explanation: "The cluster does not hold the limits of this policy yet.", isForNow: true)
        }
        self.settings = settings
        id = runtime.id
        limits =
            runtime.free.map { Limit($0, isFree: true) } + runtime.ceiling.map { Limit($0, isFree: false) }
        do {
            keys = try KeyRing(facts, current: facts.epochs.last?.number ?? 0)
        } catch {
            throw Problem(explanation: "The system has no locked memory left to hash keys in.", isForNow: true)
        }
    }

    /// A key of this policy.
    /// - Throws: ``Problem`` where it fits no limit; it lists what would.
    package func key(_ name: QuotaKeyName) throws(Problem) -> Key {
        var key: Key
        switch name {
        case .client(let address):
            key = client(settings.clientPrefix.prefix(of: address))
            key.prefixes = QuotaKeys.prefixes(address, keys)
        case .network(let network):
            key = client(network)
        case .header(let value):
            var bytes = value
            let hashes = bytes.withUTF8 { QuotaKeys.header(UnsafeRawBufferPointer($0), keys) }
            key = Key(
                name: "header:\(value)",
                label: Self.label(ofHeader: value),
                own: hashes.own,
                fallback: hashes.fallback,
                limits: limits.filter { if case .header = $0.key { true } else { false } }
            )
        case .all:
            let hashes = QuotaKeys.all(keys)
            key = Key(
                name: "all",
                label: OverrideLabel("all"),
                own: hashes.own,
                fallback: hashes.fallback,
                limits: limits.filter { $0.key == .all }
            )
        case .hash(let hash):
            key = Key(name: "hash:\(hash.hexadecimal)", label: nil, own: hash, fallback: hash, limits: limits)
        }
        guard key.limits.isEmpty else { return key }
        throw Problem(explanation: "No limit of policy \(settings.name) counts by this key. \(remedy(name))")
    }

    private func client(_ network: IPPrefix) -> Key {
        let hashes = QuotaKeys.network(network, keys)
        let name = network.bits == network.address.bitWidth ? "\(network.address)" : "\(network)"
        return Key(
            name: name,
            label: OverrideLabel(name),
            own: hashes.own,
            fallback: hashes.fallback,
            limits: limits.filter { prefix(of: network.address, $0.key)?.bits == network.bits }
        )
    }

    /// What a limit counts an address by; nil: by something else.
    private func prefix(of address: IPAddress, _ key: LimitKey) -> IPPrefix? {
        switch key {
        // A request without the header counts for its client.
        case .client, .header: settings.clientPrefix.prefix(of: address)
        case .clientPrefix(let prefix): prefix.prefix(of: address)
        case .all: nil
        }
    }

    /// Of a long value, which may be the secret of an API's user, so much that it can be told from others.
    private static func label(ofHeader value: String) -> OverrideLabel? {
        let shown = value.count <= 16 ? value : value.prefix(8) + "…"
        return OverrideLabel("header:\(shown)") ?? OverrideLabel("header:…")
    }

    /// What fits.
    private func remedy(_ name: QuotaKeyName) -> String {
        var fitting: [String] = []
        func add(_ text: String) { if !fitting.contains(text) { fitting.append(text) } }
        let address: IPAddress? =
            switch name {
            case .client(let address): address
            case .network(let network): network.address
            case .header, .all, .hash: nil
            }
        for limit in limits {
            if let address, let prefix = prefix(of: address, limit.key) {
                add("\(prefix)")
            } else {
                switch limit.key {
                case .client: add("an address")
                case .clientPrefix(let prefix): add("a network of /\(prefix.ipv4) or /\(prefix.ipv6)")
                case .header: break
                case .all: add("all")
                }
            }
            if case .header = limit.key { add("header:VALUE") }
        }
        return fitting.isEmpty
            ? "It has no limits." : "What fits is: \(fitting.joined(separator: ", "))."
    }
}

extension OperatorPolicy.Limit {
    fileprivate init(_ limit: LimitRuntime, isFree: Bool) {
        name = limit.name
        id = limit.id
        key = limit.key
        rateText = limit.rateText
        self.isFree = isFree
    }
}
