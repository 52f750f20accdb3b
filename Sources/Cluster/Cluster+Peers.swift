import NIOCore
import RaftTransport

/// Connections to the other nodes: their certificates, and how they stand.
extension Cluster {
    /// Takes other certificates, and connects anew with them. Call it when the files have changed; what is equal changes
    /// nothing. Any thread.
    /// - Throws: what is wrong with them, for the operator: nothing has changed then, and the old ones are in use.
    public func reloadCertificates(_ tls: TransportTLS) async throws(ClusterError) {
        do {
            try await loop.submit { [transport] in
                guard let transport = transport?.value else { return }
                guard transport.report.certificateNotAfterSeconds != nil else {
                    throw TransportTLSError(part: "tls", reason: "this node runs without; start it anew")
                }
                try tls.check(name: transport.identity.name, nowSeconds: PeerTransport.systemWallSeconds())
                transport.update(tls: tls)
            }.get()
        } catch let error as TransportTLSError {
            throw .certificates(error)
        } catch {
            // The loop has ended, and with it all connections.
        }
    }

    /// Who is connected, by which version of the protocol, what was sent, received, refused and dropped, and when the
    /// certificate expires; nil for a node that listens for nobody, and when it has ended.
    public func connections() async -> TransportReport? {
        guard let transport else { return nil }
        return try? await loop.submit { transport.value.report }.get()
    }

    /// A node that no peer would take does not start. One whose certificate is only out of its time does: it may still
    /// answer by what its policies say without a quorum, and takes the next certificate while it runs. What it says of that:
    /// ``CertificateWatch``.
    static func check(_ tls: TransportTLS, of name: String) throws(ClusterError) {
        do throws(TransportTLSError) {
            try tls.check(name: name, nowSeconds: PeerTransport.systemWallSeconds())
        } catch {
            guard tls.names.contains(name), !tls.isValid(nowSeconds: PeerTransport.systemWallSeconds()) else {
                throw .certificates(error)
            }
        }
    }
}
