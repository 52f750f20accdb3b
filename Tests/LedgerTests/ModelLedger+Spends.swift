@testable import Ledger

// The model's spends and rebinds.

extension ModelLedger {
    func recordName(_ challenge: ChallengeID, _ expiry: LedgerTime) -> RecordName {
        RecordName(bucket: (expiry.nanoseconds + 59_999_999_999) / 60_000_000_000, challenge: challenge)
    }

    mutating func perform(_ spend: Spend) -> SpendOutcome {
        let end: UInt64 = 1 << 62
        guard policies.contains(where: { $0.id == spend.policy.rawValue }), spend.grants > 0,
            spend.challengeLifetime <= 2_592_000, spend.passLifetime <= 2_592_000,
            spend.pricing?.keys.neighbourhoods.count ?? 0 <= 3
        else { return .invalid }
        let second: UInt64 = 1_000_000_000
        let challengeEnd = min(spend.issued.nanoseconds + UInt64(spend.challengeLifetime) * second, end)
        let recordEnd = min(challengeEnd + UInt64(spend.passLifetime) * second, end)
        if spend.issued.nanoseconds > min(now + 5 * second, end) { return .fromFuture }
        if now > challengeEnd { return .expired }
        let name = recordName(spend.challenge, LedgerTime(nanoseconds: recordEnd))
        if let record = records[name] {
            let isSame =
                spend.idempotencyKey != nil && spend.idempotencyKey == record.idempotencyKey
                && spend.binding == record.pass.binding && spend.policy == record.policy
            return isSame ? .repeated(record.pass) : .alreadySpent
        }
        if records.count >= maxRecords { return .full }
        let pass = PassState(
            remaining: spend.pricing.map { settled(spend, $0) } ?? spend.grants,
            expires: LedgerTime(nanoseconds: min(now + UInt64(spend.passLifetime) * second, recordEnd)),
            epoch: epochs.last!.number,
            binding: spend.binding,
            recordExpiry: LedgerTime(nanoseconds: recordEnd),
            granted: spend.pricing.map { settled(spend, $0) }
        )
        records[name] = Record(policy: spend.policy, pass: pass, idempotencyKey: spend.idempotencyKey)
        if let pricing = spend.pricing { redeemed(pricing.keys) }
        return .opened(pass)
    }

    mutating func perform(_ rebind: Rebind) -> RebindOutcome {
        let name = recordName(rebind.challenge, rebind.recordExpiry)
        guard let record = records[name], record.policy == rebind.policy, now < record.pass.expires.nanoseconds else {
            return .unknown
        }
        if record.pass.binding == 0 || rebind.binding == 0 || record.pass.binding == rebind.binding {
            return .unchanged
        }
        if record.rebinds == 3 { return .exhausted }
        if let last = record.lastRebind {
            let next = min(last + 60_000_000_000, 1 << 62)
            if now < next { return .tooSoon(retryAfterNanoseconds: next - now) }
        }
        records[name]!.pass.binding = rebind.binding
        records[name]!.rebinds += 1
        records[name]!.lastRebind = now
        return .rebound(left: UInt8(2 - record.rebinds))
    }
}
