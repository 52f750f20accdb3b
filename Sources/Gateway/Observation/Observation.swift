import NIOCore

/// What is noted of one request while it lives. A plain value of its exchange; made into a ``RequestRecord`` at the end.
struct Observation {
    /// When its head had arrived.
    let began = NIODeadline.now()
    /// When the policy was asked.
    var admissionBegan: NIODeadline?
    /// The last word so far; nil before there is one.
    var verdict: RequestVerdict?
    /// What it would have been refused for, under a policy that enforces nothing, or what has been shown.
    var reason: RefusalKind?
    /// The limit that refused; for an admitted request the one that is nearest to its end.
    var limit: LimitReading?
    /// How long from the decision until the limit has room for this request; nil where it never has.
    var clearsAfterNanoseconds: UInt64?
    /// Of the challenge that was given out, or would have been.
    var offer: ChallengeOffer?
    /// The refusal that is about to be answered.
    var refusal: Refusal?
    /// Of the response that was begun; 0 before.
    var status = 0
    /// Of the upstream's response; 0 where there was none.
    var upstreamStatus = 0
    /// Of the response's body, as far as it was written.
    var bytesOut: UInt64 = 0
    /// Whether we broke the response off ourselves.
    var isCutOff = false
    /// Whether the record has been made: there is one for each request.
    var isRecorded = false
}
