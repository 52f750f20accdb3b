extension Reading {
    /// `policies:`. Also names whose definitions are wrong are in `names`.
    func policies(_ root: Fields) -> (settings: [PolicySettings], names: [String]) {
        let example = "policies: { default: { preset: site } }"
        guard root.has("policies"), let all = root.fields("policies", chosenNames: true, example: example) else {
            return ([], [])
        }
        let names = all.names
        if names.isEmpty {
            root.report("policies", "`policies` is empty", "add one, as in `\(example)`, or remove the field")
        }
        guard names.count <= 256 else {
            root.report("policies", "`policies` has \(names.count) elements", "use at most 256")
            return ([], names)
        }
        var seen: [String: String] = [:]
        for name in names {
            do {
                let name = try parseName(name, dots: false)
                if let other = seen.updateValue(name, forKey: name.lowercased()) {
                    report(
                        Complaint(
                            "the policies \(quoted(other)) and \(quoted(name)) differ by case only",
                            "give them different names, as they become names of cookies"
                        ),
                        at: all.position(of: name)
                    )
                }
            } catch {
                report(error, at: all.position(of: name))
            }
        }
        return (names.compactMap { policy($0, all) }, names)
    }

    private func policy(_ name: String, _ all: Fields) -> PolicySettings? {
        guard let fields = all.fields(name, example: "\(name): { preset: site }") else { return nil }
        defer { fields.finish() }
        let problemsBefore = problems.count
        var policy = PolicySettings(name: name, preset: fields.choice("preset", PolicySettings.Preset.self) ?? .site)
        clientPrefix(fields).map { policy.clientPrefix = $0 }
        fields.integer("maxKeys", in: UInt32(1)...4_194_304).map { policy.maxKeys = $0 }
        let reserve = fields.integer("reserve", in: UInt32(0)...1_000_000)
        work(fields, &policy)
        applyLimits(fields, &policy)
        if let reserve { policy.reserve = reserve } else { policy.lowerReserve(toFit: fields.has("free")) }
        fields.choice("consistency", PolicySettings.Consistency.self).map { policy.consistency = $0 }
        let onQuorumLoss = fields.choice("onQuorumLoss", PolicySettings.QuorumLoss.self)
        policy.onQuorumLoss = onQuorumLoss ?? (policy.consistency == .strong || policy.work == nil ? .deny : .work)
        fields.flag("enforce").map { policy.enforce = $0 }
        policy.cors = origins(fields, policy.work)
        page(fields).map { policy.page = $0 }
        guard problems.count == problemsBefore else { return nil }
        check(policy, fields)
        return policy
    }

    private func clientPrefix(_ policy: Fields) -> ClientPrefix? {
        guard let fields = policy.fields("clientPrefix", example: "clientPrefix: { ipv4: 32, ipv6: 64 }") else {
            return nil
        }
        defer { fields.finish() }
        var prefix = ClientPrefix()
        fields.integer("ipv4", in: 1...32).map { prefix.ipv4 = $0 }
        fields.integer("ipv6", in: 1...128).map { prefix.ipv6 = $0 }
        if prefix.ipv6 > 64 { warnSmallNetwork(prefix.ipv6, fields, "ipv6") }
        return prefix
    }

    private func work(_ fields: Fields, _ policy: inout PolicySettings) {
        guard let value = fields.value("work") else { return }
        if case .text("off", _) = value.content {
            policy.work = nil
            return
        }
        guard let fields = fields.fields("work", example: "work: { difficulty: 16000000 }"), var work = policy.work
        else { return }
        fields.integer("difficulty", in: UInt64(1)...1 << 48).map { work.difficulty = $0 }
        fields.integer("rounds", in: 1...64).map { work.rounds = $0 }
        fields.integer("grants", in: UInt32(1)...1_000_000).map { work.grants = $0 }
        fields.seconds("ttl", in: 1...30 * 86_400).map { work.ttlSeconds = $0 }
        fields.seconds("challengeTtl", in: 1...3_600).map { work.challengeTtlSeconds = $0 }
        fields.choice("bind", WorkSettings.Binding.self).map { work.bind = $0 }
        fields.finish()
        policy.work = work
    }

    private func applyLimits(_ fields: Fields, _ policy: inout PolicySettings) {
        switch limits(fields, "free") {
        case .limits(let limits): policy.free = limits
        case .zero: (policy.free, policy.freeIsZero) = ([], true)
        case .absent, .off, .wrong: break
        }
        switch limits(fields, "ceiling") {
        case .limits(let limits): policy.ceiling = limits
        case .off: policy.ceiling = []
        case .absent: policy.raiseCeiling()
        case .wrong, .zero: break
        }
    }

    /// `cors:` of a policy.
    private func origins(_ policy: Fields, _ work: WorkSettings?) -> [String] {
        let example = "origins: [\"https://app.example.com\"]"
        guard let fields = policy.fields("cors", example: "cors: { \(example) }") else { return [] }
        defer { fields.finish() }
        if !fields.has("origins") { fields.reportMissing("origins", example: example) }
        let origins = fields.parsedList("origins", limit: 64, orSingle: true, example: example, parseOrigin) ?? []
        guard origins.contains("*") else { return origins }
        if origins.count > 1 {
            fields.report(
                "origins",
                "`*` is every origin, so the others say nothing",
                "keep `*` alone, or name each origin"
            )
        }
        if work?.bind == WorkSettings.Binding.none {
            fields.report(
                "origins",
                "`*` with `bind: none` would let any site have its visitors earn passes and carry them off",
                "write `bind: client`, or name each origin"
            )
        }
        return origins
    }

    private func page(_ policy: Fields) -> PageSettings? {
        guard let fields = policy.fields("page", example: "page: { title: \"One moment\" }") else { return nil }
        defer { fields.finish() }
        var page = PageSettings()
        page.title = fields.prose("title", byteLimit: 200)
        page.text = fields.prose("text", byteLimit: 4_096)
        page.contact = fields.prose("contact", byteLimit: 200)
        if let status = fields.integer("status", in: 100...599) {
            let known = [200, 403, 429, 503]
            if !known.contains(status) {
                fields.report(
                    "status",
                    "the page's status is \(status)",
                    "write `429`, or another of \(alternatives(known.map(String.init))) where something before Tollgate needs it"
                )
            }
            page.status = status
        }
        if let path = fields.text("logo", example: "logo: logo.svg") { page.logo = logo(path, fields) }
        return page
    }

    private func logo(_ path: String, _ fields: Fields) -> PageLogo? {
        let types = [
            "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp",
        ]
        let suffix = path.split(separator: ".").last.map { $0.lowercased() } ?? ""
        guard let type = types[suffix] else {
            fields.report(
                "logo",
                "the logo \(quoted(path)) is of no kind that browsers show",
                "use a file that ends in .svg, .png, .jpg or .webp"
            )
            return nil
        }
        let path = resolve(path)
        let bytes = readSideFile(path, byteLimit: 262_144, at: fields.valuePosition(of: "logo"))
        return bytes.map { PageLogo(path: path, contentType: type, bytes: $0) }
    }
}

