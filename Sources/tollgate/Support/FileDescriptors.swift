import Admin
import Cluster
import Gateway
import Logging
import NIOCore
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How many file descriptors the process may have.
enum FileDescriptors {
    /// Raises the soft limit to the hard one, which needs no privilege, and returns it. Shells and systemd start
    /// programs with 1,024, which a single client with many idle connections would use up.
    static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Sees to it that there are enough for a node of this configuration, before it opens anything.
    /// - Throws: ``DescriptorError``.
    static func check(_ configuration: Configuration) throws(DescriptorError) {
        let (allowed, needed) = (raiseLimit(), DescriptorPlan(configuration).descriptorsMin)
        guard allowed >= needed else { throw DescriptorError(allowed: allowed, needed: needed) }
    }

    /// Connections of clients for which there are descriptors, beside those to the upstreams. Warns where they are fewer
    /// than the configuration allows.
    static func connectionsMax(_ configuration: Configuration, logger: Logger) -> Int {
        let descriptors = raiseLimit()
        let wanted = configuration.limits.maxConnections
        let clients = DescriptorPlan(configuration).clientsMax(of: descriptors)
        if clients < wanted {
            logger.warning(
                "too few file descriptors for limits.maxConnections; raise the hard limit (LimitNOFILE=)",
                metadata: ["descriptors": "\(descriptors)", "connections": "\(clients)", "wanted": "\(wanted)"]
            )
        }
        return clients
    }
}

/// A process that may not have as many file descriptors as a node needs.
struct DescriptorError: Error, CustomStringConvertible {
    /// How many it may have.
    let allowed: Int
    /// How many it needs at the least.
    let needed: Int

    /// One line for people, with what to do.
    var description: String {
        """
        this process may have \(allowed) file descriptors, and a node of this configuration needs \(needed), with one for \
        each of a few clients: raise the hard limit (ulimit -Hn, LimitNOFILE=)
        """
    }
}

extension DescriptorPlan {
    /// What a node of this configuration needs.
    init(_ configuration: Configuration) {
        let controls = (configuration.probes == nil ? 0 : 1) + (configuration.admin == nil ? 0 : 1)
        self.init(
            loops: System.coreCount,
            listeners: configuration.listeners.count,
            controls: controls * ProbeServer.descriptorsMax,
            cluster: ClusterSettings.descriptorsMax(hasPeers: configuration.membership != nil),
            upstreams: configuration.upstreams.map { $0.maxConnections * $0.servers.count }
        )
    }
}
