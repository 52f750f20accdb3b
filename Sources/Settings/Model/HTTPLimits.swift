/// `limits:`, bounds on connections and requests, whatever their policy. None is a total time: clones and event streams
/// are long. All are per node.
public struct HTTPLimits: Sendable, Equatable {
    /// Bytes of a request's head: its first line and header. 1,024…1,048,576; default 65,536. Above: 431.
    public var headerBytes = 65_536
    /// Header fields of a request. 10…1,000; default 100. Above: 431.
    public var headerCount = 100
    /// Bytes of a request's target. 256…65,536, at most `headerBytes`; default 8,192. Above: 414.
    public var targetBytes = 8_192
    /// Bytes of a request's body, nil for no bound, which is the default (git pushes are large). Above: 413.
    public var bodyBytes: UInt64?
    /// From a connection's acceptance, or a request's first byte, to the end of its head. 1 s…10 min; default 30 s.
    public var headerTimeoutNanoseconds: Int64 = 30_000_000_000
    /// Between two pieces of a request's body. 1 s…1 h; default 60 s.
    public var bodyIdleTimeoutNanoseconds: Int64 = 60_000_000_000
    /// While a client takes nothing of a response that waits for it. 1 s…1 h; default 60 s.
    public var writeIdleTimeoutNanoseconds: Int64 = 60_000_000_000
    /// Between two requests of a connection. 1 s…1 h; default 75 s.
    public var keepAliveTimeoutNanoseconds: Int64 = 75_000_000_000
    /// Connections of clients at one time, on all listeners together. 1…1,000,000; default 10,000.
    public var maxConnections = 10_000
    /// What a shutdown grants to requests that run. 0…1 h; default 30 s.
    public var shutdownDeadlineNanoseconds: Int64 = 30_000_000_000
}
