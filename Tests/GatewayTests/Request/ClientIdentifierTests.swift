import Settings
import Testing

@testable import Gateway

/// DESIGN section 3, "Identify": one source a listener, believed from trusted peers only.
@Suite struct ClientIdentifierTests {
    private static let trusted = networks("127.0.0.0/8", "::1/128", "10.0.0.0/8", "2001:db8:1::/48")

    private func identity(
        _ source: ClientSource,
        _ fields: [(String, String)],
        peer: String? = "10.0.0.1",
        announced: String? = nil
    ) -> ClientIdentity {
        ClientIdentifier(source: source).identify(
            head("GET", "/", fields),
            peer: peer.map(ip),
            proxyAnnounced: announced.map(ip)
        )
    }

    private func viaXFF(_ values: String..., peer: String? = "10.0.0.1") -> String {
        identity(.xForwardedFor(trusted: Self.trusted), values.map { ("X-Forwarded-For", $0) }, peer: peer)
            .address.description
    }

    private func viaForwarded(_ values: String..., peer: String? = "10.0.0.1") -> String {
        identity(.forwarded(trusted: Self.trusted), values.map { ("Forwarded", $0) }, peer: peer).address.description
    }

    // MARK: Who is believed

    /// Every header that somebody somewhere takes an address from.
    private static let forged: [(String, String)] = [
        "X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP",
        "X-Cluster-Client-IP", "Fastly-Client-IP", "X-Forwarded", "Forwarded-For", "Via",
    ].map { ($0, $0 == "Forwarded" ? "for=6.6.6.6" : "6.6.6.6") }

    @Test(arguments: [
        ClientSource.peer, .standard, .forwarded(trusted: trusted), .proxyProtocol(trusted: trusted),
        .header(name: "x-real-ip", trusted: trusted), .xForwardedFor(trusted: PrefixSet([])),
    ]) func anUntrustedPeerIsTheClientWhateverItSays(_ source: ClientSource) {
        let fields = Self.forged + [("X-Forwarded-Proto", "https")]
        let identity = identity(source, fields, peer: "198.51.100.7", announced: "6.6.6.6")
        #expect(identity.address == ip("198.51.100.7"))
        #expect(!identity.isPeerTrusted && !identity.isHTTPS)
        #expect(identity.forwardedFor == "198.51.100.7")
    }

    @Test func onlyTheNamedSourceCounts() {
        let sources: [(ClientSource, String)] = [
            (.xForwardedFor(trusted: Self.trusted), "x-forwarded-for"),
            (.forwarded(trusted: Self.trusted), "forwarded"),
            (.header(name: "x-real-ip", trusted: Self.trusted), "x-real-ip"),
            (.proxyProtocol(trusted: Self.trusted), ""),
            (.peer, ""),
        ]
        for (source, name) in sources {
            let others = Self.forged.filter { $0.0.lowercased() != name }
            #expect(identity(source, others).address == ip("10.0.0.1"), "\(name)")
        }
    }

