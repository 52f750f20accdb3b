extension Configuration {
    /// Reads and checks the file at `path`. Blocks the calling thread while it reads. Throws everything that is wrong.
    public static func load(path: String, environment: LoadingEnvironment = .machine) throws(ConfigurationErrors)
        -> LoadedConfiguration
    {
        func refuse(_ line: Int, _ message: String, _ remedy: String) -> ConfigurationErrors {
            let problem = ConfigurationProblem(file: path, line: line, column: 0, message: message, remedy: remedy)
            return ConfigurationErrors(problems: [problem], warnings: [])
        }
        let bytes: [UInt8]
        do {
            bytes = try environment.readFile(path, YAMLComposer.byteLimit)
        } catch {
            throw refuse(0, "the configuration file \(error.message)", error.remedy)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw refuse(lineOfFirstFault(bytes), "the file is not UTF-8 text here", "save it as UTF-8")
        }
        return try parse(text: text, file: path, environment: environment)
    }

    /// Checks a configuration's text. `file` is what messages call it and what relative paths are relative to. Throws
    /// everything that is wrong.
    public static func parse(text: String, file: String, environment: LoadingEnvironment = .machine)
        throws(ConfigurationErrors) -> LoadedConfiguration
    {
        let reading = Reading(file: file, environment: environment)
        reading.hash.combine(text.utf8)
        let root: YAMLValue?
        do {
            root = try YAMLComposer.compose(text)
        } catch {
            reading.report(error.complaint, at: error.position)
            throw reading.errors!
        }
        let configuration = reading.configuration(root)
        if let errors = reading.errors { throw errors }
        guard let configuration else { preconditionFailure("a configuration that is not there has a problem") }
        return LoadedConfiguration(
            configuration: configuration,
            warnings: reading.inOrder(reading.warnings),
            files: [file] + reading.sideFiles
        )
    }

    /// The configuration of `serve --upstream URL`: the same as a file that only says `upstream: URL`. Throws what is
    /// wrong.
    public static func fromUpstream(url: String, environment: LoadingEnvironment = .machine) throws(ConfigurationErrors)
        -> LoadedConfiguration
    {
        // YAML's double quotes, with the two characters escaped that mean something in them. Others that may not stand
        // in a file are refused as they would be there.
        var quoted = ""
        for character in url.unicodeScalars {
            if character == "\"" || character == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(character)
        }
        var loaded = try parse(text: "upstream: \"\(quoted)\"\n", file: "--upstream", environment: environment)
        loaded.files = []
        return loaded
    }

    /// The line, from 1, of the first byte that is not UTF-8.
    private static func lineOfFirstFault(_ bytes: [UInt8]) -> Int {
        var line = 1
        for content in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            if String(validating: content, as: UTF8.self) == nil { return line }
            line += 1
        }
        return line
    }
}

extension Reading {
    /// The whole file. Nil only after a report.
    func configuration(_ tree: YAMLValue?) -> Configuration? {
        guard let tree, !tree.isNothing else {
            report(
                Complaint("the file is empty", "add `upstream: \"http://127.0.0.1:3000\"`"),
                at: Position(line: 1, column: 1)
            )
            return nil
        }
        guard
            let root = Fields(
                tree,
                place: "",
                schema: "",
                reading: self,
                example: "upstream: \"http://127.0.0.1:3000\""
            )
        else {
            return nil
        }
        let node = node(root)
        let membership = membership(root, node: node.name)
        let listeners = listeners(root)
        let forwards = !answersChecksOnly(root)
        let probes = probes(root)
        let admin = admin(root)
        let upstreams = upstreams(root, forwards: forwards)
        var policies = policies(root)
        let names = Names(upstreams: upstreams.names, policies: policies.names, forwards: forwards)
        let routes = routes(root, names: names)
        let log = log(root)
        let limits = httpLimits(root)
        root.finish()

        let usesDefault = routes.contains {
            if case .policy(_, "default", _, _) = $0.settings.action { true } else { false }
        }
        if usesDefault, !names.policies.contains("default") {
            policies.settings.append(PolicySettings(name: "default", preset: .site))
        }
        checkListeners(
            listeners.map { ($0.settings.address, $0.position) } + [probes].compactMap(\.self)
                + [admin.map { ($0.address, $0.position) }].compactMap(\.self)
        )
        checkLoops(upstreams.settings, listeners, admin: admin?.address)
        checkCosts(routes, policies.settings)
        // A route that was left out for its faults would seem to be missing.
        if problems.isEmpty {
            checkReachable(routes)
            checkUsed(routes, root, names)
        }
        return Configuration(
            node: node,
            membership: membership,
            listeners: listeners.map(\.settings),
            probes: probes?.address,
            admin: admin?.settings,
            upstreams: upstreams.settings.map(\.settings),
            routes: routes.map(\.settings),
            policies: policies.settings,
            log: log,
            limits: limits,
            hash: hash.text
        )
    }

