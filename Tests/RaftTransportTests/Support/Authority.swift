import Crypto
import Foundation
import SwiftASN1
import X509

@testable import RaftTransport

/// A certificate authority of a test.
struct Authority {
    private let key = P256.Signing.PrivateKey()
    private let name: DistinguishedName
    private let certificate: Certificate

    init(_ name: String = "authority") throws {
        self.name = try DistinguishedName { CommonName(name) }
        let key = Certificate.PrivateKey(key)
        certificate = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: key.publicKey,
            notValidBefore: .now - 3_600,
            notValidAfter: .now + 3_600,
            issuer: self.name,
            subject: self.name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            },
            issuerPrivateKey: key
        )
    }

    var pem: [UInt8] { get throws { try Array(certificate.serializeAsPEM().pemString.utf8) } }

    /// A node's certificate and key, in PEM.
    func issue(
        _ names: [String],
        from: Date = .now - 60,
        until: Date = .now + 600
    ) throws -> (certificate: [UInt8], key: [UInt8]) {
        let own = Certificate.PrivateKey(P256.Signing.PrivateKey())
        let certificate = try Certificate(
            version: .v3,
            serialNumber: .init(),
            publicKey: own.publicKey,
            notValidBefore: from,
            notValidAfter: until,
            issuer: name,
            subject: try DistinguishedName { CommonName("a node") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth, .clientAuth])
                SubjectAlternativeNames(names.map { .dnsName($0) })
            },
            issuerPrivateKey: Certificate.PrivateKey(key)
        )
        return (
            try Array(certificate.serializeAsPEM().pemString.utf8), try Array(own.serializeAsPEM().pemString.utf8)
        )
    }

    /// What the node of this name is configured with.
    func tls(_ name: String, trusting other: Authority? = nil, until: Date = .now + 600) throws -> TransportTLS {
        let (certificate, key) = try issue([name], until: until)
        return try TransportTLS(certificate: certificate, key: key, authorities: (other ?? self).pem)
    }
}
