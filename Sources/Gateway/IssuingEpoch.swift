import Ledger

/// Under which of the ledger's key epochs tokens are issued: DESIGN section 6, "Secrets".
///
/// A new epoch is used once every voter that can answer has applied it. One that lags more than ``settling`` behind answers
/// nobody: that is more than twice what a decision may take.
struct IssuingEpoch: Equatable {
    /// After so long an epoch is used, in nanoseconds of replicated time.
    static let settling: UInt64 = 5_000_000_000

    let number: UInt32
    /// When another one will be used; nil where none is newer.
    let changesAt: LedgerTime?

    /// - Precondition: `epochs` is not empty, which it never is.
    init(_ epochs: [KeyEpoch], now: LedgerTime) {
        let sorted = epochs.sorted { $0.number < $1.number }
        let place = sorted.lastIndex { $0.began.adding(nanoseconds: Self.settling) <= now } ?? 0
        number = sorted[place].number
        changesAt = sorted.dropFirst(place + 1).first.map { $0.began.adding(nanoseconds: Self.settling) }
    }
}
