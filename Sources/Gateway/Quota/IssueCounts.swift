import Ledger

/// Challenges that a node issued since it last told the ledger, by prefix.
///
/// Pure. What is told is bounded, and little where little was issued: a prefix whose count would come back in an eighth of the
/// time that has passed is not told of, so that honest clients cost the log nothing, and nobody exceeds a limit by it at
/// fewer than eight nodes. Wider prefixes go first, since they stand for more.
struct IssueCounts {
    /// Prefixes of each level that are counted. Who fills them has what was counted told at once.
    static let prefixesMax = 8_192
    /// Commands in which counts are told, each with as many as one may have. The least counts are left out.
    static let reportsMax = 4
    /// A prefix that has had this part of its bucket since the last report is told of at once.
    private static let urgentShare: UInt64 = 12
    private static let forgivenShare: UInt64 = 8

    private var counts: [[QuotaKey: UInt32]] = Array(repeating: [:], count: PrefixLevel.allCases.count)
    /// Of the first that is counted.
    private var beganAt: LedgerTime?

    var isEmpty: Bool { beganAt == nil }

    /// Counts one challenge.
    /// - Returns: whether the counts are to be told at once.
    mutating func add(_ keys: PrefixKeys, now: LedgerTime) -> Bool {
        if beganAt == nil { beganAt = now }
        var isUrgent = add(keys.address, .address)
        for (key, level) in zip(keys.neighbourhoods, PrefixLevel.allCases.dropFirst()) {
            if add(key, level) { isUrgent = true }
        }
        return isUrgent
    }

    private mutating func add(_ key: QuotaKey, _ level: PrefixLevel) -> Bool {
        let place = Int(level.rawValue)
        guard let count = counts[place][key] else {
            guard counts[place].count < Self.prefixesMax else { return true }
            counts[place][key] = 1
            return counts[place].count == Self.prefixesMax
        }
        counts[place][key] = count &+ 1 == 0 ? count : count + 1
        let bucket = LedgerBounds.issueFillNanoseconds / LedgerBounds.issueNanoseconds(level)
        return UInt64(count) + 1 >= bucket / Self.urgentShare
    }

    /// What the ledger is to be told, and nothing is counted any more.
    mutating func take(now: LedgerTime) -> [IssueReport] {
        guard let beganAt else { return [] }
        let elapsed = beganAt.nanoseconds(until: now)
        var told: [(weight: UInt64, count: IssuedCount)] = []
        for level in PrefixLevel.allCases {
            for (key, count) in counts[Int(level.rawValue)] {
                // At most 2³² × 10⁸ × 8.
                let weight = UInt64(count) * LedgerBounds.issueNanoseconds(level)
                guard weight * Self.forgivenShare > elapsed else { continue }
                told.append((weight, IssuedCount(key: key, level: level, count: count)))
            }
        }
        self = IssueCounts()
        let most = Self.reportsMax * LedgerBounds.issueCounts
        if told.count > most {
            told.sort { ($0.count.level.rawValue, $0.weight) > ($1.count.level.rawValue, $1.weight) }
            told.removeLast(told.count - most)
        }
        return stride(from: 0, to: told.count, by: LedgerBounds.issueCounts).map { start in
            let part = told[start..<min(start + LedgerBounds.issueCounts, told.count)]
            return IssueReport(counts: part.map(\.count))
        }
    }
}
