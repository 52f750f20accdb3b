import Settings

/// A line of the access log.
enum AccessLine {
    /// Appends the line of a record. What does not apply is left out.
    ///
    /// - Parameter time: RFC 3339, when the response ended.
    static func append(_ record: RequestRecord, time: String, format: LogSettings.Format, to bytes: inout [UInt8]) {
        var line = LineText(format: format, after: exchange(&bytes, []))
        line.member("time", word: time)
        // As the messages of the log have one, which may be read together with it.
        line.member("message", word: "request")
        line.member("purpose", word: record.purpose)
        line.member("request_id", text: record.requestID)
        if let client = record.client { line.member("client", word: client) }
        if !record.method.isEmpty { line.member("method", text: record.method) }
        if !record.host.isEmpty { line.member("host", text: record.host) }
        if !record.path.isEmpty { line.member("path", text: record.path) }
        line.member("listener", text: record.listener)
        if let route = record.route { line.member("route", word: route) }
        if let policy = record.policy { line.member("policy", word: policy) }
        line.member("verdict", word: record.verdict.word)
        if let reason = record.reason { line.member("reason", word: reason.rawValue) }
        if record.status > 0 { line.member("status", number: UInt64(record.status)) }
        if let limit = record.limit {
            line.member("limit", word: limit.name)
            if let burst = limit.burst { line.member("burst", number: burst) }
            line.member("remaining", number: limit.remaining)
        }
        if let price = record.price { line.member("price", thousandths: UInt64(max(0, price) * 1_000)) }
        if record.upstreamStatus > 0 { line.member("upstream_status", number: UInt64(record.upstreamStatus)) }
        line.member("bytes_in", number: record.bytesIn)
        line.member("bytes_out", number: record.bytesOut)
        line.member("duration_ms", thousandths: UInt64(max(0, record.durationNanoseconds)) / 1_000)
        line.member("end", word: record.end.rawValue)
        bytes = line.finished()
    }

    private static func exchange(_ bytes: inout [UInt8], _ new: [UInt8]) -> [UInt8] {
        let old = bytes
        bytes = new
        return old
    }
}
