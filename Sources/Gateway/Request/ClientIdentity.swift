import Settings

/// Who a request comes from, by the one source that its listener names.
struct ClientIdentity: Sendable, Equatable {
    /// The client's address; IPv4-mapped addresses are IPv4.
    let address: IPAddress
    /// Whether the connection's peer is a trusted proxy of HTTP, whose `X-Request-Id`, `-Proto` and `-Host` are believed.
    let isPeerTrusted: Bool
    let isHTTPS: Bool
    /// What the upstream is told: the client and the trusted hops behind it, in the order of `X-Forwarded-For`.
    let forwardedFor: String
}

/// Finds the client of a request: DESIGN section 3, "Identify".
///
/// A header is believed only from a trusted peer. Lists are walked from the right over trusted hops, and a hop that does
/// not parse ends the walk at the last trusted one: whatever a client writes to the left of that changes nothing.
struct ClientIdentifier: Sendable {
    /// At most this many hops are walked; a longer list ends there. Honest chains have fewer than ten.
    static let hopsMax = 64

    let source: ClientSource

    /// - Parameters:
    ///   - head: the request as it came.
    ///   - peer: the connection's peer; nil for a Unix socket, whose peers count as loopback.
    ///   - proxyAnnounced: the client that the peer announced by the PROXY protocol.
    func identify(_ head: RequestHead, peer: IPAddress?, proxyAnnounced: IPAddress?) -> ClientIdentity {
        let peerAddress = peer ?? IPAddress(ipv4: 0x7F00_0001)
        let trusted = isTrusted(peer)
        var hops: [IPAddress] = []
        switch source {
        case .peer:
            break
        case .xForwardedFor(let proxies):
            if trusted { hops = Self.walk(head, head.all("x-forwarded-for"), proxies, Self.plainHop) }
        case .forwarded(let proxies):
            if trusted { hops = Self.walk(head, head.all("forwarded"), proxies, Self.forwardedHop) }
        case .header(let name, _):
            // One address and no list: the header that a CDN sets. Two such fields are nobody's honest doing.
            if trusted, case let values = head.all(named: name), values.count == 1,
                let address = head.withBytes(values[0], { IPAddress(utf8: $0) })
            {
                hops = [address]
            }
        case .proxyProtocol:
            if trusted, let proxyAnnounced { hops = [proxyAnnounced] }
        }
        var forwardedFor = ""
        for hop in hops.reversed() { forwardedFor += hop.description + ", " }
        forwardedFor += peerAddress.description
        // A proxy of connections passes the bytes of its clients on: what they say of themselves counts for nothing.
        let speaksHTTP: Bool
        if case .proxyProtocol = source { speaksHTTP = false } else { speaksHTTP = trusted }
        let isHTTPS = speaksHTTP && head.all("x-forwarded-proto").last.map { isHTTPSList(head, $0) } ?? false
        return ClientIdentity(
            address: hops.last ?? peerAddress,
            isPeerTrusted: speaksHTTP,
            isHTTPS: isHTTPS,
            forwardedFor: forwardedFor
        )
    }

    private func isTrusted(_ peer: IPAddress?) -> Bool {
        source.trusted.contains(peer ?? IPAddress(ipv4: 0x7F00_0001))
    }

