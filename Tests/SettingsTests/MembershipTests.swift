import Testing

@testable import Settings

/// `cluster:`.
@Suite struct MembershipTests {
    private static let upstream = "upstream: \"http://127.0.0.1:3000\"\n"
    private static let files = ["/etc/a.pem": "one", "/etc/a.key": "two", "/etc/ca.pem": "three"]

    private func membership(_ text: String, variables: [String: String] = [:]) throws -> MembershipSettings {
        let loaded = try Configuration.parse(
            text: Self.upstream + text,
            file: "/etc/t.yaml",
            environment: environment(Self.files, variables: variables)
        )
        return try #require(loaded.configuration.membership)
    }

    @Test func `A file without the section is a node that is alone`() throws {
        #expect(try load(Self.upstream).configuration.membership == nil)
    }

    @Test func `The whole section is taken, and its files are read and watched`() throws {
        let text = """
            \(Self.upstream)node: { name: b }
            cluster:
              listen: "0.0.0.0:7400"
              advertise: "10.0.0.2:7400"
              seeds: { c: "c.example.com:7400", a: "10.0.0.1:7400", b: "10.0.0.2:7400" }
              tls: { certificate: a.pem, key: /etc/a.key, ca: ca.pem }
            """
        let loaded = try load(text, files: Self.files)
        let seeds = [("a", "10.0.0.1:7400"), ("b", "10.0.0.2:7400"), ("c", "c.example.com:7400")]
        let expected = MembershipSettings(
            listen: "0.0.0.0:7400",
            advertise: "10.0.0.2:7400",
            seeds: seeds.map { MembershipSettings.Seed(name: $0.0, address: $0.1) },
            tls: PeerTLSFiles(certificate: Array("one".utf8), key: Array("two".utf8), authorities: Array("three".utf8))
        )
        #expect(loaded.configuration.membership == expected)
        #expect(loaded.files == ["/etc/t.yaml", "/etc/a.pem", "/etc/a.key", "/etc/ca.pem"])
    }

    @Test func `A node that comes later is a seed of its own list`() throws {
        let found = try membership(
            "node: { name: d }\ncluster: { advertise: \"${IP}:7400\", seeds: { e: \"127.0.0.5:7400\" }, tls: off }\n",
            variables: ["IP": "127.0.0.4"]
        )
        #expect(found.advertise == "127.0.0.4:7400")
        #expect(found.seeds.map(\.name) == ["d", "e"])
    }

    @Test(arguments: [("10.0.0.4:7400", "0.0.0.0:7400"), ("[fd00::4]:7400", "[::]:7400"), ("d:7400", "0.0.0.0:7400")])
    func `Peers are listened for in the family of this node's address`(advertise: String, listen: String) throws {
        let text = """
            \(Self.upstream)node: { name: d }
            cluster: { seeds: { d: "\(advertise)" }, tls: { certificate: a.pem, key: a.key, ca: ca.pem } }
            """
        #expect(try load(text, files: Self.files).configuration.membership?.listen == listen)
    }

    @Test(arguments: [
        ("$IP:7400", "127.0.0.9:7400"), ("${IP}:7400", "127.0.0.9:7400"), ("127.0.0.$LAST:7400", "127.0.0.8:7400"),
    ])
    func `Variables of the environment are filled in`(written: String, meant: String) throws {
        let found = try membership(
            "node: { name: d }\ncluster: { advertise: \"\(written)\", seeds: { e: \"127.0.0.5:1\" }, tls: off }\n",
            variables: ["IP": "127.0.0.9", "LAST": "8"]
        )
        #expect(found.advertise == meant)
    }

    @Test func `So are they in the names of files, so that nodes can share a configuration`() throws {
        let found = try membership(
            """
            node: { name: a }
            cluster:
              seeds: { a: "127.0.0.1:7400" }
              tls: { certificate: $NAME.pem, key: "/etc/${NAME}.key", ca: ca.pem }
            """,
            variables: ["NAME": "a"]
        )
        let expected = PeerTLSFiles(
            certificate: Array("one".utf8),
            key: Array("two".utf8),
            authorities: Array("three".utf8)
        )
        #expect(found.tls == expected)
    }

    @Test(arguments: [
        ("seeds: { a: \"127.0.0.1:1\" }", "has no `tls`"),
        ("tls: off", "has no `seeds`"),
        ("seeds: {}, tls: off", "has 0 elements"),
        ("seeds: { a: \"127.0.0.1\" }, tls: off", "has no port"),
        ("seeds: { a: \"0.0.0.0:7\" }, tls: off", "nobody can connect to"),
        ("seeds: { \"a/b\": \"127.0.0.1:7\", a: \"127.0.0.1:8\" }, tls: off", "is not a name"),
        ("seeds: { a: \"127.0.0.1:7\", b: \"127.0.0.1:7\" }, tls: off", "is the address of `a` too"),
        ("seeds: { b: \"127.0.0.1:7\" }, tls: off", "nothing says where its peers reach it"),
        ("advertise: \"127.0.0.1:7\", seeds: { b: \"127.0.0.1:7\" }, tls: off", "is the address of the seed `b`"),
        ("advertise: \"127.0.0.1:8\", seeds: { a: \"127.0.0.1:7\" }, tls: off", "among the seeds"),
        ("advertise: \"$NOWHERE:8\", seeds: { a: \"127.0.0.1:7\" }, tls: off", "has no variable `NOWHERE`"),
        ("seeds: { a: \"10.0.0.1:7\" }, tls: off", "without TLS whoever reaches"),
        ("listen: \"0.0.0.0:7\", seeds: { a: \"127.0.0.1:7\" }, tls: off", "without TLS whoever reaches `0.0.0.0:7`"),
        ("seeds: { a: \"127.0.0.1:7\" }, tls: { certificate: a.pem, ca: ca.pem }", "has no `key`"),
        (
            "seeds: { a: \"127.0.0.1:7\" }, tls: { certificate: $NOWHERE.pem, key: a.key, ca: ca.pem }",
            "has no variable `NOWHERE`"
        ),
        ("seeds: { a: \"127.0.0.1:7\" }, tls: { certificate: x, key: a.key, ca: ca.pem }", "does not exist"),
        (
            "seeds: { a: \"127.0.0.1:7\" }, tls: { certificate: a.pem, key: ca.pem, ca: ca.pem }",
            "may be read by others"
        ),
        ("seeds: { a: \"127.0.0.1:7\" }, tls: on", "must be a mapping"),
    ])
    func `What is wrong is named`(section: String, message: String) {
        let found = problems("\(Self.upstream)node: { name: a }\ncluster: { \(section) }\n", files: Self.files)
        #expect(found.contains { $0.description.contains(message) }, "\(found)")
    }

    @Test func `The key is not shown`() throws {
        let text =
            "cluster: { seeds: { host-1: \"a.example:7\" }, tls: { certificate: a.pem, key: a.key, ca: ca.pem } }\n"
        var dumped = ""
        dump(try membership(text), to: &dumped)
        #expect(!dumped.contains("116"))
    }
}
