import Testing

@testable import Settings

/// A field put into the smallest file that may hold it.
enum FieldPlace {
    /// What stands beside a field in the mappings around it, so that the file holds. The empty path is the whole file.
    private static let companions: [String: [String]] = [
        "": ["upstream: \"http://127.0.0.1:3000\""],
        "listeners[]": ["address: \"127.0.0.1:8080\""],
        "listeners[].client": ["from: x-forwarded-for"],
        "upstreams.NAME": ["servers: [\"127.0.0.1:3000\"]"],
        "routes[]": ["policy: default"],
        "policies.NAME.free[]": ["rate: 300/min"],
        "policies.NAME.ceiling[]": ["rate: 1500/min", "burst: 600"],
        "probes": ["address: \"127.0.0.1:9464\""],
        "admin": [],
        "cluster": ["seeds: { host-1: \"127.0.0.1:7400\" }", "tls: off"],
        "cluster.tls": ["certificate: a.pem", "key: a.key", "ca: ca.pem"],
    ]
    /// What a field needs besides, by its path and the mapping in which it stands: `-NAME` takes a companion away.
    private static let needs: [String: [String: [String]]] = [
        "upstreams": ["": ["-upstream", "routes: [{ upstream: app, policy: default }]"]],
        "listeners[].check": ["": ["-upstream"]],
        "routes[].upstream": ["": ["-upstream", "upstreams: { app: { servers: [\"a:1\"] } }"]],
        "routes[].allow": ["routes[]": ["-policy"]],
        "routes[].deny": ["routes[]": ["-policy"]],
        "routes[].cost": [
            "": [
                "policies: { default: { reserve: 0, free: { rate: 1000/s, burst: 1000000 }, work: { grants: 1000000 } } }"
            ]
        ],
        "policies": ["": ["routes: [{ policy: default }]"]],
        "policies.NAME.reserve": ["policies.NAME": ["free: { rate: 60/min, burst: 2000000 }"]],
        "policies.NAME.free": ["policies.NAME": ["ceiling: off"]],
        "policies.NAME.ceiling": ["policies.NAME": ["free: 0"]],
        "policies.NAME.free[].rate": ["policies.NAME": ["ceiling: off"]],
        "policies.NAME.free[].burst": ["policies.NAME.free[]": ["rate: 1000000/s"]],
        "policies.NAME.ceiling[].rate": ["policies.NAME": ["free: 1/366d"], "policies.NAME.ceiling[]": ["-burst"]],
        "policies.NAME.ceiling[].burst": ["policies.NAME.ceiling[]": ["rate: 1000000/s"]],
        "policies.NAME.work.difficulty": ["policies.NAME.work": ["rounds: 1", "challengeTtl: 1h"]],
        "policies.NAME.work.challengeTtl": ["policies.NAME.work": ["difficulty: 1000000"]],
        "admin.token": ["admin": ["address: \"127.0.0.1:9465\""]],
    ]
    /// What stands for `NAME`.
    private static let names = ["upstreams": "app", "policies": "default", "headers": "X-Any", "seeds": "host-1"]
    static let files = [
        "/etc/logo.svg": "<svg/>", "/etc/bad.txt": "192.0.2.0/24\n", "/etc/admin.token": "0123456789abcdef",
        "/etc/a.pem": "certificate", "/etc/a.key": "key", "/etc/ca.pem": "authority",
    ]

    /// The file, in one line. `value` is YAML; nil leaves the field out.
    static func file(_ path: String, _ value: String?) -> String {
        let names = path.split(separator: ".").map(String.init)
        return "{ \(mapping([], names[...], value, path)) }\n"
    }

    /// The inside of the mapping at `place`, which leads to `rest`.
    private static func mapping(_ place: [String], _ rest: ArraySlice<String>, _ value: String?, _ path: String)
        -> String
    {
        let here = place.joined(separator: ".")
        let step = rest.first!
        let name = step == "NAME" ? Self.names[place.last!]! : step.replacing("[]", with: "")
        let inner: String?
        if rest.count == 1 {
            inner = value
        } else {
            inner = "{ \(mapping(place + [step], rest.dropFirst(), value, path)) }"
        }
        var fields = [inner.map { "\(name): \(step.hasSuffix("[]") ? "[\($0)]" : $0)" }].compactMap(\.self)
        var needed = needs[path]?[here] ?? []
        if here.isEmpty, step == "upstreams" { needed.append("-upstream") }
        let taken = Set(needed.map { key(of: $0) } + [name])
        fields += (companions[here] ?? []).filter { !taken.contains(key(of: $0)) }
        fields += needed.filter { !$0.hasPrefix("-") }
        return fields.joined(separator: ", ")
    }

    private static func key(of field: String) -> String {
        field.hasPrefix("-") ? String(field.dropFirst()) : String(field.prefix { $0 != ":" })
    }

    /// What is wrong with the file that has this value.
    static func problems(_ path: String, _ value: String?) -> [ConfigurationProblem] {
        SettingsTests.problems(file(path, value), files: files)
    }

    /// The configuration of the file that has this value, without what says how it was written.
    static func configuration(_ path: String, _ value: String?) throws -> Configuration {
        var configuration = try load(file(path, value), files: files).configuration
        configuration.hash = ""
        for index in configuration.routes.indices { configuration.routes[index].line = 0 }
        return configuration
    }
}
