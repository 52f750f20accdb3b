import NIOCore
import NIOSSL
import X509

/// This node's certificate and key, and the authority that signs its peers': what a connection by TLS is made with.
///
/// TLS 1.3 only, both sides show a certificate, and only the given authorities count, not those of the system. No host name
/// is checked: a node is whom its certificate names (``Handshake``), wherever it is reached. Any thread.
public struct TransportTLS: Sendable {
    /// A closing connection waits so long for the other side's good-bye.
    private static let shutdownTimeout = TimeAmount.milliseconds(500)

    /// The DNS names in this node's own certificate.
    public let names: [String]
    /// When this node's own certificate expires, in seconds since 1970.
    public let notAfterSeconds: Int64
    let client: NIOSSLContext
    let server: NIOSSLContext

    /// Reads what the files of a configuration hold.
    /// - Parameters:
    ///   - certificate: PEM: this node's certificate, then those between it and the authority, if any.
    ///   - key: PEM: the certificate's private key.
    ///   - authorities: PEM: one or more certificates.
    /// - Throws: what is wrong, for the operator.
    public init(certificate: [UInt8], key: [UInt8], authorities: [UInt8]) throws(TransportTLSError) {
        let chain = try Self.certificates(certificate, "certificate")
        let roots = try Self.certificates(authorities, "ca")
        let privateKey: NIOSSLPrivateKey
        do {
            privateKey = try NIOSSLPrivateKey(bytes: key, format: .pem)
        } catch {
            throw TransportTLSError(part: "key", reason: "it holds no private key in PEM without a passphrase")
        }
        names = CertificateNames.dnsNames(of: chain[0])
        notAfterSeconds = Int64(chain[0].notValidAfter)
        var server = TLSConfiguration.makeServerConfigurationWithMTLS(
            certificateChain: chain.map { .certificate($0) },
            privateKey: .privateKey(privateKey),
            trustRoots: .certificates(roots)
        )
        var client = TLSConfiguration.makeClientConfiguration()
        client.certificateChain = server.certificateChain
        client.privateKey = server.privateKey
        client.trustRoots = server.trustRoots
        client.certificateVerification = .noHostnameVerification
        client.minimumTLSVersion = .tlsv13
        client.shutdownTimeout = Self.shutdownTimeout
        server.minimumTLSVersion = .tlsv13
        server.shutdownTimeout = Self.shutdownTimeout
        do {
            self.client = try NIOSSLContext(configuration: client)
            self.server = try NIOSSLContext(configuration: server)
        } catch {
            throw TransportTLSError(
                part: "key",
                reason: "it does not belong to the certificate: \(TLSFailure.text(error))"
            )
        }
    }

    private static func certificates(_ pem: [UInt8], _ part: String) throws(TransportTLSError) -> [NIOSSLCertificate] {
        let certificates = try? NIOSSLCertificate.fromPEMBytes(pem)
        guard let certificates, !certificates.isEmpty else {
            throw TransportTLSError(part: part, reason: "it holds no certificate in PEM")
        }
        return certificates
    }
}

/// Why no TLS can be had of what a configuration names.
public struct TransportTLSError: Error, Hashable, CustomStringConvertible {
    /// What is at fault: `certificate`, `key` or `ca`, as the configuration calls it.
    public let part: String
    /// Why, for people.
    public let reason: String

    /// One line for people.
    public var description: String { "\(part): \(reason)" }
}

/// The names in a certificate.
enum CertificateNames {
    /// The DNS names among its alternative names, in their order. The common name is not looked at. Empty for a certificate
    /// that cannot be read.
    static func dnsNames(of certificate: NIOSSLCertificate) -> [String] {
        guard let bytes = try? certificate.toDERBytes(), let parsed = try? Certificate(derEncoded: bytes),
            let names = try? parsed.extensions.subjectAlternativeNames
        else { return [] }
        return names.compactMap { if case .dnsName(let name) = $0 { name } else { nil } }
    }
}

/// What went wrong with TLS, in few words.
enum TLSFailure {
    /// The part of OpenSSL's error lines that says something, such as `CERTIFICATE_VERIFY_FAILED`.
    static func text(_ error: any Error) -> String {
        let stack: NIOBoringSSLErrorStack
        switch error {
        case NIOSSLError.handshakeFailed(.sslError(let errors)), BoringSSLError.sslError(let errors): stack = errors
        case NIOSSLError.handshakeFailed(.zeroReturn), NIOSSLError.uncleanShutdown: return "closed in the middle"
        default: return Refusal.printable("\(error)")
        }
        // "Error: 268435581 error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at FILE:LINE"
        let words = stack.map { line in
            let text = line.description.split(separator: " at ").first ?? ""
            return text.split(separator: ":").last.map(String.init) ?? line.description
        }
        return Refusal.printable(words.joined(separator: ", "))
    }
}
