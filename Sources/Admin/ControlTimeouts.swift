import NIOCore

/// How long a connection to one of the small servers may take.
struct ControlTimeouts: Sendable {
    /// From the beginning of the connection until its first request is there.
    var arrival = TimeAmount.seconds(5)
    /// From a request until it is answered, and between the pieces of a long answer.
    var request = TimeAmount.seconds(10)
    /// From an answer until the next request is there; long enough for those who ask every quarter of a minute over
    /// the same connection.
    var keepAlive = TimeAmount.seconds(30)
    /// From the last answer until the client has closed.
    var linger = TimeAmount.seconds(2)
}
