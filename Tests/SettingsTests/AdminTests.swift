import Foundation
import Testing

@testable import Settings

private let head = "upstream: \"http://127.0.0.1:3000\"\n"
private let secret = "hunter2-hunter2-hunter2"

/// The admin listener and its token.
@Suite struct AdminTests {
    private func admin(_ text: String, token: String = secret) throws -> AdminSettings? {
        try load(head + "admin: \(text)\n", files: ["/etc/a.token": token]).configuration.admin
    }

    @Test func `There is no admin listener unless the file has one`() throws {
        #expect(try load(head).configuration.admin == nil)
        #expect(try admin("{}") == AdminSettings(address: .unix(path: "/run/tollgate/admin.sock"), token: nil))
        #expect(
            try admin("{ address: \"unix:/run/a.sock\" }")
                == AdminSettings(address: .unix(path: "/run/a.sock"), token: nil)
        )
    }

    @Test(arguments: ["", "\n", "\r\n"])
    func `Over TCP the token is read from its file, without the line's end`(end: String) throws {
        let settings = try admin("{ address: \"127.0.0.1:9465\", token: a.token }", token: secret + end)
        #expect(
            settings
                == AdminSettings(address: .tcp(host: IPAddress(ipv4: 0x7F00_0001), port: 9_465), token: secret)
        )
    }

    @Test(arguments: [16, 256])
    func `A token has 16 to 256 characters`(count: Int) throws {
        let token = String(repeating: "~", count: count)
        #expect(try admin("{ address: \"[::1]:1\", token: /etc/a.token }", token: token + "\n")?.token == token)
    }

    @Test(arguments: [
        ("", "is 0 bytes long, not 16 to 256"), ("\n", "is 0 bytes long"),
        (String(repeating: "a", count: 15) + "\n", "is 15 bytes long"),
        (String(repeating: "a", count: 257), "is 257 bytes long"),
        (String(repeating: "a", count: 259), "is too large"),
        ("0123456789 abcdef", "holds a space"), ("0123456789abcdef\n\n", "holds a space or something else"),
        ("0123456789abcdef\u{7F}", "printable ASCII"), ("0123456789abcdéf", "printable ASCII"),
        ("0123456789abcdef\0", "printable ASCII"), ("\u{FEFF}0123456789abcdef", "printable ASCII"),
    ])
    func `Another token is refused`(token: String, message: String) {
        let found = problems(
            head + "admin: { address: \"127.0.0.1:1\", token: a.token }\n",
            files: ["/etc/a.token": token]
        )
        #expect(found.count == 1)
        #expect(found.first?.message.contains(message) == true, "\(found)")
        #expect(found.first.map { ($0.line, $0.column) } ?? (0, 0) == (2, 41))
    }

    @Test(arguments: [
        Fault(
            head + "admin: { address: ¶\"127.0.0.1:1\" }\n",
            "over TCP whoever reaches `127.0.0.1:1`",
            "`token: FILE`"
        ),
        Fault(
            head + "admin: { address: \"unix:/a\", token: ¶a.token }\n",
            "means nothing on a Unix socket",
            "remove `token`"
        ),
        Fault(head + "admin: { token: ¶a.token }\n", "means nothing on a Unix socket", "remove `token`"),
        Fault(head + "admin: { address: ¶nowhere }\n", "is not an address to listen on", "unix:/run"),
        Fault(head + "admin: { address: \"127.0.0.1:1\", token: ¶none.token }\n", "does not exist", "create it"),
        Fault(head + "admin: { address: \"127.0.0.1:1\", token: ¶open.txt }\n", "may be read by others", "mode"),
        Fault(head + "admin: { address: \"127.0.0.1:1\", token: ¶[a] }\n", "must be text", "token: "),
        Fault(head + "admin: { ¶adress: \"unix:/a\" }\n", "unknown field `adress`", "did you mean `address`?"),
        Fault(head + "admin: ¶on\n", "must be a mapping", "address: "),
        Fault(
            head + "probes: { address: \"unix:/a\" }\nadmin: { address: ¶\"unix:/a\" }\n",
            "also listened on by the listener in line 2",
            "another port or path"
        ),
        Fault(
            head
                + "admin: { address: ¶\"127.0.0.1:8080\", token: a.token }\nlisteners: [{ address: \"0.0.0.0:8080\" }]\n",
            "also listened on by the listener in line 3",
            "another port"
        ),
        Fault(
            "upstream: ¶\"unix:/run/tollgate/admin.sock\"\nadmin: {}\n",
            "is Tollgate's own admin listener",
            "the application's address"
        ),
        Fault(
            "upstream: ¶\"localhost:9465\"\nadmin: { address: \"127.0.0.1:9465\", token: a.token }\n",
            "is Tollgate's own admin listener",
            "the application's address"
        ),
    ])
    func `The admin listener is checked`(fault: Fault) {
        expectOnly(fault, files: ["/etc/a.token": secret, "/etc/open.txt": secret])
    }

    @Test func `A token that crosses the network is a doubt`() throws {
        let loaded = try load(
            head + "admin: { address: \"0.0.0.0:9465\", token: a.token }\n",
            files: ["/etc/a.token": secret]
        )
        #expect(loaded.warnings.map(\.message) == ["the admin token crosses the network unencrypted"])
    }

    @Test func `The token is nowhere but where it is asked for`() throws {
        let file = head + "admin: { address: \"127.0.0.1:9465\", token: a.token }\n"
        let loaded = try load(file, files: ["/etc/a.token": secret])
        #expect(loaded.files == ["/etc/t.yaml", "/etc/a.token"])
        var dumped = ""
        dump(loaded, to: &dumped)
        #expect(
            !dumped.contains(secret) && !"\(loaded)".contains(secret) && !String(reflecting: loaded).contains(secret)
        )
        // The hash is shown: one that depended on the secret would help to find it.
        let other = try load(file, files: ["/etc/a.token": secret + "!"])
        #expect(other.configuration.hash == loaded.configuration.hash)
        #expect(other.configuration != loaded.configuration)
        for token in [secret + " " + secret, secret + "\u{7}", "hunter2"] {
            let found = problems(file, files: ["/etc/a.token": token])
            #expect(found.count == 1 && !found[0].description.contains("hunter2"))
        }
    }

    /// Owners: 0 is root, 65534 stands for any other.
    @Test(arguments: [
        (0o600, 65_534, true), (0o400, 65_534, true), (0o200, 65_534, false), (0o640, 65_534, false),
        (0o604, 65_534, false), (0o620, 65_534, false), (0o700, 65_534, false), (0o601, 65_534, false),
        (0o600, 0, true), (0o640, 0, true), (0o440, 0, true), (0o644, 0, false), (0o660, 0, false), (0o650, 0, false),
        (0o2640, 0, false),
    ])
    func `A secret's file must be its owner's alone, or root's and a group's`(
        mode: Int,
        owner: uid_t,
        isRead: Bool
    ) throws {
        // The superuser may read what the mode forbids; nobody else can make a file that is another user's.
        if geteuid() == 0 ? mode == 0o200 : owner == 0 { return }
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("tollgate-\(UUID().uuidString)").path
        #expect(FileManager.default.createFile(atPath: path, contents: Data(secret.utf8)))
        defer { try? FileManager.default.removeItem(atPath: path) }
        if geteuid() == 0 { #expect(chown(path, owner, owner) == 0) }
        #expect(chmod(path, mode_t(mode)) == 0)
        do {
            #expect(try LoadingEnvironment.machine.readSecretFile(path, 256) == Array(secret.utf8))
            #expect(isRead)
        } catch {
            #expect(!isRead, "\(error)")
        }
        #expect(try LoadingEnvironment.machine.readFile(path, 256) == Array(secret.utf8))
    }
}
