import Settings

@testable import Gateway

extension RequestRecord {
    /// A record of an ordinary request, with what a test wants otherwise.
    static func example(
        requestID: String = "id-1",
        client: String? = "192.0.2.0/24",
        method: String = "GET",
        host: String = "example.com",
        path: String = "/a",
        verdict: RequestVerdict = .admittedFree,
        reason: RefusalKind? = nil,
        limit: LimitReading? = nil,
        price: Double? = nil,
        status: Int = 200,
        upstreamStatus: Int = 200,
        durationNanoseconds: Int64 = 1_234_567,
        end: ResponseEnd = .complete
    ) -> RequestRecord {
        RequestRecord(
            purpose: "proxy",
            requestID: requestID,
            client: client,
            method: method,
            host: Array(host.utf8),
            path: Array(path.utf8),
            listener: "0.0.0.0:8080",
            route: "api",
            policy: "p",
            verdict: verdict,
            reason: reason,
            limit: limit,
            price: price,
            status: status,
            upstreamStatus: upstreamStatus,
            bytesIn: 0,
            bytesOut: 12,
            durationNanoseconds: durationNanoseconds,
            end: end
        )
    }

    func line(_ format: LogSettings.Format) -> String {
        var bytes: [UInt8] = []
        AccessLine.append(self, time: "2026-01-31T12:00:00.000Z", format: format, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension RefusalRecord {
    static func example(
        requestID: String = "id-1",
        purpose: String = "proxy",
        time: Timestamp = Timestamp(seconds: 1_000, milliseconds: 0),
        path: String = "/a",
        isEnforced: Bool = true,
        clearsAfterNanoseconds: UInt64? = 4 * second,
        detail: String = "The free limit is reached."
    ) -> RefusalRecord {
        RefusalRecord(
            time: time,
            requestID: requestID,
            purpose: purpose,
            client: nil,
            method: "GET",
            host: "example.com",
            path: Array(path.utf8),
            listener: "0.0.0.0:8080",
            route: "api",
            policy: "p",
            isEnforced: isEnforced,
            kind: .workRequired,
            status: 429,
            detail: detail,
            limit: LimitReading(name: "free-2", key: "client/24,/48", rate: "2/min", burst: 2, remaining: 0),
            clearsAfterNanoseconds: clearsAfterNanoseconds,
            price: 1,
            work: Work(difficulty: 64, rounds: 4, grants: 3)
        )
    }
}
