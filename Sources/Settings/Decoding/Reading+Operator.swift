// What operators and their programs talk to: `probes:` and `admin:`.

extension Reading {
    /// The admin listener, and where its address stands.
    struct AdminDraft {
        var address: ListenAddress
        var position: Position
        /// Nil where the token is wrong.
        var settings: AdminSettings?
    }

    /// `probes:`.
    func probes(_ root: Fields) -> (address: ListenAddress, position: Position)? {
        guard let fields = root.fields("probes", example: "probes: { address: \"127.0.0.1:9464\" }") else { return nil }
        defer { fields.finish() }
        if !fields.has("address") { fields.reportMissing("address", example: "address: \"127.0.0.1:9464\"") }
        return fields.parsed("address", example: "address: \"127.0.0.1:9464\"", parseListenAddress).map {
            ($0, fields.valuePosition(of: "address"))
        }
    }

    /// `admin:`. Over TCP whoever reaches the port could change things, so a token is demanded; over a Unix socket its
    /// mode says who may connect.
    func admin(_ root: Fields) -> AdminDraft? {
        let example = "address: \"\(AdminSettings.standardAddress)\""
        guard let fields = root.fields("admin", example: "admin: { \(example) }") else { return nil }
        defer { fields.finish() }
        let path = fields.text("token", example: "token: /etc/tollgate/admin.token")
        let given = fields.parsed("address", example: example, parseListenAddress)
        guard let address = fields.has("address") ? given : AdminSettings.standardAddress else { return nil }
        var draft = AdminDraft(address: address, position: fields.valuePosition(of: "address"))
        switch address {
        case .unix:
            guard !fields.has("token") else {
                fields.report(
                    "token",
                    "a token means nothing on a Unix socket, where the socket's mode of 0600 says who may connect",
                    "remove `token`"
                )
                return draft
            }
            draft.settings = AdminSettings(address: address, token: nil)
        case .tcp(let host, _):
            guard fields.has("token") else {
                fields.report(
                    "address",
                    "over TCP whoever reaches \(quoted(address.description)) could change things",
                    "add `token: FILE` (a secret of 16 to 256 characters, mode 0600), or listen on a Unix socket"
                )
                return draft
            }
            if !host.isLoopback {
                fields.warn(
                    "address",
                    "the admin token crosses the network unencrypted",
                    "listen on a Unix socket or on 127.0.0.1, and come through SSH or a TLS proxy"
                )
            }
            guard let path else { return draft }
            let token = token(resolve(path), at: fields.valuePosition(of: "token"))
            draft.settings = token.map { AdminSettings(address: address, token: $0) }
        }
        return draft
    }

    /// The secret in a file, without the line's end. No message quotes any of it.
    private func token(_ path: String, at position: Position) -> String? {
        guard var bytes = readSideFile(path, byteLimit: 258, isSecret: true, at: position) else { return nil }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        let remedy = "put one secret into it, such as what `openssl rand -hex 32` prints"
        guard (16...256).contains(bytes.count) else {
            report(
                Complaint("the token in \(quoted(path)) is \(bytes.count) bytes long, not 16 to 256", remedy),
                at: position
            )
            return nil
        }
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            let message = "the token in \(quoted(path)) holds a space or something else than printable ASCII"
            report(Complaint(message, remedy), at: position)
            return nil
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
