/// What the ledger knows of prefixes: how warm redemptions made them, and how many challenges were issued to them.
///
/// Every table has a bound, and nobody gains by filling one. An address that finds no room is as warm as its
/// neighbourhoods, which whoever changes addresses so often pays anyway; a neighbourhood that finds none, as the next wider
/// one. What finds no room among the issued is not limited by its level, but by the wider ones.
struct PriceTables: Sendable {
    /// Of each kind and level, in the order of snapshots.
    private(set) var tables: ContiguousArray<PrefixTable>

    init() {
        tables = []
        for kind in [PrefixTable.Kind.heat, .issued] {
            for level in PrefixLevel.allCases { tables.append(PrefixTable(kind, level)) }
        }
    }

    @inline(__always)
    private static func place(_ kind: PrefixTable.Kind, _ level: PrefixLevel) -> Int {
        Int(kind.rawValue) * PrefixLevel.allCases.count + Int(level.rawValue)
    }

    /// The digest's part of all tables; zero where they are empty.
    var digest: LedgerDigest { tables.reduce(into: .zero) { $0 += $1.digest } }

    /// Bytes that the tables take.
    var allocatedBytes: Int { tables.reduce(0) { $0 + ($1.entries.count > 0 ? $1.entries.allocatedBytes : 0) } }

    /// Entries of a kind: addresses, and neighbourhoods of all levels.
    func counts(_ kind: PrefixTable.Kind) -> (addresses: Int, neighbourhoods: Int) {
        tables.reduce(into: (0, 0)) { counts, table in
            guard table.kind == kind else { return }
            if table.level == .address {
                counts.0 += table.entries.count
            } else {
                counts.1 += table.entries.count
            }
        }
    }

    /// Forgets what is cold, and buckets that are full, in some slices of every table.
    mutating func sweep(_ slices: Range<Int>, now: UInt64) {
        for place in tables.indices where tables[place].entries.count > 0 { tables[place].sweep(slices, now: now) }
    }

    /// Makes a table ready for so many entries of a snapshot.
    mutating func expect(_ entries: Int, table: Int) { tables[table].expect(entries) }

    /// Puts back an entry of a snapshot.
    /// - Returns: whether there is such a table, and room in it, and the entry is new.
    mutating func restore(_ entry: QuotaEntry, table: Int) -> Bool { tables[table].insert(entry) }

    // MARK: - Heat

    /// The client's factor: its own times the greatest of its neighbourhoods'.
    /// - Precondition: the keys are within their bounds.
    func factor(of keys: PrefixKeys, now: UInt64) -> UInt32 {
        var own = Price.one
        var near = Price.one
        keys.visit { level, key in
            let curve = HeatCurve(level)
            let count = Heat.count(until: tables[Self.place(.heat, level)][key], now: now, most: curve.most)
            if level == .address { own = curve.factor(count) } else { near = max(near, curve.factor(count)) }
        }
        return Price.product(own, near)
    }

    /// Notes a redemption.
    /// - Precondition: the keys are within their bounds.
    mutating func redeemed(_ keys: PrefixKeys, now: UInt64) {
        keys.visit { level, key in
            let most = HeatCurve(level).most
            tables[Self.place(.heat, level)].update(key) { moment in
                Heat.moment(of: min(most, Heat.count(until: moment, now: now, most: most) + Heat.one), now: now)
            }
        }
    }

    // MARK: - Issued challenges

    /// Notes challenges that were issued.
    mutating func issued(_ issue: IssuedCount, now: UInt64) {
        guard issue.count > 0 else { return }
        // At most 2³² × 10⁸.
        let length = UInt64(issue.count) * LedgerBounds.issueNanoseconds(issue.level)
        let table = Self.place(.issued, issue.level)
        let latest = tables[table].latest(now: now)
        tables[table].update(issue.key) { min(latest, max($0, now) + length) }
    }

    /// How long until one more challenge may be issued to a prefix; 0: now.
    func issueWait(_ key: QuotaKey, _ level: PrefixLevel, now: UInt64) -> UInt64 {
        let next = max(tables[Self.place(.issued, level)][key], now) + LedgerBounds.issueNanoseconds(level)
        let horizon = now + LedgerBounds.issueFillNanoseconds
        return next > horizon ? next - horizon : 0
    }
}
