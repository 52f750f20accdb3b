import Raft
import Wire

/// What a node's metrics say of its cluster, at one moment.
public struct ClusterMetrics: Sendable {
    /// How it stands.
    public var view: ClusterView
    /// How long its log took.
    public var logTimes: LogTimes
    /// Of a leader: how many entries each other member lacks of what is decided, by name.
    public var lags: [(peer: String, entries: UInt64)]
    /// When the certificate that this node shows its peers expires, in seconds since 1970; nil without TLS.
    public var certificateNotAfterSeconds: Int64?
}

extension Cluster {
    /// What happened so far. Any thread.
    public func metrics() async -> ClusterMetrics {
        let view = view
        let members = view.status?.configuration.members ?? []
        let lags = (view.status?.progress ?? []).compactMap { seen -> (peer: String, entries: UInt64)? in
            guard let status = view.status, seen.id != status.id,
                let name = members.first(where: { $0.id == seen.id })?.name
            else { return nil }
            let (commit, match) = (status.commitIndex.rawValue, seen.progress.match.rawValue)
            return (name, commit > match ? commit - match : 0)
        }
        return ClusterMetrics(
            view: view,
            logTimes: log.times.withLockedValue { $0 },
            lags: lags.sorted { $0.peer < $1.peer },
            certificateNotAfterSeconds: await connections()?.certificateNotAfterSeconds
        )
    }
}
