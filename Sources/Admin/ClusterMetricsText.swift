import Cluster
import Gateway

/// What `/metrics` says of a cluster.
enum ClusterMetricsText {
    /// Each is one of these at a time.
    private static let roles = [
        "leader", "follower", "pre-candidate", "candidate", "learner", "founding", "waiting", "removed",
    ]

    static func write(_ metrics: ClusterMetrics, to page: inout PrometheusText) {
        let view = metrics.view
        let status = view.status
        page.begin("tollgate_raft_term", .gauge, "The latest term that this node has seen.")
        page.sample(status?.term.rawValue ?? 0)
        page.begin("tollgate_raft_role", .gauge, "1 for what this node is in its cluster, 0 for what it is not.")
        let own = role(view)
        for role in roles { page.sample(role == own ? 1 : 0, [("role", role)]) }
        page.begin("tollgate_raft_commit_index", .gauge, "The last entry that this node knows to be decided.")
        page.sample(status?.commitIndex.rawValue ?? 0)
        page.begin("tollgate_raft_applied_index", .gauge, "The last entry that this node's state includes.")
        page.sample(status?.appliedIndex.rawValue ?? 0)
        page.begin("tollgate_raft_peer_lag", .gauge, "Of a leader: decided entries that a member lacks.")
        for (peer, entries) in metrics.lags { page.sample(entries, [("peer", peer)]) }
        page.begin("tollgate_quorum", .gauge, "1 where a majority decides, as far as this node knows.")
        page.sample(view.hasQuorum ? 1 : 0)
        page.begin("tollgate_replica_diverged", .gauge, "1 where this node's state differs from the majority's.")
        page.sample(status?.hasDiverged == true ? 1 : 0)
        page.begin("tollgate_replica_forgetful", .gauge, "1 where this node's disk has lost what it was told to keep.")
        page.sample(view.isForgetful ? 1 : 0)
        page.begin("tollgate_disk_full", .gauge, "1 where the disk of the log is full: nothing is accepted here.")
        page.sample(status?.isDiskFull == true ? 1 : 0)
        page.begin("tollgate_alarms", .gauge, "What is wrong now; `tollgate cluster status` says it.")
        page.sample(view.alarms.count)
        page.begin("tollgate_peers_connected", .gauge, "Other members that there is a connection with.")
        page.sample(view.membersConnected)
        page.begin("tollgate_members", .gauge, "Members of the cluster, by whether they vote.")
        let voters = status?.configuration.voters.count ?? 0
        page.sample(voters, [("voter", "true")])
        page.sample((status?.configuration.members.count ?? 0) - voters, [("voter", "false")])
        page.begin("tollgate_snapshot_index", .gauge, "The last entry that the newest snapshot of this node includes.")
        page.sample(status?.snapshotIndex.rawValue ?? 0)
        page.begin("tollgate_snapshot_bytes", .gauge, "The length of the newest snapshot of this node.")
        page.sample(status?.snapshotBytes ?? 0)
        if let seconds = metrics.certificateNotAfterSeconds {
            page.begin(
                "tollgate_certificate_not_after_seconds",
                .gauge,
                "When the certificate that this node shows its peers expires, in seconds since 1970."
            )
            page.sample(seconds)
        }
        page.begin("tollgate_log_fsync_seconds", .histogram, "Time for making a group of entries durable.")
        let times = metrics.logTimes
        page.sample(Histogram(bounds: LogTimes.bounds, counts: times.counts, sum: times.sum))
    }

    private static func role(_ view: ClusterView) -> String {
        guard let status = view.status, view.membership == .member else { return view.membership.rawValue }
        return status.configuration.isLearner(status.id) ? "learner" : status.role.name
    }
}
