/// Rates, bursts and times that an operator gives outside of the file, spelled as in the file.
package enum FigureText {
    /// What is wrong, and what to do: one sentence without a full stop.
    package struct Problem: Error, Hashable, Sendable {
        package let explanation: String
    }

    /// A limit's figures.
    package struct Terms: Hashable, Sendable {
        /// Nanoseconds a unit, at least 1,000.
        package let interval: UInt64
        /// Units, at least 1; `burst` × `interval` is at most 2^62.
        package let burst: UInt64
    }

    /// - Parameter burst: nil for what comes in a second, at least 1.
    package static func terms(rate text: String, burst: UInt64?) throws(Problem) -> Terms {
        let rate: Rate
        do throws(Complaint) { rate = try parseRate(text) } catch { throw Problem(error) }
        guard rate.count > 0 else {
            throw Problem(explanation: "a rate of 0 is no limit: ban the key instead, for a time or for good")
        }
        let burst = burst ?? rate.defaultBurst
        guard burst > 0 else { throw Problem(explanation: "a burst of 0 lets nothing pass: give at least 1") }
        let (fill, overflow) = rate.interval.multipliedReportingOverflow(by: burst)
        guard !overflow, fill <= 1 << 62 else {
            throw Problem(explanation: "a burst of \(burst) at \(quoted(text)) would take centuries to fill: lower it")
        }
        return Terms(interval: rate.interval, burst: burst)
    }

    /// Nanoseconds, more than 0 and at most 366 days.
    package static func duration(_ text: String) throws(Problem) -> UInt64 {
        let nanoseconds: UInt64
        do throws(Complaint) { nanoseconds = try parseDuration(text) } catch { throw Problem(error) }
        guard nanoseconds > 0 else { throw Problem(explanation: "the time \(quoted(text)) is over as it begins") }
        return nanoseconds
    }

    /// The rate of which this is the interval, as one would write it: in units of the shortest time that fits. Where none is
    /// exact it is the next lower one.
    package static func rate(ofInterval interval: UInt64) -> String {
        let interval = max(interval, 1)
        let windows: [(nanoseconds: UInt64, text: String)] = [
            (1_000_000_000, "s"), (60_000_000_000, "min"), (3_600_000_000_000, "h"), (86_400_000_000_000, "day"),
        ]
        for window in windows {
            let count = (window.nanoseconds - 1) / interval + 1
            if (window.nanoseconds - 1) / count + 1 == interval { return "\(count)/\(window.text)" }
        }
        if let window = windows.first(where: { $0.nanoseconds >= interval }) {
            return "\(window.nanoseconds / interval)/\(window.text)"
        }
        return "1/\(durationText(interval))"
    }
}

extension FigureText.Problem {
    fileprivate init(_ complaint: Complaint) { explanation = "\(complaint.message): \(complaint.remedy)" }
}
