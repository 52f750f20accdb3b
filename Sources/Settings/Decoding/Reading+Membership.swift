// `cluster:`: where a node meets its peers, who founds the cluster, and what it shows them.

extension Reading {
    /// Longest PEM file that is read, in bytes.
    private static let pemBytesMax = 1 << 20

    /// `cluster:`; nil where there is none, and after a report.
    func membership(_ root: Fields, node: String) -> MembershipSettings? {
        let example = "cluster: { listen: \"0.0.0.0:7400\", seeds: { a: \"10.0.0.1:7400\" }, tls: off }"
        guard let fields = root.fields("cluster", example: example) else { return nil }
        defer { fields.finish() }
        let stated = fields.parsed("listen", example: "listen: \"0.0.0.0:7400\"", parseMeetingPoint)
        var advertise = fields.parsed("advertise", example: "advertise: \"10.0.0.1:7400\"") { text throws(Complaint) in
            try parsePeer(try expanded(text, environment))
        }
        let seeds = seeds(fields)
        let tls = tls(fields)
        guard var seeds else { return nil }
        let own = seeds.first { $0.name == node }
        if let own, let written = advertise, own.address != written {
            fields.report(
                "advertise",
                "this node is \(quoted(written)) here, and \(quoted(own.address)) among the seeds",
                "write the same address in both places, or remove `advertise`"
            )
        }
        if own == nil, !fields.has("advertise") {
            fields.report(
                "seeds",
                "this node, \(quoted(node)), is not among the seeds, and nothing says where its peers reach it",
                "add it to `seeds`, set `node.name` to its name there, or add `advertise: \"10.0.0.1:7400\"`"
            )
        }
        advertise = own?.address ?? advertise
        guard let advertise else { return nil }
        if own == nil {
            if let taken = seeds.first(where: { $0.address == advertise }) {
                fields.report(
                    "advertise",
                    "\(quoted(advertise)) is the address of the seed \(quoted(taken.name))",
                    "give each node an address of its own, or set `node.name` to \(quoted(taken.name))"
                )
            }
            seeds.append(MembershipSettings.Seed(name: node, address: advertise))
            seeds.sort { $0.name < $1.name }
            guard seeds.count <= MembershipSettings.seedsMax else {
                fields.report(
                    "seeds",
                    "with this node there are \(seeds.count) seeds",
                    "name at most \(MembershipSettings.seedsMax)"
                )
                return nil
            }
        }
        guard let tls, stated != nil || !fields.has("listen") else { return nil }
        let listen = stated ?? (tls.files == nil ? advertise : Self.everyAddress(advertise))
        if tls.files == nil { checkPlain(fields, [listen] + seeds.map(\.address)) }
        return MembershipSettings(listen: listen, advertise: advertise, seeds: seeds, tls: tls.files)
    }

    /// `tls:` as it stands.
    private enum TLSDraft {
        case off
        case files(PeerTLSFiles)

        var files: PeerTLSFiles? {
            if case .files(let files) = self { files } else { nil }
        }
    }

    /// Every address of this host, of the family and at the port of an address that ``parsePeer(_:)`` has made.
    private static func everyAddress(_ address: String) -> String {
        (address.hasPrefix("[") ? "[::]" : "0.0.0.0")
            + address.suffix(from: address.lastIndex(of: ":") ?? address.endIndex)
    }

    /// Sorted by name.
    private func seeds(_ fields: Fields) -> [MembershipSettings.Seed]? {
        let example = "seeds: { a: \"10.0.0.1:7400\", b: \"10.0.0.2:7400\", c: \"10.0.0.3:7400\" }"
        guard let all = fields.fields("seeds", chosenNames: true, example: example) else {
            if !fields.has("seeds") { fields.reportMissing("seeds", example: example) }
            return nil
        }
        guard (1...MembershipSettings.seedsMax).contains(all.names.count) else {
            fields.report(
                "seeds",
                "`cluster.seeds` has \(all.names.count) elements",
                "name 1 to \(MembershipSettings.seedsMax) nodes, as in `\(example)`"
            )
            return nil
        }
        var seeds: [MembershipSettings.Seed] = []
        for name in all.names {
            do throws(Complaint) { _ = try parseName(name, limit: 63) } catch {
                report(error, at: all.position(of: name))
            }
            guard let address = all.parsed(name, example: "\(name): \"10.0.0.1:7400\"", parsePeer) else { continue }
            if let other = seeds.first(where: { $0.address == address }) {
                all.report(
                    name,
                    "\(quoted(address)) is the address of \(quoted(other.name)) too",
                    "give each node an address of its own"
                )
            }
            seeds.append(MembershipSettings.Seed(name: name, address: address))
        }
        return seeds.sorted { $0.name < $1.name }
    }

