/// The measurements of several rounds: what the machine does beside them moves single ones, hence the median.
struct Series {
    private(set) var values: [Double]

    init(_ values: [Double] = []) { self.values = values }

    mutating func add(_ value: Double) { values.append(value) }

    /// NaN where nothing has been measured.
    var median: Double {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return .nan }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    var minimum: Double { values.min() ?? .nan }
    var maximum: Double { values.max() ?? .nan }

    /// The ratios of two series, round by round: both were taken while the machine was in much the same mood.
    static func / (left: Series, right: Series) -> Series {
        Series(zip(left.values, right.values).map { $0 / $1 })
    }

    /// `median (minimum–maximum)`.
    func text(digits: Int = 1) -> String {
        "\(Self.decimal(median, digits)) (\(Self.decimal(minimum, digits))–\(Self.decimal(maximum, digits)))"
    }

    /// A number with that many digits after the point.
    static func decimal(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite, value.magnitude < 1e12 else { return "?" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((value.magnitude * scale).rounded())
        let whole = scaled / Int64(scale)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let fraction = String(scaled % Int64(scale))
        return "\(sign)\(whole)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}

extension String {
    /// Filled with blanks on the right up to a width in characters.
    func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
