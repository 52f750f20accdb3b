import NIOCore
import NIOSSL
import X509

/// This node's certificate and key, and the authority that signs its peers': what a connection by TLS is made with.
///
/// TLS 1.3 only, both sides show a certificate, and only the given authorities count, not those of the system. No host name
/// is checked: a node is whom its certificate names (``Handshake``), wherever it is reached. Any thread.
public struct TransportTLS: Sendable {
    /// A closing connection waits so long for the other side's good-bye.
    static let shutdownTimeout = TimeAmount.milliseconds(500)

    /// The DNS names in this node's own certificate.
    public let names: [String]
    /// When this node's own certificate expires, in seconds since 1970.
    public let notAfterSeconds: Int64
    /// When it begins to hold, in seconds since 1970.
    public let notBeforeSeconds: Int64
    let client: NIOSSLContext
    let server: NIOSSLContext
    private let chain: [NIOSSLCertificate]
    private let roots: [NIOSSLCertificate]

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
        // Before a context is made: the memory of one that cannot be is lost, and files are read again and again.
        guard !Self.isOfAnother(key, than: chain[0]) else {
            throw TransportTLSError(part: "key", reason: "it does not belong to the certificate")
        }
        names = CertificateNames.dnsNames(of: chain[0])
        notAfterSeconds = Int64(chain[0].notValidAfter)
        notBeforeSeconds = Int64(chain[0].notValidBefore)
        (self.chain, self.roots) = (chain, roots)
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

    /// Whether nothing differs. The key is the certificate's.
    func isSame(as other: TransportTLS) -> Bool { chain == other.chain && roots == other.roots }

    /// Whether the same peers are let in.
    func hasSameAuthorities(as other: TransportTLS) -> Bool { roots == other.roots }

    /// Whether this node's own certificate holds at this time, in seconds since 1970.
    public func isValid(nowSeconds: Int64) -> Bool { notBeforeSeconds <= nowSeconds && nowSeconds <= notAfterSeconds }

    /// Whether peers that have the same authorities will take this node for the one of this name, as far as it can be said
    /// here: whoever has files that do not hold should learn it before a connection is made with them.
    /// - Parameter nowSeconds: the time of day, in seconds since 1970.
    public func check(name: String, nowSeconds: Int64) throws(TransportTLSError) {
        func fault(_ reason: String) -> TransportTLSError { TransportTLSError(part: "certificate", reason: reason) }
        guard names.contains(name) else {
            let named = names.isEmpty ? "no node" : names.prefix(4).joined(separator: ", ")
            throw fault(
                "it names \(named), and this node is \(name): make one with \"tollgate certificates create --nodes \(name)\""
            )
        }
        guard nowSeconds <= notAfterSeconds else {
            throw fault("it has expired: renew it (\"tollgate certificates renew\"), or set the clock right")
        }
        guard nowSeconds >= notBeforeSeconds else {
            throw fault("it is of the future: set the clock right")
        }
        do { try SelfHandshake.run(client: client, server: server) } catch {
            throw fault("no peer of the authority in `ca` would take it: \(TLSFailure.text(error))")
        }
    }

    /// Whether a key is not the certificate's. No where one of them is of a kind that is not known here.
    private static func isOfAnother(_ key: [UInt8], than certificate: NIOSSLCertificate) -> Bool {
        guard let bytes = try? certificate.toDERBytes(), let certificate = try? Certificate(derEncoded: bytes),
            let key = try? Certificate.PrivateKey(pemEncoded: String(decoding: key, as: UTF8.self))
        else { return false }
        return key.publicKey != certificate.publicKey
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

    /// A value of these fields.
    public init(part: String, reason: String) {
        self.part = part
        self.reason = reason
    }

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
        let words = words(of: error)
        return remedies.first { words.contains($0.word) }.map { "\(words) (\($0.remedy))" } ?? words
    }

    /// What to do, by what the words contain. The first that fits counts.
    private static let remedies: [(word: String, remedy: String)] = [
        ("ALERT_CERTIFICATE_EXPIRED", "the peer finds this node's certificate expired: renew it"),
        (
            "ALERT_UNKNOWN_CA",
            "the peer does not know the authority of this node's certificate: give all nodes one `ca`"
        ),
        ("ALERT_CERTIFICATE_REQUIRED", "the peer was shown no certificate"),
        (
            "CERTIFICATE_VERIFY_FAILED",
            "the certificate has expired, is not of the authority in `ca`, or not for this use: see \"tollgate certificates\""
        ),
        ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "whoever dialled is no node, or has no certificate configured"),
        ("WRONG_VERSION_NUMBER", plain), ("HTTP_REQUEST", plain), ("HTTPS_PROXY_REQUEST", plain),
        ("UNSUPPORTED_PROTOCOL", "nodes speak TLS 1.3"),
    ]
    private static let plain = "it does not speak TLS: give every node of the cluster certificates, or none"

    private static func words(of error: any Error) -> String {
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
