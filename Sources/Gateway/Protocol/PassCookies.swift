/// The cookies in which browsers keep their passes, and their removal from what is forwarded.
///
/// Cookies whose name begins with `tollgate_` or `__Host-tollgate_` are the gateway's; the upstream sees none of them.
enum PassCookies {
    static let prefix = "tollgate_"
    static let securePrefix = "__Host-tollgate_"
    /// At most this many cookies of ours are looked at in one request: a neighbouring host can set some of our name that
    /// are none, and they must not hide the one that is.
    static let candidatesMax = 16

    static func name(policy: String, isHTTPS: Bool) -> String {
        (isHTTPS ? securePrefix : prefix) + policy
    }

    /// The `Set-Cookie` value for a pass.
    static func setCookie(pass: String, policy: String, isHTTPS: Bool, maxAgeSeconds: UInt64) -> String {
        var value = name(policy: policy, isHTTPS: isHTTPS) + "=" + pass
        value += "; Path=/; Max-Age=\(maxAgeSeconds); HttpOnly; SameSite=Lax"
        if isHTTPS { value += "; Secure" }
        return value
    }

    /// The passes for a policy in the request's `Cookie` fields.
    static func passes(_ head: RequestHead, policy: String, isHTTPS: Bool) -> [String] {
        var passes: [String] = []
        guard head.first("cookie") != nil else { return passes }
        let wanted = Array(name(policy: policy, isHTTPS: isHTTPS).utf8)
        for field in head.all("cookie") {
            head.withBytes(field) { bytes in
                for pair in bytes.split(separator: UInt8(ascii: ";")) where passes.count < candidatesMax {
                    let pair = pair.drop(while: ASCII.isWhiteSpace)
                    guard pair.count > wanted.count + 1, pair.starts(with: wanted),
                        pair[pair.startIndex + wanted.count] == UInt8(ascii: "=")
                    else { continue }
                    var value = pair.dropFirst(wanted.count + 1)
                    while let last = value.last, ASCII.isWhiteSpace(last) { value = value.dropLast() }
                    passes.append(String(decoding: value, as: UTF8.self))
                }
            }
        }
        return passes
    }

    /// A `Cookie` value without the gateway's cookies; nil when nothing is left; the same text when none were in it.
    static func stripped(_ value: String) -> String? {
        guard value.utf8.count >= prefix.utf8.count, !value.utf8.ranges(of: prefix.utf8).isEmpty else { return value }
        let kept = value.utf8.split(separator: UInt8(ascii: ";")).filter { pair in
            let name = pair.drop(while: ASCII.isWhiteSpace)
            return !name.starts(with: prefix.utf8) && !name.starts(with: securePrefix.utf8)
                && !name.allSatisfy(ASCII.isWhiteSpace)
        }
        if kept.isEmpty { return nil }
        return kept.map { String(decoding: $0.drop(while: ASCII.isWhiteSpace), as: UTF8.self) }.joined(separator: "; ")
    }
}