    private func reportUnsupported(_ root: Fields, _ name: String, _ message: String, _ remedy: String) {
        report(Complaint(message, remedy), at: root.position(of: name))
    }

    private func node(_ root: Fields) -> NodeSettings {
        // What a host's name may hold and ours may not becomes a dash: a default must not be an error.
        let host = environment.hostName.unicodeScalars.prefix(63).map { scalar in
            scalar.isASCII
                && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
                    || "-_.".unicodeScalars.contains(scalar))
                ? scalar : "-"
        }
        var node = NodeSettings(
            name: host.isEmpty ? "node" : String(String.UnicodeScalarView(host)),
            data: environment.stateDirectory
        )
        guard let fields = root.fields("node", example: "node: { name: a }") else { return node }
        defer { fields.finish() }
        fields.parsed("name", example: "name: a") { text throws(Complaint) in
            try parseName(text, limit: NodeSettings.nameBytesMax)
        }.map { node.name = $0 }
        fields.parsed("data", example: "data: /var/lib/tollgate") { text throws(Complaint) in
            guard text.hasPrefix("/"), text.utf8.count <= 4_096, !text.utf8.contains(0) else {
                throw Complaint("\(quoted(text)) is not an absolute path", "write it as in `/var/lib/tollgate`")
            }
            return text
        }.map { node.data = $0 }
        if fields.has("sealKey") {
            reportUnsupported(
                fields,
                "sealKey",
                "this version protects what is on disk by the folder's mode of 0700 alone",
                "remove `sealKey`, and keep the data folder on an encrypted disk where that is not enough"
            )
        }
        return node
    }

    private func log(_ root: Fields) -> LogSettings {
        var log = LogSettings()
        guard let fields = root.fields("log", example: "log: { level: info }") else { return log }
        defer { fields.finish() }
        fields.choice("level", LogSettings.Level.self).map { log.level = $0 }
        fields.choice("format", LogSettings.Format.self).map { log.format = $0 }
        fields.choice("access", LogSettings.Access.self).map { log.access = $0 }
        fields.choice("addresses", LogSettings.Addresses.self).map { log.addresses = $0 }
        return log
    }

    private func httpLimits(_ root: Fields) -> HTTPLimits {
        var limits = HTTPLimits()
        guard let fields = root.fields("limits", example: "limits: { headerBytes: 65536 }") else { return limits }
        defer { fields.finish() }
        let second: UInt64 = 1_000_000_000
        fields.integer("headerBytes", in: 1_024...1_048_576).map { limits.headerBytes = $0 }
        fields.integer("headerCount", in: 10...1_000).map { limits.headerCount = $0 }
        let targetBytes = fields.integer("targetBytes", in: 256...65_536)
        limits.targetBytes = targetBytes ?? min(limits.targetBytes, limits.headerBytes)
        if limits.targetBytes > limits.headerBytes {
            fields.report(
                "targetBytes",
                "a target of \(limits.targetBytes) bytes does not fit into a head of \(limits.headerBytes)",
                "choose at most `headerBytes`"
            )
        }
        limits.bodyBytes = fields.integer("bodyBytes", in: UInt64(0)...1 << 50)
        fields.duration("headerTimeout", in: second...600 * second).map { limits.headerTimeoutNanoseconds = $0 }
        fields.duration("bodyIdleTimeout", in: second...3_600 * second).map { limits.bodyIdleTimeoutNanoseconds = $0 }
        fields.duration("writeIdleTimeout", in: second...3_600 * second).map { limits.writeIdleTimeoutNanoseconds = $0 }
        fields.duration("keepAliveTimeout", in: second...3_600 * second).map { limits.keepAliveTimeoutNanoseconds = $0 }
        fields.integer("maxConnections", in: 1...1_000_000).map { limits.maxConnections = $0 }
        fields.duration("shutdownDeadline", in: 0...3_600 * second).map { limits.shutdownDeadlineNanoseconds = $0 }
        return limits
    }
}
