import Wire

// The bytes of prices: in commands, in results and in snapshots.

extension PrefixKeys {
    func write(into sink: inout some FieldSink) {
        sink.key(address)
        sink.count(neighbourhoods.count)
        for key in neighbourhoods { sink.key(key) }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        address = try source.key()
        neighbourhoods = []
        for _ in 0..<(try source.count(limit: LedgerBounds.neighbourhoods, elementBytes: 16)) {
            neighbourhoods.append(try source.key())
        }
    }
}

extension PolicyPrice {
    /// Bytes of one.
    static let bytes = 8

    func write(into sink: inout some FieldSink) {
        sink.u32(policy.rawValue)
        sink.u32(factor)
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        policy = PolicyID(rawValue: try source.u32())
        factor = try source.u32()
    }

    /// A list of them after its length.
    static func write(_ prices: [PolicyPrice], into sink: inout some FieldSink) {
        sink.count(prices.count)
        for price in prices { price.write(into: &sink) }
    }

    /// What ``write(_:into:)`` wrote.
    static func list(from source: inout FieldSource) throws(LedgerDecodingError) -> [PolicyPrice] {
        var prices: [PolicyPrice] = []
        for _ in 0..<(try source.count(limit: LedgerBounds.policies, elementBytes: bytes)) {
            prices.append(try PolicyPrice(from: &source))
        }
        return prices
    }
}

extension PriceChange {
    func write(into sink: inout some FieldSink) {
        sink.u64(expectedVersion)
        PolicyPrice.write(factors, into: &sink)
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        expectedVersion = try source.u64()
        factors = try PolicyPrice.list(from: &source)
    }
}

extension IssueReport {
    /// Bytes of one count.
    private static let countBytes = 21

    func write(into sink: inout some FieldSink) {
        sink.count(counts.count)
        for count in counts {
            sink.key(count.key)
            sink.u8(count.level.rawValue)
            sink.u32(count.count)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        counts = []
        for _ in 0..<(try source.count(limit: LedgerBounds.issueCounts, elementBytes: Self.countBytes)) {
            let key = try source.key()
            guard let level = PrefixLevel(rawValue: try source.u8()) else { throw .invalid(field: "prefix level") }
            counts.append(IssuedCount(key: key, level: level, count: try source.u32()))
        }
    }
}

extension PriceOutcome {
    func write(into sink: inout some FieldSink) {
        switch self {
        case .set(let version):
            sink.u8(1)
            sink.u64(version)
        case .conflict(let current):
            sink.u8(2)
            sink.u64(current)
        case .unknownPolicy: sink.u8(3)
        case .invalid: sink.u8(4)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch try source.u8() {
        case 1: self = .set(version: try source.u64())
        case 2: self = .conflict(current: try source.u64())
        case 3: self = .unknownPolicy
        case 4: self = .invalid
        default: throw .invalid(field: "price outcome")
        }
    }
}

extension IssueOutcome {
    func write(into sink: inout some FieldSink) {
        switch self {
        case .counted(let exceeded):
            sink.u8(1)
            sink.count(exceeded.count)
            for excess in exceeded {
                sink.u32(excess.place)
                sink.u64(excess.retryAfterNanoseconds)
            }
        case .invalid: sink.u8(2)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch try source.u8() {
        case 1:
            var exceeded: [IssueExcess] = []
            for _ in 0..<(try source.count(limit: LedgerBounds.issueCounts, elementBytes: 12)) {
                exceeded.append(
                    IssueExcess(place: try source.u32(), retryAfterNanoseconds: try source.u64())
                )
            }
            self = .counted(exceeded: exceeded)
        case 2: self = .invalid
        default: throw .invalid(field: "issue outcome")
        }
    }
}

extension LedgerFacts {
    /// The cluster's factors, and their version.
    func writePrices(into sink: inout some FieldSink) {
        sink.u64(priceVersion)
        PolicyPrice.write(prices, into: &sink)
    }

    /// What ``writePrices(into:)`` wrote; the policies are there already.
    mutating func restorePrices(from source: inout FieldSource) throws(LedgerDecodingError) {
        let version = try source.counter("price version")
        let prices = try PolicyPrice.list(from: &source)
        for (place, price) in prices.enumerated() {
            guard price.factor > Price.one, policies.contains(where: { $0.id == price.policy }),
                place == 0 || prices[place - 1].policy.rawValue < price.policy.rawValue
            else { throw .invalid(field: "price") }
        }
        priceVersion = version
        self.prices = prices
    }
}

extension PrefixTable {
    /// Reads an entry that a ledger at this time can hold.
    func entry(from source: inout FieldSource, now: LedgerTime) throws(LedgerDecodingError) -> QuotaEntry {
        let entry = try QuotaEntry(from: &source)
        guard entry.tat <= latest(now: now.nanoseconds) else { throw .invalid(field: "prefix") }
        return entry
    }
}