extension PolicySettings {
    /// The preset's reserve, made to fit the bursts of limits that the file gives without a reserve of their own: at
    /// most half of the smallest one.
    fileprivate mutating func lowerReserve(toFit limitsAreGiven: Bool) {
        guard limitsAreGiven else { return }
        let smallest = free.map(\.burst).min() ?? 0
        reserve = UInt32(min(UInt64(reserve), smallest / 2))
    }

    /// The preset's ceiling, raised where the file's free limits would reach it: a ceiling that nobody asked for must
    /// not take away what they grant, and it leaves as much again for work.
    fileprivate mutating func raiseCeiling() {
        guard var limit = ceiling.first else { return }
        for free in free where free.key != .all {
            if free.interval < limit.interval {
                limit.interval = free.interval
                (limit.count, limit.windowNanoseconds, limit.rateText) = (
                    free.count, free.windowNanoseconds, free.rateText
                )
            }
        }
        for free in free where free.key != .all {
            var larger = limit
            larger.burst = max(limit.burst, free.burst.multipliedReportingOverflow(by: 2).partialValue)
            if !larger.fitsReplicatedTime { larger.burst = max(limit.burst, free.burst) }
            limit = larger.fitsReplicatedTime ? larger : limit
        }
        ceiling = [limit]
    }
}
