import Settings

/// The endpoints that only check listeners have, by which another proxy asks (DESIGN section 5, "Check").
enum CheckEndpoint: Equatable, Sendable {
    /// Decides on the request that the proxy describes, and charges it.
    case check
    /// Says what `check` would refuse, and charges nothing.
    case refusal

    static let checkPath = Endpoint.base + "check"
    static let refusalPath = Endpoint.base + "refusal"

    /// The endpoint that a request line names, or nil where it names another of the gateway's.
    ///
    /// It is told from the target as it came: what a client wrote behind Envoy's prefix must not be able to climb out of
    /// it. Proxies write these paths as they are; no other spelling of them is taken.
    ///
    /// - Parameters:
    ///   - target: the target as it stood in the request line.
    ///   - family: Envoy asks with the request's own path behind `check`, and shows refusals itself.
    init?(target: UnsafeRawBufferPointer, family: CheckFamily) {
        if family == .envoy {
            let prefix = Self.checkPath.utf8
            guard target.count > prefix.count, target.starts(with: prefix), target[prefix.count] == UInt8(ascii: "/")
            else { return nil }
            self = .check
            return
        }
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        if path.elementsEqual(Self.checkPath.utf8) {
            self = .check
        } else if path.elementsEqual(Self.refusalPath.utf8) {
            self = .refusal
        } else {
            return nil
        }
    }
}
