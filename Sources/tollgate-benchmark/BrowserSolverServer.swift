import Glibc

/// The HTTP server that the browser's page talks to: a few files, a question that waits for its answer, and results.
///
/// On loopback, below a path that holds 128 random bits, which no other program on the machine knows. Bounded in
/// connections, bytes and time. It runs only inside ``next(secondsMax:while:)``: no thread, and no work while something
/// else is being measured.
final class BrowserSolverServer {
    static let connectionsMax = 32
    static let requestBytesMax = 16_384

    /// What the page has said.
    enum Event: Equatable {
        /// It waits for something to do.
        case ready
        case result(String)
        case failure(String)
    }

    struct Page {
        let type: String
        let bytes: [UInt8]
    }

    private struct Connection {
        let descriptor: Int32
        var received: [UInt8] = []
    }

    private let listener: Loopback.Listener
    private let base: String
    private let pages: [String: Page]
    private var connections: [Connection] = []
    /// The connection of the page's question for work, which is answered when there is some.
    private var asking: Int32?

    init(pages: [String: Page]) throws(BenchmarkError) {
        self.pages = pages
        listener = try Loopback.Listener()
        var generator = SystemRandomNumberGenerator()
        base = "/" + String(generator.next(), radix: 36) + String(generator.next(), radix: 36) + "/"
    }

    deinit {
        for connection in connections { close(connection.descriptor) }
        if let asking { close(asking) }
    }

    var url: String { "http://127.0.0.1:\(listener.port)\(base)" }

    /// Answers the page's question; it must have been asked (``Event/ready``).
    func assign(_ json: String) {
        guard let asking else { preconditionFailure("the page has not asked") }
        self.asking = nil
        Self.answer(asking, status: "200 OK", type: "application/json", body: Array(json.utf8))
    }

    /// Serves until the page says something; nil when the time is over or the condition no longer holds.
    func next(secondsMax: Int, while condition: () -> Bool) -> Event? {
        let deadline = Clock.nanoseconds() + UInt64(secondsMax) * 1_000_000_000
        while Clock.nanoseconds() < deadline, condition() {
            var watched = [pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)]
            watched += connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            guard poll(&watched, nfds_t(watched.count), 100) > 0 else { continue }
            for index in connections.indices.reversed() where watched[index + 1].revents != 0 {
                if let event = readable(index) { return event }
            }
            if watched[0].revents != 0 { accept() }
        }
        return nil
    }

    private func accept() {
        let descriptor = Glibc.accept(listener.descriptor, nil, nil)
        guard descriptor >= 0 else { return }
        // A browser opens connections that it may never use: the oldest makes room.
        if connections.count >= Self.connectionsMax { close(connections.removeFirst().descriptor) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        // A reader that stands still must not hold the benchmark up.
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        connections.append(Connection(descriptor: descriptor))
    }

    /// Takes what a connection has sent, and answers if its request is whole.
    private func readable(_ index: Int) -> Event? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let descriptor = connections[index].descriptor
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count < 0, errno == EAGAIN || errno == EINTR { return nil }
        guard count > 0, connections[index].received.count + count <= Self.requestBytesMax else {
            connections.remove(at: index)
            close(descriptor)
            return nil
        }
        connections[index].received += buffer[..<count]
        guard let request = Request(connections[index].received) else { return nil }
        connections.remove(at: index)
        return serve(request, descriptor)
    }

    /// Answers one request and closes its connection.
    private func serve(_ request: Request, _ descriptor: Int32) -> Event? {
        guard request.path.hasPrefix(base) else {
            Self.answer(descriptor, status: "404 Not Found", type: "text/plain", body: [])
            return nil
        }
        let name = String(request.path.dropFirst(base.count))
        switch (request.method, name) {
        case ("GET", "next"):
            if let asking { close(asking) }
            asking = descriptor
            return .ready
        case ("POST", "result"):
            Self.answer(descriptor, status: "204 No Content", type: "text/plain", body: [])
            return .result(request.body)
        case ("POST", "failure"):
            Self.answer(descriptor, status: "204 No Content", type: "text/plain", body: [])
            return .failure(request.body)
        default:
            if request.method == "GET", let page = pages[name] {
                Self.answer(descriptor, status: "200 OK", type: page.type, body: page.bytes)
            } else {
                Self.answer(descriptor, status: "404 Not Found", type: "text/plain", body: [])
            }
            return nil
        }
    }

    private static func answer(_ descriptor: Int32, status: String, type: String, body: [UInt8]) {
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.count)\r\nConnection: close\r\n"
            + "Cache-Control: no-store\r\n\r\n"
        var rest = (Array(head.utf8) + body)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        close(descriptor)
    }
}

extension BrowserSolverServer {
    /// As much of HTTP/1.1 as the page uses: a method, a path, and a body of a known length.
    struct Request {
        let method: String
        let path: String
        let body: String

        /// - Returns: nil while it is not whole.
        init?(_ bytes: [UInt8]) {
            let text = String(decoding: bytes, as: UTF8.self)
            let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            let lines = parts[0].split(separator: "\r\n")
            let words = lines.first?.split(separator: " ") ?? []
            guard words.count == 3 else { return nil }
            var length = 0
            for line in lines.dropFirst() {
                let field = line.split(separator: ":", maxSplits: 1)
                guard field.count == 2, field[0].lowercased() == "content-length" else { continue }
                length = Int(field[1].filter { $0 != " " }) ?? 0
            }
            guard parts[1].utf8.count >= length else { return nil }
            method = String(words[0])
            path = String(words[1])
            body = String(parts[1])
        }
    }
}
