#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Ports that nobody uses. Somebody may take them before they are used: for trials on loopback.
enum FreePorts {
    /// The system gave none; one sentence for a person.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Different ones, of 127.0.0.1.
    static func onLoopback(_ count: Int) throws(Failure) -> [Int] {
        var descriptors: [Int32] = []
        // All are held until the last is found, so that none is found twice.
        defer { for descriptor in descriptors { close(descriptor) } }
        var ports: [Int] = []
        for _ in 0..<count {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw failure }
            descriptors.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafeMutableBytes(of: &address) { bytes in
                let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
                return bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
            guard isBound else { throw failure }
            ports.append(Int(UInt16(bigEndian: address.sin_port)))
        }
        return ports
    }

    private static var failure: Failure {
        Failure(description: "cannot find a free port: \(String(cString: strerror(errno)))")
    }
}
