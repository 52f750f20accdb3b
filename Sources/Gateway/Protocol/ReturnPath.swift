/// Where a browser goes after it has handed in a solution by a form: a path of this origin, whatever the form says.
enum ReturnPath {
    /// Longest that is taken, in bytes: a form to `redeem` is small.
    static let bytesMax = 4_096

    /// The path if it can lead nowhere else: one slash, and neither a second one nor a backslash behind it, which
    /// browsers take for the beginning of a host; visible ASCII only, as in a header field. Else `/`.
    static func safe(_ text: String?) -> String {
        guard let text, text.utf8.count <= bytesMax, text.utf8.first == UInt8(ascii: "/") else { return "/" }
        if let second = text.utf8.dropFirst().first, second == UInt8(ascii: "/") { return "/" }
        let isClean = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }
        return isClean ? text : "/"
    }
}
