import Crypto
import FoundationEssentials
import SwiftASN1
import X509

/// The authority of one cluster: it signs the certificates by which its nodes know each other. Keys are ECDSA over P-256.
///
/// A value; no files, no clock but the one that is passed in.
public struct CertificateAuthority: Sendable {
    /// Longest validity that can be asked for: ten times that of the authority.
    public static let daysMax = 36_500
    /// Validity of an authority: ten years. Another one must be given to every node at once, so it is not to be needed soon.
    public static let authorityDays = 3_650
    /// Longest name of a node, in bytes: a file is named after it.
    public static let nameBytesMax = 240
    /// How long before it was made a certificate holds already: clocks differ.
    private static let backdating: TimeInterval = 3_600
    /// Longest common name (RFC 5280, appendix A.1, ub-common-name).
    private static let commonNameBytesMax = 64

    /// A certificate and its key, in PEM.
    public struct Issued: Sendable {
        /// The certificate.
        public let certificate: String
        /// The private key, PKCS #8 without a passphrase.
        public let key: String
        /// When the certificate expires.
        public let notAfter: Date
    }

    private let certificate: Certificate
    private let key: Certificate.PrivateKey

    /// Makes a new one.
    public init(now: Date) throws(CertificatesError) {
        let key = Certificate.PrivateKey(P256.Signing.PrivateKey())
        self.key = key
        certificate = try Self.attempt {
            let name = try DistinguishedName { CommonName("Tollgate cluster authority") }
            return try Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(),
                publicKey: key.publicKey,
                notValidBefore: now - Self.backdating,
                notValidAfter: Self.end(now, days: Self.authorityDays),
                issuer: name,
                subject: name,
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    // Of nodes only, and of no further authorities.
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                    SubjectKeyIdentifier(hash: key.publicKey)
                },
                issuerPrivateKey: key
            )
        }
    }

    /// Reads one that was made before.
    /// - Parameters:
    ///   - certificate: PEM.
    ///   - key: PEM.
    public init(certificate: String, key: String) throws(CertificatesError) {
        guard let certificate = try? Certificate(pemEncoded: certificate),
            case .isCertificateAuthority? = try? certificate.extensions.basicConstraints
        else { throw .noAuthority }
        guard let key = try? Certificate.PrivateKey(pemEncoded: key) else { throw .noKey }
        guard key.publicKey == certificate.publicKey else { throw .keysDiffer }
        self.certificate = certificate
        self.key = key
    }

    /// The authority's own certificate and key.
    public var own: Issued {
        get throws(CertificatesError) {
            try Self.attempt {
                Issued(
                    certificate: try certificate.serializeAsPEM().pemString + "\n",
                    key: try key.serializeAsPEM().pemString + "\n",
                    notAfter: certificate.notValidAfter
                )
            }
        }
    }

    /// Makes a node's certificate and a new key.
    /// - Parameters:
    ///   - name: the node's, as in its configuration.
    ///   - days: how long it holds; at most as long as the authority itself.
    public func issue(to name: String, days: Int, now: Date) throws(CertificatesError) -> Issued {
        guard Self.isName(name) else { throw .badName(name) }
        guard (1...Self.daysMax).contains(days) else { throw .badDays(days) }
        guard now < certificate.notValidAfter else { throw .authorityExpired }
        let notAfter = min(Self.end(now, days: days), certificate.notValidAfter)
        return try Self.attempt {
            let own = Certificate.PrivateKey(P256.Signing.PrivateKey())
            let isShort = name.utf8.count <= Self.commonNameBytesMax
            let signed = try Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(),
                publicKey: own.publicKey,
                notValidBefore: now - Self.backdating,
                notValidAfter: notAfter,
                issuer: certificate.subject,
                subject: try DistinguishedName { CommonName(isShort ? name : "Tollgate node") },
                // The signature's algorithm is that of the key: an authority made elsewhere may have another kind.
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.notCertificateAuthority)
                    Critical(KeyUsage(digitalSignature: true))
                    // A node dials and is dialled.
                    try ExtendedKeyUsage([.serverAuth, .clientAuth])
                    SubjectAlternativeNames([.dnsName(name)])
                    SubjectKeyIdentifier(hash: own.publicKey)
                    AuthorityKeyIdentifier(
                        keyIdentifier: SubjectKeyIdentifier(hash: certificate.publicKey).keyIdentifier
                    )
                },
                issuerPrivateKey: key
            )
            return Issued(
                certificate: try signed.serializeAsPEM().pemString + "\n",
                key: try own.serializeAsPEM().pemString + "\n",
                notAfter: notAfter
            )
        }
    }

    /// Checks a list of nodes.
    public static func check(_ names: [String]) throws(CertificatesError) {
        guard !names.isEmpty else { throw .noNames }
        var seen: Set<String> = []
        for name in names {
            guard isName(name) else { throw .badName(name) }
            guard name.lowercased() != "ca" else { throw .reservedName(name) }
            guard seen.insert(name.lowercased()).inserted else { throw .repeatedName(name) }
        }
    }

    private static func isName(_ name: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        guard (1...nameBytesMax).contains(name.utf8.count), let first = name.utf8.first, isAlphanumeric(first) else {
            return false
        }
        return name.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    /// In whole seconds, as a certificate holds them.
    private static func end(_ now: Date, days: Int) -> Date {
        Date(timeIntervalSince1970: now.timeIntervalSince1970.rounded(.down) + TimeInterval(days) * 86_400)
    }

    /// What goes wrong inside of the library is not for whoever uses this to tell apart.
    private static func attempt<Value>(_ body: () throws -> Value) throws(CertificatesError) -> Value {
        do {
            return try body()
        } catch {
            throw .failed("cannot make a certificate: \(error)")
        }
    }
}
