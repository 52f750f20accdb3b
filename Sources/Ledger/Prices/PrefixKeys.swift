/// How much of an address a prefix keeps, from all of it to the widest neighbourhood.
///
/// The ledger knows no addresses: gateways say which prefix is whose. Theirs are /32, /24 and /16; or /64, /56 and /48.
public enum PrefixLevel: UInt8, CaseIterable, Hashable, Sendable {
    /// A client's own: /32 or /64.
    case address = 0
    /// 256 addresses: /24 or /56.
    case near = 1
    /// 256 of these: /16 or /48.
    case wide = 2
    /// Wider still. No gateway names one yet.
    case widest = 3
}

/// Where a client comes from: its address and the neighbourhoods around it, each as a keyed hash.
public struct PrefixKeys: Hashable, Sendable {
    /// The address's own.
    public var address: QuotaKey
    /// From the nearest to the widest, at most ``LedgerBounds/neighbourhoods``.
    public var neighbourhoods: [QuotaKey]

    /// A value of these fields.
    public init(address: QuotaKey, neighbourhoods: [QuotaKey]) {
        self.address = address
        self.neighbourhoods = neighbourhoods
    }

    /// Whether there are no more than levels.
    var isWithinBounds: Bool { neighbourhoods.count <= LedgerBounds.neighbourhoods }

    /// Calls with each level's key.
    /// - Precondition: ``isWithinBounds``.
    @inline(__always)
    func visit(_ body: (PrefixLevel, QuotaKey) -> Void) {
        body(.address, address)
        for (place, key) in neighbourhoods.enumerated() { body(PrefixLevel.allCases[place + 1], key) }
    }
}
