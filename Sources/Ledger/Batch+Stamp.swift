import Wire

// The time-stamp of a batch that is bytes already: who proposes one need not read it to put the time in.

extension Batch {
    /// The time-stamp in a batch's bytes; nil where they begin like no batch that this release reads.
    public static func time(of bytes: [UInt8]) -> LedgerTime? {
        guard bytes.count >= 9, bytes[0] == formatVersion else { return nil }
        let nanoseconds = bytes[1..<9].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return nanoseconds <= LedgerTime.maximumNanoseconds ? LedgerTime(nanoseconds: nanoseconds) : nil
    }

    /// Puts a time-stamp into a batch's bytes.
    /// - Precondition: ``time(of:)`` is not nil.
    public static func stamp(_ bytes: inout [UInt8], with time: LedgerTime) {
        precondition(bytes.count >= 9 && bytes[0] == formatVersion, "only a batch has a time")
        for place in 0..<8 {
            bytes[1 + place] = UInt8(truncatingIfNeeded: time.nanoseconds >> UInt64(56 - 8 * place))
        }
    }
}
