import Foundation
import RaftTransport
import Testing
import X509

@testable import Certificates

struct CertificateAuthorityTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    @Test func `a node's certificate is what the transport takes, and names the node`() throws {
        let authority = try CertificateAuthority(now: .now)
        let node = try authority.issue(to: "Node-a.example", days: 365, now: .now)
        let tls = try TransportTLS(
            certificate: Array(node.certificate.utf8),
            key: Array(node.key.utf8),
            authorities: Array(try authority.own.certificate.utf8)
        )
        #expect(tls.names == ["Node-a.example"])
        #expect(tls.notAfterSeconds == Int64(node.notAfter.timeIntervalSince1970))
    }

    @Test func `authorities hold for ten years and nodes as long as asked for, but no longer than their authority`()
        throws
    {
        let authority = try CertificateAuthority(now: now)
        #expect(try authority.own.notAfter == now + 3_650 * 86_400)
        #expect(try authority.issue(to: "a", days: 1, now: now).notAfter == now + 86_400)
        #expect(try authority.issue(to: "a", days: 36_500, now: now).notAfter == now + 3_650 * 86_400)
        let late = now + 3_650 * 86_400
        #expect(throws: CertificatesError.authorityExpired) { try authority.issue(to: "a", days: 1, now: late) }
        for days in [0, -1, 36_501, .max] {
            #expect(throws: CertificatesError.badDays(days)) { try authority.issue(to: "a", days: days, now: now) }
        }
    }

    @Test func `each certificate has a key and a serial number of its own, and holds an hour ago`() throws {
        let authority = try CertificateAuthority(now: now)
        let issued = try (0..<2).map { _ in try authority.issue(to: "a", days: 1, now: now) }
        let certificates = try issued.map { try Certificate(pemEncoded: $0.certificate) }
        #expect(certificates[0].serialNumber != certificates[1].serialNumber)
        #expect(certificates[0].publicKey != certificates[1].publicKey)
        #expect(certificates[0].notValidBefore == now - 3_600)
        let own = try Certificate(pemEncoded: try authority.own.certificate)
        #expect(own.publicKey.isValidSignature(certificates[0].signature, for: certificates[0]))
        #expect(try certificates[0].extensions.basicConstraints == .notCertificateAuthority)
        #expect(try own.extensions.basicConstraints == .isCertificateAuthority(maxPathLength: 0))
    }

    @Test func `an authority is read as it was written`() throws {
        let own = try CertificateAuthority(now: now).own
        let again = try CertificateAuthority(certificate: own.certificate, key: own.key)
        #expect(try again.own.certificate == own.certificate)
        #expect(try again.own.key == own.key)
    }

    @Test func `what is no authority is refused`() throws {
        let authority = try CertificateAuthority(now: now)
        let (own, other) = (try authority.own, try CertificateAuthority(now: now).own)
        let node = try authority.issue(to: "a", days: 1, now: now)
        func fault(_ certificate: String, _ key: String) -> CertificatesError? {
            do throws(CertificatesError) {
                _ = try CertificateAuthority(certificate: certificate, key: key)
                return nil
            } catch {
                return error
            }
        }
        #expect(fault("", own.key) == .noAuthority)
        #expect(fault(own.key, own.key) == .noAuthority)
        #expect(fault(node.certificate, node.key) == .noAuthority)
        #expect(fault(own.certificate, own.certificate) == .noKey)
        #expect(fault(own.certificate, other.key) == .keysDiffer)
    }

    @Test func `names that are no names of files and nodes are refused`() throws {
        let long = String(repeating: "n", count: 240)
        try CertificateAuthority.check(["a", "Node-1.example_x", "0", long])
        _ = try CertificateAuthority(now: now).issue(to: long, days: 1, now: now)
        for name in ["", ".", "..", ".a", "-a", "a/b", "../a", "a b", "ä", "a\n", "*", long + "n"] {
            #expect(throws: CertificatesError.badName(name)) { try CertificateAuthority.check(["x", name]) }
        }
        #expect(throws: CertificatesError.reservedName("CA")) { try CertificateAuthority.check(["CA"]) }
        #expect(throws: CertificatesError.repeatedName("A")) { try CertificateAuthority.check(["a", "b", "A"]) }
        #expect(throws: CertificatesError.noNames) { try CertificateAuthority.check([]) }
    }
}
