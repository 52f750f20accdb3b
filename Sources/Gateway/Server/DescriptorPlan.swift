/// How the file descriptors that a process may have are divided.
///
/// A log whose files cannot be opened ends the node. What a node needs for itself, and what others may take of it by
/// connecting, is therefore kept back in advance, at its most; clients, and the connections to the upstreams that they
/// bring about, have the rest. Arithmetic alone.
public struct DescriptorPlan: Sendable, Hashable {
    /// Of each event loop: epoll(7), eventfd(2) and timerfd_create(2).
    private static let perLoop = 3
    /// Standard streams, the access log, the watch of the files, files that are being read, names that are being looked up.
    private static let others = 64
    /// What is counted with at most; nobody has so many.
    private static let descriptorsMax = 1 << 30

    /// Loops that serve clients.
    private let loops: Int
    /// The most connections to each upstream.
    private let upstreams: [Int]
    /// Kept back: everything but clients and upstreams.
    public let reserved: Int

    /// - Parameters:
    ///   - loops: loops that serve clients, at least 1. The program has as many again for short work, and the replica's.
    ///   - listeners: listeners for clients. Each has a socket for each loop.
    ///   - controls: connections of all probes and admin interfaces, their listeners among them.
    ///   - cluster: what the node's part in the cluster takes: its files, and connections of peers and to them.
    ///   - upstreams: the most connections to each upstream.
    public init(loops: Int, listeners: Int, controls: Int, cluster: Int, upstreams: [Int]) {
        self.loops = loops
        self.upstreams = upstreams
        reserved = Self.others + Self.perLoop * (2 * loops + 1) + listeners * loops + controls + cluster
    }

    /// With fewer a node does not start: beside what is kept back, each loop has a client and its upstreams.
    public var descriptorsMin: Int { reserved + loops * (1 + upstreams.count) }

    /// Connections of clients that there may be, on all loops together: so many that each of them may have used every
    /// upstream, whose connections stay open for the next. At least 1.
    /// - Parameter descriptors: how many the process may have.
    public func clientsMax(of descriptors: Int) -> Int {
        let rest = min(descriptors, Self.descriptorsMax) - reserved
        var (fits, fitsNot) = (1, max(rest, 1) + 1)
        while fitsNot - fits > 1 {
            let clients = (fits + fitsNot) / 2
            let needed = upstreams.reduce(clients) { $0 + min($1, clients) }
            if needed <= rest { fits = clients } else { fitsNot = clients }
        }
        return fits
    }
}
