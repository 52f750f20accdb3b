import Testing

@testable import RaftTransport

/// What is told again and again, and of whom.
struct ReportLimiterTests {
    /// How whoever is asked about first answers, by subject and time; nobody is told of again within 60.
    private func due(
        _ limiter: inout ReportLimiter,
        _ subject: ReportLimiter.Subject,
        _ reason: String = "x",
        at now: UInt64,
        interval: UInt64 = 60
    ) -> Bool { limiter.isDue(subject, reason: reason, now: now, interval: interval) }

    @Test(arguments: [ReportLimiter.Subject.peer, ReportLimiter.Subject.stranger])
    func `a fault is told once a minute for each peer and reason`(
        _ subject: @Sendable (String) -> ReportLimiter.Subject
    ) {
        var limiter = ReportLimiter(entriesMax: 3)
        var answers = [
            due(&limiter, subject("a"), at: 0), due(&limiter, subject("a"), at: 59),
            due(&limiter, subject("a"), "y", at: 59), due(&limiter, subject("b"), at: 59),
        ]
        #expect(answers == [true, false, true, true])
        // Full: what is new waits until something old is due again, and what is old goes on.
        answers = [
            due(&limiter, subject("c"), at: 59), due(&limiter, subject("c"), at: 60),
            due(&limiter, subject("d"), at: 60),
        ]
        #expect(answers == [false, true, false])
        // Each is repeated after its own while.
        answers = [
            due(&limiter, subject("c"), at: 120, interval: 3_600),
            due(&limiter, subject("c"), at: 3_719, interval: 3_600),
        ]
        #expect(answers == [true, false])
    }

    @Test func `strangers leave room for peers, and peers for strangers`() {
        var limiter = ReportLimiter(entriesMax: 2)
        for name in ["1", "2"] {
            let isDue = due(&limiter, .stranger(name), at: 0)
            #expect(isDue)
        }
        var answers = [due(&limiter, .stranger("3"), at: 1), due(&limiter, .peer("1"), at: 1)]
        #expect(answers == [false, true])
        answers = [
            due(&limiter, .peer("2"), at: 1), due(&limiter, .peer("3"), at: 1), due(&limiter, .stranger("1"), at: 60),
        ]
        #expect(answers == [true, false, true])
    }

    @Test func `an address of IPv6 counts for its whole network, and any other for itself`() {
        let name = RemoteNetwork.name(of:)
        #expect(name("2001:db8:1:2:3:4:5:6") == name("2001:db8:1:2::1"))
        #expect(name("2001:db8:1:2::1") == "2001:db8:1:2::/64")
        #expect(name("2001:db8:1:3::1") != name("2001:db8:1:2::1"))
        #expect(name("::1") == "0:0:0:0::/64")
        for address in ["192.0.2.1", "::ffff:192.0.2.1", "unknown", ""] { #expect(name(address) == address) }
    }
}