    /// A mapping, or `off`.
    private func tls(_ fields: Fields) -> TLSDraft? {
        let example = "tls: { certificate: a.pem, key: a.key, ca: ca.pem }"
        guard let value = fields.value("tls") else {
            fields.reportMissing("tls", example: example)
            return nil
        }
        // YAML's `off` is text here.
        if case .text("off", _) = value.content { return .off }
        guard let files = fields.fields("tls", example: example) else { return nil }
        defer { files.finish() }
        func file(_ name: String, isSecret: Bool) -> [UInt8]? {
            let example = "\(name): \(name == "key" ? "a.key" : "a.pem")"
            if !files.has(name) { files.reportMissing(name, example: example) }
            let path = files.parsed(name, example: example) { text throws(Complaint) in
                try expanded(text, environment)
            }
            guard let path else { return nil }
            return readSideFile(
                resolve(path),
                byteLimit: Self.pemBytesMax,
                isSecret: isSecret,
                at: files.valuePosition(of: name)
            )
        }
        let certificate = file("certificate", isSecret: false)
        let key = file("key", isSecret: true)
        let authorities = file("ca", isSecret: false)
        guard let certificate, let key, let authorities else { return nil }
        return .files(PeerTLSFiles(certificate: certificate, key: key, authorities: authorities))
    }

    /// Without TLS whoever reaches the port could decide for the cluster, and read its secret.
    private func checkPlain(_ fields: Fields, _ addresses: [String]) {
        for address in addresses where !isLoopback(address) {
            fields.report(
                "tls",
                "without TLS whoever reaches \(quoted(address)) could read the cluster's secret and change its state",
                "add `tls: { certificate: a.pem, key: a.key, ca: ca.pem }`, or use addresses of loopback only"
            )
            return
        }
    }
}

/// Whether an address that ``parsePeer(_:)`` has made can be reached from this host only.
private func isLoopback(_ address: String) -> Bool {
    guard let (host, _) = try? parseHostAndPort(address) else { return false }
    return switch host {
    case .address(let address): address.isLoopback
    case .name(let name): name == "localhost"
    }
}

/// `host:port` of a peer, in its one spelling.
private func parsePeer(_ text: String) throws(Complaint) -> String {
    let (host, port) = try parseHostAndPort(text)
    if case .address(let address) = host, address.isUnspecified {
        throw Complaint(
            "\(quoted(text)) stands for every address of a host, which nobody can connect to",
            "write the address at which the other nodes reach it"
        )
    }
    return "\(host.textInURL):\(port)"
}

/// `host:port` to listen on.
private func parseMeetingPoint(_ text: String) throws(Complaint) -> String {
    let (host, port) = try parseHostAndPort(text)
    return "\(host.textInURL):\(port)"
}

/// A text with `$NAME` and `${NAME}` replaced by what the environment says; `$$` is a dollar.
private func expanded(_ text: String, _ environment: LoadingEnvironment) throws(Complaint) -> String {
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
        result += rest[..<dollar]
        rest = rest[rest.index(after: dollar)...]
        if rest.first == "$" {
            result += "$"
            rest.removeFirst()
            continue
        }
        let name: Substring
        if rest.first == "{", let close = rest.firstIndex(of: "}") {
            name = rest[rest.index(after: rest.startIndex)..<close]
            rest = rest[rest.index(after: close)...]
        } else {
            name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            rest = rest[name.endIndex...]
        }
        guard !name.isEmpty, let value = environment.variable(String(name)) else {
            throw Complaint(
                "the environment has no variable \(quoted(name))",
                "set it, or write `$$` for a dollar sign"
            )
        }
        result += value
    }
    return result + rest
}
