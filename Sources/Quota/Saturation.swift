/// Sums and differences of numbers that may come from outside: they stop at the ends.
extension UInt64 {
    /// The sum, or the greatest number.
    @inline(__always)
    func plus(_ more: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(more)
        return overflow ? .max : sum
    }

    /// The difference, or 0.
    @inline(__always)
    func minus(_ less: UInt64) -> UInt64 { self > less ? self - less : 0 }

    /// The product, or the greatest number.
    @inline(__always)
    func times(_ factor: UInt64) -> UInt64 {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