    @Test func unixSocketsCountAsLoopback() {
        #expect(viaXFF("203.0.113.5", peer: nil) == "203.0.113.5")
        #expect(identity(.peer, [], peer: nil).address == ip("127.0.0.1"))
        #expect(
            identity(.xForwardedFor(trusted: networks("10.0.0.0/8")), [("X-Forwarded-For", "6.6.6.6")], peer: nil)
                .address == ip("127.0.0.1")
        )
    }

    @Test func aMappedPeerIsItsIPv4Address() {
        #expect(viaXFF("203.0.113.5", peer: "::ffff:10.9.9.9") == "203.0.113.5")
        #expect(viaXFF("::ffff:203.0.113.5") == "203.0.113.5")
    }

    // MARK: The walk

    @Test func theWalkGoesFromTheRightOverTrustedHops() {
        #expect(viaXFF("203.0.113.5") == "203.0.113.5")
        #expect(viaXFF("6.6.6.6, 203.0.113.5") == "203.0.113.5")
        #expect(viaXFF("6.6.6.6, 203.0.113.5, 10.0.0.2") == "203.0.113.5")
        #expect(viaXFF("6.6.6.6,203.0.113.5 ,\t10.0.0.2,10.0.0.3") == "203.0.113.5")
        #expect(viaXFF("6.6.6.6, 203.0.113.5", "10.0.0.2") == "203.0.113.5")
        #expect(viaXFF("6.6.6.6", "203.0.113.5, 10.0.0.2") == "203.0.113.5")
        #expect(viaXFF("2001:db8:2::1, 2001:db8:1::5") == "2001:db8:2::1")
        // All hops trusted: the farthest is the client.
        #expect(viaXFF("10.0.0.9, 10.0.0.2") == "10.0.0.9")
        #expect(viaXFF() == "10.0.0.1")
    }

    @Test(arguments: [
        "", " ", "unknown", "_hidden", "203.0.113.5x", "203.0.113", "0x7f.1", "010.1.1.1", "203.0.113.5:",
        "203.0.113.5:x",
        "203.0.113.5:123456", "[2001:db8:2::1", "2001:db8:2::1]", "[2001:db8:2::1]x", "fe80::1%eth0", "localhost",
        "203.0.113.5;for=1", "for=203.0.113.5", "\"203.0.113.5\"", "203.0.113.5 203.0.113.6",
    ]) func aHopThatDoesNotParseEndsTheWalkAtTheLastTrustedOne(_ hop: String) {
        #expect(viaXFF(hop) == "10.0.0.1")
        #expect(viaXFF("6.6.6.6, " + hop) == "10.0.0.1")
        #expect(viaXFF("6.6.6.6, \(hop), 10.0.0.2") == "10.0.0.2")
        #expect(viaXFF("6.6.6.6", hop, "10.0.0.2") == "10.0.0.2")
    }

    @Test(arguments: [
        ("203.0.113.5:4711", "203.0.113.5"), ("[2001:db8:2::1]:4711", "2001:db8:2::1"),
        ("[2001:db8:2::1]", "2001:db8:2::1"),
        ("2001:db8:2::1", "2001:db8:2::1"),
    ]) func aPortIsTakenOff(_ hop: String, _ address: String) { #expect(viaXFF(hop) == address) }

    @Test func aLongListEndsTheWalkAtItsBound() {
        let hops = (0..<1_000).map { "10.1.\($0 / 250).\($0 % 250)" }
        let list = "6.6.6.6, " + hops.joined(separator: ", ")
        #expect(viaXFF(list) == hops[hops.count - ClientIdentifier.hopsMax])
    }

    /// Whatever a client puts to the left of what the trusted proxy appends changes nothing.
    @Test func nothingThatAClientPrependsChangesWhoItIs() {
        var generator = SeededGenerator.printed()
        let pieces = [
            "6.6.6.6", ", ", ",", "10.0.0.1", "127.0.0.1", "\"", "for=", ";", "[", "]", ":80", "::1", " ", "unknown",
            "\\",
            "for=\"[::1]\"", "=", "203.0.113.5",
        ]
        for _ in 0..<5_000 {
            let forged = generator.joined(pieces, upTo: 12)
            #expect(viaXFF(forged + ", 203.0.113.5, 10.0.0.2") == "203.0.113.5", "\(forged)")
            #expect(viaXFF(forged, "203.0.113.5") == "203.0.113.5", "\(forged)")
            #expect(viaForwarded(forged + ", for=203.0.113.5;proto=http, for=10.0.0.2") == "203.0.113.5", "\(forged)")
            #expect(viaForwarded(forged, "for=203.0.113.5") == "203.0.113.5", "\(forged)")
        }
    }

    @Test func randomBytesNeverCrashTheWalk() {
        var generator = SeededGenerator.printed()
        for _ in 0..<10_000 {
            let value = text(generator.mutated(Array("for=\"[2001:db8:2::1]:80\";by=x, 1.2.3.4:5, for=_a".utf8)))
            _ = viaXFF(value)
            _ = viaForwarded(value)
            _ = identity(.header(name: "x", trusted: Self.trusted), [("X", value)])
        }
    }

    // MARK: Forwarded (RFC 7239)

    @Test(arguments: [
        ("for=203.0.113.5", "203.0.113.5"), ("For=203.0.113.5", "203.0.113.5"), ("FOR=\"203.0.113.5\"", "203.0.113.5"),
        ("for=\"203.0.113.5:4711\"", "203.0.113.5"), ("for=\"[2001:db8:2::1]:4711\"", "2001:db8:2::1"),
        ("for=\"[2001:db8:2::1]\"", "2001:db8:2::1"), ("proto=https;for=203.0.113.5;by=10.0.0.1", "203.0.113.5"),
        ("by=_x; for=203.0.113.5 ;host=h", "203.0.113.5"), ("for=6.6.6.6, for=203.0.113.5;proto=http", "203.0.113.5"),
        ("for=6.6.6.6, for=203.0.113.5, for=10.0.0.2;by=10.0.0.1", "203.0.113.5"),
        ("for=203.0.113.5;;", "203.0.113.5"),
    ]) func theForOfAnElementIsTheHop(_ value: String, _ address: String) { #expect(viaForwarded(value) == address) }

    @Test(arguments: [
        "for=unknown", "for=_hidden", "for=", "for", "for=\"\"", "for=\"", "for=\"203.0.113.5", "for=203.0.113.5\"",
        "for=203.0.113.5;for=6.6.6.6", "for=6.6.6.6;FOR=6.6.6.6", "by=203.0.113.5", "203.0.113.5", "for =203.0.113.5",
        "for= 203.0.113.5", "xfor=203.0.113.5", "for=\"203.0.113.5\"x", "for=\"203.0.113.\\5\"",
        "for=203.0.113.5 proto=http",
    ]) func anElementWithoutOneGoodForEndsTheWalk(_ value: String) {
        #expect(viaForwarded(value) == "10.0.0.1")
        #expect(viaForwarded("for=6.6.6.6, " + value) == "10.0.0.1")
        #expect(viaForwarded("for=6.6.6.6, \(value), for=10.0.0.2") == "10.0.0.2")
    }

    /// A proxy writes what the client chose (its Host, its user agent) into quoted strings of its own element; what stands
    /// in quotes is one value, commas and all (RFC 7239 section 4, RFC 9110 section 5.6.4).
    @Test(arguments: [
        "for=203.0.113.5;host=\"x,for=6.6.6.6;y=\"", "for=203.0.113.5;host=\"x, for=6.6.6.6 ;y=\"",
        "for=203.0.113.5;host=\"\\\",for=6.6.6.6;y=\"",
    ]) func quotedStringsAreNotTakenApart(_ value: String) {
        #expect(viaForwarded(value) != "6.6.6.6")
    }

    // MARK: One header, PROXY protocol

    @Test func aNamedHeaderHoldsOneAddress() {
        let source = ClientSource.header(name: "cf-connecting-ip", trusted: Self.trusted)
        func address(_ values: String...) -> IPAddress {
            identity(source, values.map { ("CF-Connecting-IP", $0) }).address
        }
        #expect(address("203.0.113.5") == ip("203.0.113.5"))
        #expect(address(" 2001:db8:2::1 ") == ip("2001:db8:2::1"))
        for bad in ["", "203.0.113.5, 6.6.6.6", "203.0.113.5:80", "x"] {
            #expect(address(bad) == ip("10.0.0.1"), "\(bad)")
        }
        #expect(address("6.6.6.6", "203.0.113.5") == ip("10.0.0.1"))
        #expect(address() == ip("10.0.0.1"))
    }

    @Test func theAnnouncedClientIsTaken() {
        let source = ClientSource.proxyProtocol(trusted: Self.trusted)
        #expect(identity(source, [], announced: "203.0.113.5").address == ip("203.0.113.5"))
        #expect(identity(source, [], announced: nil).address == ip("10.0.0.1"))
        #expect(
            identity(source, [("X-Forwarded-For", "6.6.6.6")], announced: "203.0.113.5").address == ip("203.0.113.5")
        )
    }

    /// What speaks the PROXY protocol passes bytes on and writes no HTTP: the fields are the client's own words.
    @Test func aProxyOfBytesVouchesForNoFields() {
        let identity = identity(
            .proxyProtocol(trusted: Self.trusted),
            [("X-Forwarded-Proto", "https")],
            announced: "203.0.113.5"
        )
        #expect(!identity.isHTTPS)
        #expect(!identity.isPeerTrusted)
    }

    // MARK: What the upstream and the cookies are told

    @Test func theUpstreamIsToldTheClientAndTheTrustedHops() {
        let source = ClientSource.xForwardedFor(trusted: Self.trusted)
        let identity = identity(source, [("X-Forwarded-For", "6.6.6.6, 203.0.113.5, 10.0.0.3, 10.0.0.2")])
        #expect(identity.forwardedFor == "203.0.113.5, 10.0.0.3, 10.0.0.2, 10.0.0.1")
    }

    @Test(arguments: [
        (["https"], true), (["HTTPS"], true), ([" https "], true), (["http, https"], true), (["http", "https"], true),
        (["https, http"], false), (["https", "http"], false), (["https,"], false), ([""], false), (["httpss"], false),
        ([], false),
        (["wss"], false),
    ]) func theNearestProxysWordOnTheSchemeCounts(_ values: [String], _ isHTTPS: Bool) {
        let fields = values.map { ("X-Forwarded-Proto", $0) }
        #expect(identity(.xForwardedFor(trusted: Self.trusted), fields).isHTTPS == isHTTPS)
        #expect(!identity(.xForwardedFor(trusted: Self.trusted), fields, peer: "198.51.100.1").isHTTPS)
        #expect(!identity(.peer, fields).isHTTPS)
    }
}
