// `free:` and `ceiling:` of a policy: one rate, one limit or a list of them.

extension Reading {
    /// What a policy says about one of its lists of limits.
    enum LimitList {
        /// Nothing: the preset's.
        case absent
        /// Something that was reported.
        case wrong
        /// `off`: no limits.
        case off
        /// Rate 0, alone.
        case zero
        case limits([LimitSettings])
    }

    /// What one element of a list says.
    private enum Element {
        case zero
        case limit(LimitSettings)
    }

    /// Reads a list. Every limit of it satisfies burst × interval ≤ 2^62, and the list bounds what one person can have.
    func limits(_ policy: Fields, _ name: String) -> LimitList {
        guard let value = policy.value(name) else { return .absent }
        if case .text("off", _) = value.content {
            guard name == "free" else { return .off }
            policy.report(
                name,
                "\(quoted(policy.path(name))) cannot be off: everything would be admitted",
                "write `allow: true` in the route, or give a rate"
            )
            return .wrong
        }
        guard
            let elements = policy.list(name, limit: 16, orSingle: true, example: "\(name): { rate: 60/min, burst: 20 }")
        else { return .wrong }
        guard !elements.isEmpty else {
            policy.report(
                name,
                "\(quoted(policy.path(name))) is empty",
                "give a rate, or remove the field for the preset's"
            )
            return .wrong
        }
        var limits: [LimitSettings] = []
        var zero: Position?
        var complete = true
        for (index, element) in elements.enumerated() {
            let place = elements.count == 1 ? policy.path(name) : "\(policy.path(name))[\(index)]"
            switch limit(element, place: place, schema: policy.schema(name) + "[]") {
            case .limit(let limit):
                if limits.contains(limit) {
                    report(
                        Complaint("\(quoted(place)) is the same limit as one before", "remove it"),
                        at: element.position
                    )
                    complete = false
                }
                limits.append(limit)
            case .zero: zero = element.position
            case nil: complete = false
            }
        }
        guard complete else { return .wrong }
        if let zero {
            if name == "ceiling" {
                report(
                    Complaint(
                        "a ceiling of 0 refuses every request",
                        "write `deny: true` in the route, or `ceiling: off` for none"
                    ),
                    at: zero
                )
                return .wrong
            }
            guard limits.isEmpty, elements.count == 1 else {
                report(
                    Complaint(
                        "rate 0 stands beside other limits, which then mean nothing",
                        "keep the rate 0 alone, or remove it"
                    ),
                    at: zero
                )
                return .wrong
            }
            return .zero
        }
        checkBounded(limits, policy, name)
        return .limits(named(limits))
    }

    /// A header is chosen by the client: counted by it alone, whoever sends a new value each time is not limited at
    /// all.
    private func checkBounded(_ limits: [LimitSettings], _ policy: Fields, _ name: String) {
        let chosen = limits.first { if case .header = $0.key { true } else { false } }
        let bounds = limits.contains { if case .header = $0.key { false } else { true } }
        guard let chosen, !bounds else { return }
        policy.report(
            name,
            "\(quoted(policy.path(name))) counts only by \(quoted(chosen.key.canonical)), which clients choose: "
                + "a new value each time is never limited",
            "add a limit with `key: client` or `key: all` beside it"
        )
    }

    /// Numbers the limits that share a key, so that each has an identity.
    private func named(_ limits: [LimitSettings]) -> [LimitSettings] {
        var seen: [LimitKey: Int] = [:]
        return limits.map { limit in
            var limit = limit
            let count = seen[limit.key, default: 0] + 1
            seen[limit.key] = count
            if count > 1 { limit.identity += "#\(count)" }
            return limit
        }
    }

    private func limit(_ value: YAMLValue, place: String, schema: String) -> Element? {
        if case .text(let text, _) = value.content, !value.isNothing {
            do {
                let rate = try parseRate(text)
                return rate.count == 0
                    ? .zero
                    : checked(
                        LimitSettings(key: .client, rate: rate, burst: rate.defaultBurst),
                        place: place,
                        at: value.position
                    )
            } catch {
                report(Complaint("\(quoted(place)): \(error.message)", error.remedy), at: value.position)
                return nil
            }
        }
        guard
            let fields = Fields(
                value,
                place: place,
                schema: schema,
                reading: self,
                example: "{ rate: 60/min, burst: 20 }"
            )
        else {
            return nil
        }
        let problemsBefore = problems.count
        let key = fields.parsed("key", example: "key: client", parseLimitKey) ?? .client
        let rate = fields.parsed("rate", example: "rate: 60/min", parseRate)
        let burst = fields.integer("burst", in: UInt64(1)...1 << 62)
        if !fields.has("rate") { fields.reportMissing("rate", example: "rate: 60/min") }
        fields.finish()
        guard problems.count == problemsBefore, let rate else { return nil }
        if rate.count == 0 {
            guard !fields.has("burst"), !fields.has("key") else {
                report(Complaint("rate 0 has neither a burst nor a key", "write `rate: 0` alone"), at: fields.position)
                return nil
            }
            return .zero
        }
        if case .clientPrefix(let prefix) = key, prefix.ipv6 > 64 { warnSmallNetwork(prefix.ipv6, fields, "key") }
        return checked(
            LimitSettings(key: key, rate: rate, burst: burst ?? rate.defaultBurst),
            place: place,
            at: fields.valuePosition(of: fields.has("burst") ? "burst" : "rate")
        )
    }

    /// The limit, if what fills it fits into replicated time (2^62 ns, 146 years).
    private func checked(_ limit: LimitSettings, place: String, at position: Position) -> Element? {
        guard limit.fitsReplicatedTime else {
            report(
                Complaint(
                    "\(quoted(place)): a burst of \(limit.burst) at \(quoted(limit.rateText)) takes more than 146 years to fill",
                    "choose a smaller burst or a higher rate"
                ),
                at: position
            )
            return nil
        }
        return .limit(limit)
    }

    /// Says that a host of an IPv6 network gets more than one quota.
    func warnSmallNetwork(_ bits: Int, _ fields: Fields, _ name: String) {
        fields.warn(
            name,
            "a /\(bits) is less than what one IPv6 host has, so each host gets 2^\(bits - 64) quotas",
            "use 64 or less"
        )
    }
}

extension LimitSettings {
    /// Whether burst × interval ≤ 2^62.
    var fitsReplicatedTime: Bool {
        let (product, overflow) = interval.multipliedReportingOverflow(by: burst)
        return !overflow && product <= 1 << 62
    }
}
