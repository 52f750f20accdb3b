// What a limit counts, as the file and the ledger spell it.

/// `client`, `client/24,/48`, `header:NAME`, `all`.
func parseLimitKey(_ text: String) throws(Complaint) -> LimitKey {
    if text == "client" { return .client }
    if text == "all" { return .all }
    if text.hasPrefix("header:") { return .header(try parseHeaderName(String(text.dropFirst(7)))) }
    if text.hasPrefix("client/") {
        let lengths = text.dropFirst(7).split(separator: ",/", maxSplits: 1, omittingEmptySubsequences: false)
        guard lengths.count == 2, lengths.allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }),
            let ipv4 = Int(lengths[0]), let ipv6 = Int(lengths[1]),
            (1...32).contains(ipv4), (1...128).contains(ipv6)
        else {
            throw Complaint(
                "\(quoted(text)) does not name two networks",
                "write the lengths for IPv4 and IPv6, as in `client/24,/48`"
            )
        }
        return .clientPrefix(ClientPrefix(ipv4: ipv4, ipv6: ipv6))
    }
    throw Complaint(
        "\(quoted(text)) is nothing that can be counted by",
        "write `client`, `client/24,/48`, `header:NAME` or `all`"
    )
}

extension LimitSettings {
    /// The limit that the ledger holds under these figures, where no file of this node says how it was written.
    /// - Parameters:
    ///   - identity: as ``identity``.
    ///   - interval: as ``interval``, at least 1.
    /// - Returns: nil for a key that no configuration of this release can hold.
    public init?(identity: String, interval: UInt64, burst: UInt64) {
        let spelling = identity.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
        guard interval > 0, let key = try? parseLimitKey(String(spelling)) else { return nil }
        self.key = key
        self.identity = identity
        self.interval = interval
        self.burst = burst
        // The shortest window that holds a unit.
        let windows: [(nanoseconds: UInt64, text: String)] = [
            (1_000_000_000, "s"), (60_000_000_000, "min"), (3_600_000_000_000, "h"), (86_400_000_000_000, "day"),
        ]
        if let window = windows.first(where: { $0.nanoseconds >= interval }) {
            windowNanoseconds = window.nanoseconds
            count = window.nanoseconds / interval
            rateText = "\(count)/\(window.text)"
        } else {
            windowNanoseconds = interval
            count = 1
            rateText = "1/\(durationText(interval))"
        }
    }
}
