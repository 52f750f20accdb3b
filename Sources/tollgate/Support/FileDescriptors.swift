#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How many file descriptors the process may have.
enum FileDescriptors {
    /// For everything but connections: listeners, event loops, files, standard streams.
    static let reserved = 64

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
}