    private func isHTTPSList(_ head: RequestHead, _ slice: RequestHead.Slice) -> Bool {
        // The hop nearest to us wrote the last element.
        head.withBytes(slice) { bytes in
            let last = bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).last ?? bytes[...]
            let word = last.filter { !ASCII.isWhiteSpace($0) }.map { ASCII.lowercased($0) }
            return word.elementsEqual("https".utf8)
        }
    }

    /// The hops from the nearest to the client: trusted ones, then the first that is not (the client).
    private static func walk(
        _ head: RequestHead,
        _ fields: [RequestHead.Slice],
        _ trusted: PrefixSet,
        _ parse: (UnsafeRawBufferPointer) -> IPAddress?
    ) -> [IPAddress] {
        var hops: [IPAddress] = []
        for field in fields.reversed() {
            var stop = false
            head.withBytes(field) { bytes in
                var end = bytes.count
                while !stop {
                    guard let start = elementStart(bytes, end: end) else {
                        stop = true
                        return
                    }
                    let element = trimmed(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                    guard let hop = parse(element), hops.count < hopsMax else {
                        stop = true
                        return
                    }
                    hops.append(hop)
                    if !trusted.contains(hop) { stop = true }
                    if start == 0 { return }
                    end = start - 1
                }
            }
            if stop { break }
        }
        return hops
    }

    /// Where the last element before `end` begins: behind the nearest comma that is not within a quoted string. Nil
    /// where quotes do not match (RFC 9110 section 5.6.4); then nothing to the left of them can be told apart.
    private static func elementStart(_ bytes: UnsafeRawBufferPointer, end: Int) -> Int? {
        var start = end
        var isQuoted = false
        while start > 0 {
            switch bytes[start - 1] {
            case UInt8(ascii: ",") where !isQuoted:
                return start
            case UInt8(ascii: "\""):
                var backslashes = 0
                while start - 2 - backslashes >= 0, bytes[start - 2 - backslashes] == UInt8(ascii: "\\") {
                    backslashes += 1
                }
                if backslashes % 2 == 0 { isQuoted.toggle() }
            default:
                break
            }
            start -= 1
        }
        return isQuoted ? nil : 0
    }

    /// The parts of one element between semicolons that are not within a quoted string; nil where quotes do not match.
    private static func pairs(_ bytes: UnsafeRawBufferPointer) -> [UnsafeRawBufferPointer]? {
        var pairs: [UnsafeRawBufferPointer] = []
        var isQuoted = false
        var isEscaped = false
        var start = 0
        for (index, byte) in bytes.enumerated() {
            if isEscaped {
                isEscaped = false
            } else if isQuoted, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted.toggle()
            } else if byte == UInt8(ascii: ";"), !isQuoted {
                pairs.append(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
                start = index + 1
            }
        }
        guard !isQuoted else { return nil }
        pairs.append(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        return pairs
    }

    private static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var start = 0
        var end = bytes.count
        while start < end, ASCII.isWhiteSpace(bytes[start]) { start += 1 }
        while end > start, ASCII.isWhiteSpace(bytes[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<end])
    }

    /// An address as proxies write it into `X-Forwarded-For`: bare, or with a port (some add one).
    static func plainHop(_ bytes: UnsafeRawBufferPointer) -> IPAddress? {
        if let address = IPAddress(utf8: bytes) { return address }
        return withoutPort(bytes)
    }

    /// `for=192.0.2.1`, `for="[2001:db8::1]:4711"` among the pairs of one element (RFC 7239 section 4).
    static func forwardedHop(_ bytes: UnsafeRawBufferPointer) -> IPAddress? {
        var found: IPAddress?
        guard let pairs = pairs(bytes) else { return nil }
        for pair in pairs {
            let pair = trimmed(pair)
            guard pair.count > 4, zip(pair, "for=".utf8).allSatisfy({ ASCII.lowercased($0) == $1 }) else { continue }
            // A second `for` in one element is nobody's honest doing.
            guard found == nil else { return nil }
            var value = UnsafeRawBufferPointer(rebasing: pair[4...])
            if value.count >= 2, value.first == UInt8(ascii: "\""), value.last == UInt8(ascii: "\"") {
                value = UnsafeRawBufferPointer(rebasing: value[1..<(value.count - 1)])
            }
            guard let address = plainHop(value) else { return nil }
            found = address
        }
        return found
    }

    private static func withoutPort(_ bytes: UnsafeRawBufferPointer) -> IPAddress? {
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            guard isPort(bytes[(close + 1)...]) else { return nil }
            let address = IPAddress(utf8: UnsafeRawBufferPointer(rebasing: bytes[1..<close]))
            return address
        }
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), isPort(bytes[colon...]) else { return nil }
        guard let address = IPAddress(utf8: UnsafeRawBufferPointer(rebasing: bytes[..<colon])) else { return nil }
        return address.isIPv4 ? address : nil
    }

    /// Empty, or a colon and one to five digits.
    private static func isPort(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let first = bytes.first else { return true }
        let digits = bytes.dropFirst()
        return first == UInt8(ascii: ":") && (1...5).contains(digits.count)
            && digits.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }
}
