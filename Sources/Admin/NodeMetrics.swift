import Cluster
import Gateway
import Ledger
import Raft

/// What `/metrics` says of a node at one moment. A value.
public struct NodeMetrics: Sendable {
    /// What the gateway has counted; nil before it is open.
    public var gateway: GatewayMetrics?
    /// How much the ledger holds; nil while the node has no state.
    public var ledger: LedgerCounts?
    /// How the node stands to its cluster; nil where it has none.
    public var cluster: ClusterMetrics?
    /// Whether the configuration that was read last holds.
    public var isReloadOK: Bool
    /// Whether the limits in force are another file's than this node's.
    public var hasOtherLimits: Bool
    /// Of the program.
    public var version: String

    /// A value of these fields.
    public init(
        gateway: GatewayMetrics?,
        ledger: LedgerCounts?,
        cluster: ClusterMetrics?,
        isReloadOK: Bool,
        hasOtherLimits: Bool,
        version: String
    ) {
        self.gateway = gateway
        self.ledger = ledger
        self.cluster = cluster
        self.isReloadOK = isReloadOK
        self.hasOtherLimits = hasOtherLimits
        self.version = version
    }

    /// In Prometheus's text format.
    var text: String {
        var page = PrometheusText()
        if let gateway {
            writeRequests(gateway, &page)
            writeChallenges(gateway, &page)
            writeQuotas(gateway, &page)
            writeConnections(gateway, &page)
        }
        if let ledger { writeLedger(ledger, &page) }
        writeNode(&page)
        if let cluster { ClusterMetricsText.write(cluster, to: &page) }
        return page.text
    }

    private func writeRequests(_ gateway: GatewayMetrics, _ page: inout PrometheusText) {
        page.begin(
            "tollgate_requests_total",
            .counter,
            "Requests whose response has ended, by route, policy and what became of them."
        )
        for series in gateway.requests {
            page.sample(
                series.count,
                [("route", series.route), ("policy", series.policy), ("verdict", series.verdict)]
            )
        }
        page.begin(
            "tollgate_decision_seconds",
            .histogram,
            "Time from asking a policy until it has decided, by its level of consistency."
        )
        for (level, histogram) in gateway.decisions { page.sample(histogram, [("level", level)]) }
    }

    private func writeChallenges(_ gateway: GatewayMetrics, _ page: inout PrometheusText) {
        page.begin(
            "tollgate_challenges_total",
            .counter,
            "Challenges that were issued, and solutions that were handed in, by what became of them."
        )
        for series in gateway.challenges {
            page.sample(series.count, [("policy", series.policy), ("event", series.event)])
        }
        page.begin(
            "tollgate_verify_seconds",
            .histogram,
            "Time for checking a solution, until it is refused or goes to the ledger."
        )
        page.sample(gateway.verification)
        page.begin(
            "tollgate_price",
            .gauge,
            "The cluster's factor of the price of challenges, which follows the policy's load; 1 is the policy's difficulty."
        )
        for (policy, price) in gateway.prices { page.sample(price, [("policy", policy)]) }
        page.begin(
            "tollgate_client_price",
            .histogram,
            "Challenges that were issued, by the client's factor of their price."
        )
        page.sample(gateway.clientFactors)
    }

    private func writeQuotas(_ gateway: GatewayMetrics, _ page: inout PrometheusText) {
        page.begin("tollgate_slice_units", .gauge, "Units that are lent to this node and that nobody has had yet.")
        for quota in gateway.quotas { page.sample(quota.heldUnits, [("policy", quota.policy)]) }
        page.begin(
            "tollgate_over_admission_units",
            .gauge,
            "Units of one key that may be had at worst beyond its limit, by the policy's consistency and who is heard of."
        )
        for quota in gateway.quotas { page.sample(quota.overAdmissionUnits, [("policy", quota.policy)]) }
        page.begin(
            "tollgate_admitted_without_quorum_total",
            .counter,
            "Requests that were let through without a decision, or for a pass that is good at this node alone."
        )
        for quota in gateway.quotas { page.sample(quota.letThrough, [("policy", quota.policy)]) }
        page.begin(
            "tollgate_unreported_units",
            .gauge,
            "Units that were let through without a decision, and are charged when a majority decides again."
        )
        for quota in gateway.quotas { page.sample(quota.unreportedUnits, [("policy", quota.policy)]) }
        page.begin(
            "tollgate_unreportable_units_total",
            .counter,
            """
            Units that were let through without a decision and are charged to nobody, since there were too many keys, or perhaps \
            to nobody, since the answer to their report was lost.
            """
        )
        page.sample(gateway.unreportableUnits)
    }

    private func writeConnections(_ gateway: GatewayMetrics, _ page: inout PrometheusText) {
        page.begin("tollgate_connections", .gauge, "Connections of clients that are open.")
        page.sample(gateway.connections)
        page.begin(
            "tollgate_access_log_dropped_total",
            .counter,
            "Lines of the access log that were lost since their reader was too slow, or gone."
        )
        page.sample(gateway.accessLinesDropped)
        page.begin("tollgate_config_info", .gauge, "Always 1; the hash identifies the configuration that holds.")
        page.sample(1, [("hash", gateway.configurationHash)])
    }

    private func writeLedger(_ ledger: LedgerCounts, _ page: inout PrometheusText) {
        page.begin("tollgate_ledger_keys", .gauge, "Keys that the limits tell apart, of all policies.")
        page.sample(ledger.keys)
        page.begin("tollgate_ledger_records", .gauge, "Spent challenges that are remembered.")
        page.sample(ledger.records)
        page.begin("tollgate_ledger_table_bytes", .gauge, "Memory of the tables of keys and of spent challenges.")
        page.sample(ledger.tableBytes)
    }

    private func writeNode(_ page: inout PrometheusText) {
        page.begin(
            "tollgate_config_reload_ok",
            .gauge,
            "1 where the configuration that was read last holds, 0 where it was refused and an older one does."
        )
        page.sample(isReloadOK ? 1 : 0)
        page.begin(
            "tollgate_limits_differ",
            .gauge,
            "1 where the limits in force are not those of this node's file, since another node's has changed later."
        )
        page.sample(hasOtherLimits ? 1 : 0)
        page.begin("tollgate_build_info", .gauge, "Always 1; the version of the program.")
        page.sample(1, [("version", version)])
    }
}
