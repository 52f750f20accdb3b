/// Where a browser goes after it has handed in a solution by a form: a path of this origin, whatever the form says.
enum ReturnPath {
    /// Longest that a form to `redeem` says, in bytes: such a form is small.
    static let bytesMax = 4_096

    /// The path if it can lead nowhere else: one slash, and neither a second one nor a backslash behind it, which
    /// browsers take for the beginning of a host; visible ASCII only, as in a header field. Else `/`. In a query a
    /// backslash means nothing, and browsers write it there as it is.
    ///
    /// - Parameter bytesMax: nil where something else bounds its length.
    static func safe(_ text: String?, bytesMax: Int? = ReturnPath.bytesMax) -> String {
        guard let text, text.utf8.count <= bytesMax ?? .max, text.utf8.first == UInt8(ascii: "/") else { return "/" }
        if let second = text.utf8.dropFirst().first, second == UInt8(ascii: "/") { return "/" }
        let path = text.utf8.prefix { $0 != UInt8(ascii: "?") }
        let isClean = !path.contains(UInt8(ascii: "\\")) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        return isClean ? text : "/"
    }
}
