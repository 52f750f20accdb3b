import Gateway

/// Writes metrics as Prometheus reads them: its text format, version 0.0.4.
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String { case counter, gauge, histogram }

    private(set) var text = ""
    private var name = ""

    /// Begins a metric, whose samples follow.
    ///
    /// - Parameter help: one line, without backslashes.
    mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ value: some BinaryInteger, _ labels: [(name: String, value: String)] = []) {
        line("", labels, "\(value)")
    }

    mutating func sample(_ value: Double, _ labels: [(name: String, value: String)] = []) {
        line("", labels, "\(value)")
    }

    /// The samples of a histogram, in seconds.
    mutating func sample(_ histogram: Histogram, _ labels: [(name: String, value: String)] = []) {
        var total: UInt64 = 0
        for (bound, count) in zip(histogram.bounds, histogram.counts) {
            total += count
            line("_bucket", labels + [(name: "le", value: Self.seconds(bound))], "\(total)")
        }
        total += histogram.counts[histogram.bounds.count]
        line("_bucket", labels + [(name: "le", value: "+Inf")], "\(total)")
        line("_sum", labels, Self.seconds(histogram.sum))
        line("_count", labels, "\(total)")
    }

    /// The samples of a histogram of factors.
    mutating func sample(_ histogram: FactorHistogram) {
        var total: UInt64 = 0
        for (bound, count) in zip(FactorHistogram.bounds, histogram.counts) {
            total += count
            line("_bucket", [(name: "le", value: "\(bound)")], "\(total)")
        }
        line("_bucket", [(name: "le", value: "+Inf")], "\(total)")
        line("_sum", [], "\(histogram.sum)")
        line("_count", [], "\(total)")
    }

    private mutating func line(_ suffix: String, _ labels: [(name: String, value: String)], _ value: String) {
        text += name + suffix
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        var output = ""
        for character in value {
            switch character {
            case "\\": output += "\\\\"
            case "\"": output += "\\\""
            case "\n": output += "\\n"
            default: output.append(character)
            }
        }
        return output
    }

    /// Nanoseconds as seconds, exactly: `0.0025`.
    private static func seconds(_ nanoseconds: UInt64) -> String {
        let whole = nanoseconds / 1_000_000_000
        var fraction = String(nanoseconds % 1_000_000_000)
        fraction = String(repeating: "0", count: 9 - fraction.count) + fraction
        while fraction.last == "0" { fraction.removeLast() }
        return fraction.isEmpty ? "\(whole)" : "\(whole).\(fraction)"
    }
}
