import Certificates
import Foundation
import NIOPosix
import RaftTransport
import Replica
import Testing

@testable import Cluster

/// What is said of a node's own certificate, and when.
@Suite(.timeLimit(.minutes(2))) struct CertificateWatchTests {
    private static let day: Int64 = 86_400

    @Test func anOperatorHasAWeekOrAThirdOfAShortLife() {
        func standing(of days: Int64, at seconds: Int64) -> CertificateWatch.Standing {
            CertificateWatch.standing(notBefore: 0, notAfter: days * Self.day, now: seconds)
        }
        #expect(standing(of: 365, at: 358 * Self.day - 1) == .good)
        #expect(standing(of: 365, at: 358 * Self.day) == .ending(365 * Self.day))
        #expect(standing(of: 365, at: 365 * Self.day) == .ending(365 * Self.day))
        #expect(standing(of: 365, at: 365 * Self.day + 1) == .ended(365 * Self.day))
        #expect(standing(of: 365, at: -1) == .early(0))
        #expect(standing(of: 3, at: 2 * Self.day - 1) == .good)
        #expect(standing(of: 3, at: 2 * Self.day) == .ending(3 * Self.day))
        let ever = CertificateWatch.standing(notBefore: .min, notAfter: .max, now: 0)
        #expect(ever == .good)
        #expect(CertificateWatch.standing(notBefore: .min, notAfter: .max, now: .max) == .ending(.max))
    }

    @Test func itIsSaidWhenItIsNewAndOnceADay() {
        var watch = CertificateWatch()
        func says(_ standing: CertificateWatch.Standing, at nanoseconds: UInt64) -> Bool {
            watch.look(standing, now: BootTime.zero.adding(nanoseconds: nanoseconds))
        }
        let pause = CertificateWatch.remarkPause
        #expect(!says(.good, at: 0))
        #expect(says(.ending(9), at: 1))
        #expect(!says(.ending(9), at: pause))
        #expect(says(.ending(9), at: pause + 1))
        #expect(says(.ended(9), at: pause + 2))
        #expect(!says(.ended(9), at: pause + 3))
        #expect(says(.good, at: pause + 4))
        #expect(!says(.good, at: 9 * pause))
    }

    @Test func aTimeIsTold() {
        #expect(CertificateWatch.text(1_796_083_205) == "2026-12-01 00:00 UTC")
        #expect(CertificateWatch.text(.max).isEmpty == false)
    }

    @Test func aNodeSaysItOfItsOwnUntilItHasAnother() async throws {
        let folder = try TestFolder()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let now = Date.now
        let authority = try CertificateAuthority(now: now - 86_400 * 90)
        func tls(days: Int, issuedDaysAgo: Double) throws -> TransportTLS {
            let issued = try authority.issue(to: "a", days: days, now: now - 86_400 * issuedDaysAgo)
            return try TransportTLS(
                certificate: Array(issued.certificate.utf8),
                key: Array(issued.key.utf8),
                authorities: Array(authority.own.certificate.utf8)
            )
        }
        var settings = try ClusterSettings.alone(name: "a", directory: folder.path + "/a")
        settings.peers = .init(listen: "127.0.0.1:0", tls: try tls(days: 9, issuedDaysAgo: 30))
        let lines = LogLines()
        let node = try await Cluster.start(settings, on: group.next(), logger: lines.logger)
        func until(_ alarms: @escaping ([String]) -> Bool) async throws {
            let deadline = ContinuousClock.now + .seconds(30)
            while !alarms(node.view.alarms) {
                try #require(ContinuousClock.now < deadline, "\(node.view.alarms)")
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        let remedy = "tollgate certificates renew --nodes a"
        try await until { $0.count == 1 && $0[0].contains("has expired") && $0[0].contains(remedy) }
        #expect(lines.count("has expired") == 1)
        try await node.reloadCertificates(try tls(days: 90, issuedDaysAgo: 85))
        try await until { $0.count == 1 && $0[0].contains("expires at") && $0[0].contains(remedy) }
        try await node.reloadCertificates(try tls(days: 90, issuedDaysAgo: 1))
        try await until { $0.isEmpty }
        #expect(lines.count("certificate holds") == 1)
        await node.stop()
        try await group.shutdownGracefully()
        folder.remove()
    }
}
