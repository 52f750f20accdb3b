import Glibc

/// Sockets on 127.0.0.1, for the processes that are measured and for the questions asked to them.
enum Loopback {
    /// Ports of which none is in use now: kept open together until all are known, so that they differ.
    static func freePorts(_ count: Int) throws(BenchmarkError) -> [UInt16] {
        var listeners: [Listener] = []
        for _ in 0..<count { listeners.append(try Listener()) }
        return listeners.map(\.port)
    }

    /// A listening socket on a port of the kernel's choice, closed with the value.
    final class Listener {
        let descriptor: Int32
        let port: UInt16

        init() throws(BenchmarkError) {
            let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw .system("no socket") }
            self.descriptor = descriptor
            var address = Loopback.address(port: 0)
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> Int32 in
                    guard bind(descriptor, pointer, size) == 0, listen(descriptor, 16) == 0 else { return -1 }
                    return getsockname(descriptor, pointer, &size)
                }
            }
            port = UInt16(bigEndian: address.sin_port)
            guard result == 0 else { throw .system("no free port on 127.0.0.1") }
        }

        deinit { close(descriptor) }
    }

    /// Waits until somebody listens on a port.
    ///
    /// - Parameters:
    ///   - process: who is to listen there; when it ends, so does the waiting.
    ///   - log: the file that holds what it has said.
    static func await(_ port: UInt16, from process: ChildProcess, log: String) throws(BenchmarkError) {
        for _ in 0..<1_000 {
            if let descriptor = connected(port) {
                close(descriptor)
                return
            }
            guard process.isRunning else { break }
            usleep(10_000)
        }
        let said = File.read(log, bytesMax: 4_096) ?? ""
        throw BenchmarkError("\(process.name) does not listen on 127.0.0.1:\(port); it said:\n\(said)")
    }

    /// What a server answers to `GET path`, head and body, at most 64 KiB.
    static func get(_ path: String, port: UInt16) throws(BenchmarkError) -> String {
        guard let descriptor = connected(port) else { throw .system("cannot connect to 127.0.0.1:\(port)") }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        let request = "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n"
        guard send(descriptor, request, request.utf8.count, 0) == request.utf8.count else {
            throw .system("cannot send to 127.0.0.1:\(port)")
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while answer.count < 65_536 {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count >= 0 else { throw .system("127.0.0.1:\(port) does not answer") }
            if count == 0 { break }
            answer += buffer[..<count]
        }
        return String(decoding: answer, as: UTF8.self)
    }

    /// A socket that is connected to a port; nil where nobody listens there.
    static func connected(_ port: UInt16) -> Int32? {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = address(port: port)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result == 0 { return descriptor }
        close(descriptor)
        return nil
    }

    private static func address(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
