/// The path of a request in the one form in which it is matched and forwarded.
///
/// Two servers that read one path differently are how a rule is walked around; so the gateway forwards what it matched:
/// percent-encoded unreserved characters are decoded, the rest keeps its encoding with upper-case digits, dot segments
/// are removed and doubled slashes are merged (RFC 3986 section 6.2.2). What no honest client sends is an error.
///
/// Rules are matched on the fully decoded path. An encoded slash, which package registries and forges use, stays encoded
/// in what is forwarded and is matched in both readings, as data and as a separator; the caller refuses the request when
/// the two lead to different routes.
struct NormalizedPath: Sendable, Equatable {
    /// Why a request-target is refused with 400.
    enum Problem: Error, Equatable {
        case notAbsolute
        case badPercentEncoding
        case controlCharacter
        case backslash
        case climbsOutOfRoot
        case dotSegmentWithParameter
    }

    /// What goes to the upstream, without the query. Begins with `/`.
    let forwarded: [UInt8]
    /// The decoded path with encoded slashes kept as `%2F`.
    let matched: [UInt8]
    /// The decoded path with encoded slashes taken as separators, where it differs from `matched`.
    let alternative: [UInt8]?

    /// - Parameter path: the path part of the request-target, without query; at most the configured target length.
    init(_ path: UnsafeRawBufferPointer) throws(Problem) {
        guard path.first == UInt8(ascii: "/") else { throw .notAbsolute }
        if Self.isPlain(path) {
            forwarded = Array(path)
            matched = forwarded
            alternative = nil
            return
        }
        var canonical: [UInt8] = []
        canonical.reserveCapacity(path.count)
        var hasEncodedSlash = false
        var index = 0
        while index < path.count {
            let byte = path[index]
            if byte == UInt8(ascii: "%") {
                guard index + 2 < path.count, let high = ASCII.hexValue(path[index + 1]),
                    let low = ASCII.hexValue(path[index + 2])
                else { throw .badPercentEncoding }
                let decoded = high << 4 | low
                try Self.check(decoded)
                if ASCII.isUnreserved(decoded) {
                    canonical.append(decoded)
                } else {
                    if decoded == UInt8(ascii: "/") { hasEncodedSlash = true }
                    canonical.append(byte)
                    canonical.append(ASCII.upperHex[Int(high)])
                    canonical.append(ASCII.upperHex[Int(low)])
                }
                index += 3
            } else {
                try Self.check(byte)
                canonical.append(byte)
                index += 1
            }
        }
        forwarded = try Self.resolved(canonical)
        matched = Self.decoded(forwarded, slashes: false)
        alternative = hasEncodedSlash ? try Self.resolved(Self.decoded(forwarded, slashes: true)) : nil
    }

    /// Most paths need no work at all: letters, digits and single slashes, with no segment that begins with a dot.
    private static func isPlain(_ path: UnsafeRawBufferPointer) -> Bool {
        var previous: UInt8 = 0
        for byte in path {
            if byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".") {
                if previous == UInt8(ascii: "/") { return false }
            } else if !ASCII.isUnreserved(byte) {
                return false
            }
            previous = byte
        }
        return true
    }

    private static func check(_ byte: UInt8) throws(Problem) {
        if byte < 0x20 || byte == 0x7F { throw .controlCharacter }
        if byte == UInt8(ascii: "\\") { throw .backslash }
    }

    /// Removes dot segments and merges slashes (RFC 3986 section 5.2.4, but climbing out of the root is an error).
    private static func resolved(_ path: [UInt8]) throws(Problem) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        var output: [UInt8] = []
        output.reserveCapacity(path.count)
        var index = 0
        var endsWithSlash = false
        while index < path.count {
            while index < path.count, path[index] == slash { index += 1 }
            let start = index
            while index < path.count, path[index] != slash { index += 1 }
            let segment = path[start..<index]
            endsWithSlash = index < path.count
            if segment.isEmpty {
                endsWithSlash = true
            } else if segment.elementsEqual([UInt8(ascii: ".")]) {
                endsWithSlash = true
            } else if segment.elementsEqual([UInt8(ascii: "."), UInt8(ascii: ".")]) {
                guard let last = output.lastIndex(of: slash) else { throw .climbsOutOfRoot }
                output.removeSubrange(last...)
                endsWithSlash = true
            } else {
                // `..;x` is a name to us and a dot segment to servers that know path parameters.
                let name = segment.prefix { $0 != UInt8(ascii: ";") }
                if !name.isEmpty, name.count < segment.count, name.allSatisfy({ $0 == UInt8(ascii: ".") }),
                    name.count <= 2
                {
                    throw .dotSegmentWithParameter
                }
                output.append(slash)
                output.append(contentsOf: segment)
            }
        }
        if endsWithSlash || output.isEmpty { output.append(slash) }
        return output
    }

    /// Decodes every percent-encoded byte but, unless asked to, the slash. The input is well formed.
    private static func decoded(_ path: [UInt8], slashes: Bool) -> [UInt8] {
        guard path.contains(UInt8(ascii: "%")) else { return path }
        var output: [UInt8] = []
        output.reserveCapacity(path.count)
        var index = 0
        while index < path.count {
            if path[index] == UInt8(ascii: "%"), index + 2 < path.count, let high = ASCII.hexValue(path[index + 1]),
                let low = ASCII.hexValue(path[index + 2])
            {
                let byte = high << 4 | low
                if byte == UInt8(ascii: "/"), !slashes {
                    output.append(contentsOf: path[index..<index + 3])
                } else {
                    output.append(byte)
                }
                index += 3
            } else {
                output.append(path[index])
                index += 1
            }
        }
        return output
    }
}
