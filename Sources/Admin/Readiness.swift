/// Whether a load balancer should send requests to a node.
public enum Readiness: Sendable {
    /// It answers by its policies.
    case ready
    /// It answers by its policies, none of which needs the majority that is out of reach.
    case readyWithoutQuorum
    /// Every policy denies, since no majority can be reached.
    case noQuorum
    /// It is the only member of its cluster, and its seeds are another one.
    case astray
    /// Its disk has lost what it had acknowledged.
    case forgetful
    /// It has no state yet, or no limits.
    case starting
    /// It takes no new connections.
    case stopping

    /// What `/readyz` says.
    /// - Parameter needsQuorum: whoever asks wants a node that reaches a majority.
    func answer(needsQuorum: Bool) -> ControlAnswer {
        switch self {
        case .ready: .plain("ready\n")
        case .readyWithoutQuorum where !needsQuorum: .plain("ready, without a quorum\n")
        case .readyWithoutQuorum, .noQuorum: Self.not("no quorum")
        case .astray: Self.not("alone, and its seeds are another cluster; see `tollgate cluster status`")
        case .forgetful: Self.not("its disk has lost entries; see `tollgate cluster status --stale`")
        case .starting: Self.not("starting")
        case .stopping: Self.not("shutting down")
        }
    }

    private static func not(_ reason: String) -> ControlAnswer {
        .plain("not ready: \(reason)\n", status: .serviceUnavailable)
    }
}
