// A spend's bytes. In version 1 it has no price, and in version 2 always one: each command has one form.

extension Spend {
    func write(into sink: inout some FieldSink) {
        sink.pair(challenge.high, challenge.low)
        sink.u32(policy.rawValue)
        sink.time(issued)
        sink.u32(challengeLifetime)
        sink.u32(passLifetime)
        sink.u32(grants)
        sink.u64(binding)
        sink.optional(idempotencyKey) { $0.key($1) }
        if let pricing {
            sink.u32(pricing.issuePrice)
            pricing.keys.write(into: &sink)
        }
    }

    /// - Parameter version: of the command; the first has no price.
    init(from source: inout FieldSource, version: UInt8) throws(LedgerDecodingError) {
        challenge = ChallengeID(high: try source.u64(), low: try source.u64())
        policy = PolicyID(rawValue: try source.u32())
        issued = try source.time()
        challengeLifetime = try source.u32()
        passLifetime = try source.u32()
        grants = try source.u32()
        binding = try source.u64()
        idempotencyKey = try source.optional { (from) throws(LedgerDecodingError) in try from.key() }
        if version > 1 { pricing = SpendPricing(issuePrice: try source.u32(), keys: try PrefixKeys(from: &source)) }
    }
}
