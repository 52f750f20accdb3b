import CLinux
import Glibc

/// Clients of HTTP/1.1 servers on loopback: connections that are kept open, each with at most one request on its way.
///
/// One thread and one epoll instance serve them all, and a request is an array that was made before: a load generator
/// shares its processors with what it measures, and should cost next to nothing. One thread uses it.
final class HTTPClients {
    /// What came back for a request.
    struct Answer {
        /// Which connection.
        let place: Int
        let status: Int
        /// Valid within the call that is handed it.
        let body: UnsafeRawBufferPointer
        /// When the request was sent and the answer was whole, in nanoseconds of ``Clock``.
        let sentAt: UInt64
        let receivedAt: UInt64
    }

    private var connections: [HTTPConnection] = []
    private let poll: Int32

    /// Connects so many times, to the ports in turns.
    init(ports: [UInt16], connections count: Int) throws(BenchmarkError) {
        poll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard poll >= 0 else { throw .system("no epoll") }
        for place in 0..<count {
            let connection = try HTTPConnection(port: ports[place % ports.count])
            connections.append(connection)
            var event = epoll_event()
            event.events = EPOLLIN.rawValue
            event.data.u64 = UInt64(place)
            guard epoll_ctl(poll, EPOLL_CTL_ADD, connection.descriptor, &event) == 0 else { throw .system("no epoll") }
        }
    }

    deinit { close(poll) }

    /// Sends a request on each connection, and another one whenever one was answered.
    ///
    /// - Parameters:
    ///   - secondsMax: how long no answer may come; then it throws.
    ///   - next: the next request of a connection; nil: it rests. The run is over when all rest.
    ///   - answered: takes an answer, and says whether to go on; a run that is broken off leaves requests on their way,
    ///     and must be the last.
    func run(
        secondsMax: Int = 10,
        next: (_ place: Int) -> [UInt8]?,
        answered: (Answer) -> Bool
    ) throws(BenchmarkError) {
        var waiting = 0
        for (place, connection) in connections.enumerated() {
            guard let request = next(place) else { continue }
            try connection.send(request)
            waiting += 1
        }
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while waiting > 0 {
            let count = epoll_wait(poll, &events, Int32(events.count), Int32(secondsMax * 1_000))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw BenchmarkError("no answer came for \(secondsMax) s") }
            for event in events[..<Int(count)] {
                let place = Int(event.data.u64)
                let connection = connections[place]
                guard let answer = try connection.receive(place) else { continue }
                guard answered(answer) else { return }
                if let request = next(place) {
                    try connection.send(request)
                } else {
                    waiting -= 1
                }
            }
        }
    }
}

/// One of the connections.
private final class HTTPConnection {
    /// The longest answer that is taken, head and body.
    private static let answerBytesMax = 16_384

    let descriptor: Int32
    private let port: UInt16
    private let buffer: UnsafeMutableRawBufferPointer
    private var filled = 0
    private var sentAt: UInt64 = 0

    init(port: UInt16) throws(BenchmarkError) {
        guard let descriptor = Loopback.connected(port) else { throw .system("cannot connect to 127.0.0.1:\(port)") }
        self.descriptor = descriptor
        self.port = port
        buffer = .allocate(byteCount: Self.answerBytesMax, alignment: 16)
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit {
        close(descriptor)
        buffer.deallocate()
    }

    /// Requests are short and one at a time: the socket's buffer takes each whole.
    func send(_ request: [UInt8]) throws(BenchmarkError) {
        filled = 0
        sentAt = Clock.nanoseconds()
        guard Glibc.send(descriptor, request, request.count, 0) == request.count else {
            throw .system("cannot send to 127.0.0.1:\(port)")
        }
    }

    /// Takes what has come. Returns the answer once it is whole.
    func receive(_ place: Int) throws(BenchmarkError) -> HTTPClients.Answer? {
        let count = recv(descriptor, buffer.baseAddress! + filled, buffer.count - filled, 0)
        guard count > 0 else {
            throw count == 0
                ? BenchmarkError("127.0.0.1:\(port) closed a connection") : .system("127.0.0.1:\(port) does not answer")
        }
        filled += count
        let received = UnsafeRawBufferPointer(rebasing: buffer[..<filled])
        guard let head = HTTPAnswerHead(received) else {
            if filled == buffer.count { throw BenchmarkError("127.0.0.1:\(port) answers more than \(filled) bytes") }
            return nil
        }
        guard let length = head.bodyLength, head.length + length <= buffer.count else {
            throw BenchmarkError("an answer of 127.0.0.1:\(port) has no Content-Length, or too much of it")
        }
        guard filled >= head.length + length else { return nil }
        return HTTPClients.Answer(
            place: place,
            status: head.status,
            body: UnsafeRawBufferPointer(rebasing: received[head.length..<head.length + length]),
            sentAt: sentAt,
            receivedAt: Clock.nanoseconds()
        )
    }
}

/// As much of an answer's head as is needed to find its end.
private struct HTTPAnswerHead {
    let status: Int
    /// With the empty line.
    let length: Int
    let bodyLength: Int?

    private static let contentLength = Array("content-length:".utf8)

    /// - Returns: nil while it is not whole.
    init?(_ bytes: UnsafeRawBufferPointer) {
        // "HTTP/1.1 200 ", then lines.
        guard bytes.count > 12 else { return nil }
        var bodyLength: Int?
        var start = 0
        while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if end - start <= 1 {
                status = (9..<12).reduce(0) { $0 * 10 + Int(bytes[$1] &- 48) }
                length = end + 1
                self.bodyLength = bodyLength
                return
            }
            if let found = Self.bodyLength(bytes[start..<end]) { bodyLength = found }
            start = end + 1
        }
        return nil
    }

    /// What a line says of the body's length; nil where it says something else.
    private static func bodyLength(_ line: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard line.count > contentLength.count, zip(line, contentLength).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) else {
            return nil
        }
        return line.dropFirst(contentLength.count).reduce(0) { sum, byte in
            (48...57).contains(byte) ? sum * 10 + Int(byte - 48) : sum
        }
    }
}
