import NIOCore
import NIOPosix
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension ListenError {
    /// What an error of binding a socket means to whoever chose the address.
    public init(address: ListenAddress, binding error: any Error) {
        self.init(address: address, reason: Self.reason(address, error))
    }

    private static func reason(_ address: ListenAddress, _ error: any Error) -> String {
        let isFile = if case .unix = address { true } else { false }
        switch error {
        case let error as IOError:
            switch error.errnoCode {
            case EADDRINUSE where isFile:
                return "another program listens there, or the file is not a socket; choose another path or remove it"
            case EADDRINUSE: return "another program listens there; choose another port or stop it"
            case EACCES where isFile: return "not permitted; its folder must be writable"
            case EACCES: return "not permitted; ports below 1024 need CAP_NET_BIND_SERVICE or another port"
            case EADDRNOTAVAIL: return "this machine has no such address"
            case ENOENT where isFile: return "its folder does not exist; create it, or choose another path"
            default: return String(cString: strerror(error.errnoCode))
            }
        case SocketAddressError.unixDomainSocketPathTooLong: return "the path is too long for a socket"
        default: return "\(error)"
        }
    }
}
