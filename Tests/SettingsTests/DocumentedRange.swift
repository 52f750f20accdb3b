@testable import Settings

/// The values by which a documented range is tried out: `1 to 64`, `1s to 30d`, `1/366d to 1000000/s`, `1 to 64 bytes`,
/// `1 to 64 elements`, `1 to 256 names`.
struct DocumentedRange {
    /// YAML that must be accepted.
    var within: [String]
    /// YAML that must be refused.
    var beyond: [String]

    init?(_ field: DocumentedField) {
        let words = field.range.split(separator: " ").map(String.init)
        guard words.count >= 3, words[1] == "to" else { return nil }
        let (lower, upper) = (words[0], words[2])
        switch words.dropFirst(3).first {
        case "bytes":
            guard let lower = Int(lower), let upper = Int(upper) else { return nil }
            within = [lower, upper].map { Self.text(field, $0) }
            beyond = [lower - 1, upper + 1].filter { $0 >= 0 }.map { Self.text(field, $0) }
        case "elements", "names":
            guard let lower = Int(lower), let upper = Int(upper) else { return nil }
            within = [lower, upper].map { Self.collection(field, $0) }
            beyond = [lower - 1, upper + 1].map { Self.collection(field, $0) }
        case nil:
            within = [lower, upper]
            if field.type.hasPrefix("duration") {
                guard let least = try? parseDuration(lower), let most = try? parseDuration(upper) else { return nil }
                beyond = [most + 1_000_000].map(durationText)
                if least > 0 { beyond.append(durationText(least - 1_000_000)) }
            } else if field.type.hasPrefix("rate") {
                guard let slowest = try? parseRate(lower), let fastest = try? parseRate(upper) else { return nil }
                beyond = [
                    "\(slowest.count)/\(slowest.windowNanoseconds / 86_400_000_000_000 + 1)d",
                    "\(fastest.count + 1)/\(fastest.windowNanoseconds / 1_000_000_000)s",
                ]
            } else {
                guard let least = Int64(lower), let most = UInt64(upper) else { return nil }
                beyond = ["\(least - 1)", "\(most + 1)"]
            }
        default: return nil
        }
    }

    /// A text of so many bytes that the field takes.
    private static func text(_ field: DocumentedField, _ count: Int) -> String {
        let isPath = field.type.contains("path")
        return
            "\"\((isPath && count > 0 ? "/" : "") + String(repeating: "a", count: isPath ? max(0, count - 1) : count))\""
    }

    /// A list or mapping of so many different elements that the field takes.
    private static func collection(_ field: DocumentedField, _ count: Int) -> String {
        let name = field.path.split(separator: ".").last.map { $0.replacing("[]", with: "") } ?? ""
        let elements = (0..<count).map { index in
            switch field.path {
            case "upstreams": "app\(index == 0 ? "" : "\(index)"): { servers: [\"127.0.0.1:3000\"] }"
            case "cluster.seeds": "\(index == 0 ? "host-1" : "s\(index)"): \"127.0.0.1:\(index + 1)\""
            case "policies": "\(index == 0 ? "default" : "p\(index)"): {}"
            case "listeners": "{ address: \"127.0.0.1:\(index + 10_000)\" }"
            case "routes": "{ match: { path: /\(index) }, policy: default, upstream: default }"
            case "upstreams.NAME.servers": "\"127.0.0.1:\(index + 1)\""
            case "policies.NAME.free", "policies.NAME.ceiling": "\(index + 1)/s"
            case "policies.NAME.cors.origins": "\"http://a\(index)\""
            default:
                switch name {
                case "trusted", "clients": "\"\(IPAddress(ipv4: UInt32(index) << 8))\""
                case "host", "NAME": "a\(index)"
                case "path": "/\(index)"
                case "methods": "M\(index)"
                case "headers": "X-\(index): a"
                case "not": "{ path: /\(index) }"
                default: "\(index)"
                }
            }
        }
        let inside = elements.joined(separator: ", ")
        let isMapping = field.type.hasPrefix("mapping")
        return isMapping ? "{ \(inside) }" : "[\(inside)]"
    }
}
