// What can be wrong between the parts of a file.

extension Reading {
    /// Two listeners in one place: the second could not start.
    func checkListeners(_ listeners: [(address: ListenAddress, position: Position)]) {
        var bound: [(address: ListenAddress, position: Position)] = []
        for (address, position) in listeners {
            if let other = bound.first(where: { $0.address.overlaps(address) }) {
                let line = other.position.line
                report(
                    Complaint(
                        "\(quoted(address.description)) is also listened on by the listener in line \(line)",
                        "give it another port or path"
                    ),
                    at: position
                )
            }
            bound.append((address, position))
        }
    }

    /// A server that is one of our own listeners: the first request would go round for ever, or reach what may change
    /// things.
    func checkLoops(
        _ upstreams: [(settings: UpstreamSettings, position: Position)],
        _ listeners: [ListenerDraft],
        admin: ListenAddress?
    ) {
        for upstream in upstreams {
            for server in upstream.settings.servers {
                let from = "the server \(quoted(server.description)) of \(quoted(upstream.settings.name))"
                if let admin, admin.isReached(through: server) {
                    report(
                        Complaint(
                            "\(from) is Tollgate's own admin listener, so clients would reach what may change things",
                            "name the application's address"
                        ),
                        at: upstream.position
                    )
                } else if let listener = listeners.first(where: { $0.settings.address.isReached(through: server) }) {
                    report(
                        Complaint(
                            "\(from) is Tollgate's own listener \(quoted(listener.settings.address.description))",
                            "name the application's address, or listen on another port"
                        ),
                        at: upstream.position
                    )
                }
            }
        }
    }

    /// Routes that no request can reach.
    func checkReachable(_ routes: [RouteDraft]) {
        for (index, route) in routes.enumerated() {
            let earlier = routes[..<index].first {
                $0.settings.match.isUnconditional || $0.settings.match == route.settings.match
            }
            guard let earlier else { continue }
            let what = earlier.settings.match.isUnconditional ? "every request" : "the same ones"
            let other = "\(quoted(earlier.settings.name)) in line \(earlier.settings.line)"
            warn(
                Complaint(
                    "the route \(quoted(route.settings.name)) is never reached: \(other) matches \(what)",
                    "move it up, or remove it"
                ),
                at: route.fields.position
            )
        }
    }

    /// What a request costs must be payable, and what is charged to a ceiling alone must have one.
    func checkCosts(_ routes: [RouteDraft], _ policies: [PolicySettings]) {
        var checked: Fields?
        for route in routes {
            guard case .policy(_, let name, let cost, let charging) = route.settings.action,
                let policy = policies.first(where: { $0.name == name })
            else { continue }
            switch charging {
            case .freeAndCeiling:
                checkCost(cost, policy, policy.free + policy.ceiling, route.fields)
            case .ceiling:
                // The routes of an included list share their fields.
                guard checked !== route.fields else { continue }
                checked = route.fields
                if policy.ceiling.isEmpty {
                    route.fields.report(
                        "policy",
                        "the policy \(quoted(name)) has no ceiling, so what the list lets by would not be limited at all",
                        "give the policy a `ceiling`, or name another one"
                    )
                }
                checkBurst(cost, policy, policy.ceiling, route.fields)
            }
        }
    }

    /// Whether a limit can never be charged so much. Reports it.
    @discardableResult
    private func checkBurst(
        _ cost: UInt32,
        _ policy: PolicySettings,
        _ limits: [LimitSettings],
        _ fields: Fields
    ) -> Bool {
        guard let burst = limits.map(\.burst).min(), burst < cost else { return false }
        let limit = "the policy \(quoted(policy.name)) has a limit whose burst is \(burst)"
        fields.report(
            "cost",
            "a request costs \(cost) but \(limit), so none is ever admitted",
            "lower `cost`, or raise that limit's `burst` to \(cost) or more"
        )
        return true
    }

    private func checkCost(_ cost: UInt32, _ policy: PolicySettings, _ limits: [LimitSettings], _ fields: Fields) {
        if checkBurst(cost, policy, limits, fields) { return }
        if let work = policy.work, work.grants < cost {
            fields.report(
                "cost",
                "a request costs \(cost) but a pass of the policy \(quoted(policy.name)) is good for \(work.grants)",
                "lower `cost`, or raise the policy's `grants`"
            )
        } else if let smallest = policy.free.map(\.burst).min(), policy.reserve > 0,
            UInt64(cost) + UInt64(policy.reserve) > smallest
        {
            let reserve = "the policy's reserve of \(policy.reserve)"
            fields.warn(
                "cost",
                "a page costs \(cost) and must leave \(reserve), which a burst of \(smallest) never has",
                "lower `cost` or `reserve`, or raise `burst`"
            )
        }
    }

    /// What nothing refers to.
    func checkUsed(_ routes: [RouteDraft], _ root: Fields, _ names: Names) {
        var upstreams = Set<String>()
        var policies = Set<String>()
        for route in routes {
            switch route.settings.action {
            case .allow(let upstream): if let upstream { upstreams.insert(upstream) }
            case .deny: break
            case .policy(let upstream, let policy, _, _):
                if let upstream { upstreams.insert(upstream) }
                policies.insert(policy)
            }
        }
        for (field, kind, defined, used) in [
            // Where nothing is forwarded, that has been said.
            ("upstreams", "upstream", names.forwards ? names.upstreams : [], upstreams),
            ("policies", "policy", names.policies, policies),
        ] {
            guard case .mapping(let entries) = root.value(field)?.content else { continue }
            for entry in entries where defined.contains(entry.key) && !used.contains(entry.key) {
                warn(
                    Complaint("no route uses the \(kind) \(quoted(entry.key))", "remove it, or use it in a route"),
                    at: entry.position
                )
            }
        }
    }
}

extension ListenAddress {
    /// Whether two listeners cannot both be there.
    fileprivate func overlaps(_ other: ListenAddress) -> Bool {
        switch (self, other) {
        case (.unix(let path), .unix(let otherPath)): path == otherPath
        case (.tcp(let host, let port), .tcp(let otherHost, let otherPort)):
            port != 0 && port == otherPort && host.isIPv4 == otherHost.isIPv4
                && (host == otherHost || host.isUnspecified || otherHost.isUnspecified)
        default: false
        }
    }

    /// Whether who connects to `server` from this host reaches this listener.
    fileprivate func isReached(through server: UpstreamServer) -> Bool {
        switch (self, server) {
        case (.unix(let path), .unix(let serverPath)): path == serverPath
        case (.tcp(let host, let port), .address(let address, let serverPort)):
            port == serverPort
                && (host == address || address.isUnspecified || (host.isUnspecified && address.isLoopback))
        case (.tcp(let host, let port), .name("localhost", let serverPort)):
            port == serverPort && (host.isUnspecified || host.isLoopback)
        default: false
        }
    }
}
