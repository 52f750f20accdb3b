import Settings

/// All that is told of one request when its response has ended or was cut off. A value; any thread.
///
/// The query is left out wherever a path stands: queries hold keys, tokens and what people have searched for.
struct RequestRecord: Sendable {
    /// What the request was for: `proxy`, or on a check listener `check` or `refusal`.
    let purpose: String
    let requestID: String
    /// As much of the client's address as `log.addresses` allows; nil for nothing.
    let client: String?
    /// Of the request, or of the one that a proxy asks about; empty where it could not be read, as the next two.
    let method: String
    let host: [UInt8]
    /// As it is forwarded, without the query.
    let path: [UInt8]
    /// The listener's address as it is configured.
    let listener: String
    let route: String?
    let policy: String?
    let verdict: RequestVerdict
    /// Beside the verdict, where that does not say it: what a policy that enforces nothing would have refused for, and
    /// what has been shown.
    let reason: RefusalKind?
    let limit: LimitReading?
    /// Of the challenge that came with the response or would have; nil where there is none.
    let price: Double?
    /// 0 where no response was begun.
    let status: Int
    /// 0 where the upstream has not answered.
    let upstreamStatus: Int
    /// Of the bodies.
    let bytesIn: UInt64
    let bytesOut: UInt64
    let durationNanoseconds: Int64
    let end: ResponseEnd
}
