@testable import Ledger

// The model's loans.

extension ModelLedger {
    func outstanding(_ bucket: BucketName) -> UInt64 {
        let units = slices.values.filter { $0.bucket == bucket }.reduce(Int128(0)) { $0 + ($1.units ?? 0) }
        return UInt64(min(units, Int128(UInt64.max)))
    }

    mutating func perform(_ lend: Lend, _ name: SliceName) -> LendOutcome {
        guard let policy = policies.first(where: { $0.id == lend.policy.rawValue }) else {
            return .invalid(.unknownPolicy)
        }
        guard let limit = policy.limits.first(where: { $0.id == lend.limit.limit.rawValue }) else {
            return .invalid(.unknownLimit)
        }
        if case .deny(let until)? = overrides[OverrideName(policy: policy.id, key: lend.limit.key)]?.value {
            return .denied(retryAfterNanoseconds: until.map { $0.nanoseconds - now })
        }
        let before = buckets
        let bucket = bucket(policy, limit, lend.limit)
        let terms = terms(policy, limit, bucket)
        let tat = max(buckets[bucket]!, Int128(now))
        let least = max(Int128(lend.least), 1)
        let reserve = Int128(lend.limit.reserve)
        let room = Int128(now) + terms.burst * terms.interval - tat
        let free = (room > 0 ? room / terms.interval : 0) - reserve
        if free < least {
            buckets = before
            let short = (least + reserve) * terms.interval - room
            return .refused(
                retryAfterNanoseconds: least + reserve > terms.burst ? .max : UInt64(max(short, 0)),
                state: state(terms, tat),
                outstanding: outstanding(bucket)
            )
        }
        let nodes = max(Int128(lend.nodes), 1)
        let half = (free + 2 * nodes - 1) / (2 * nodes)
        let share = max(8, min(half, terms.burst / (128 * nodes)))
        let units = min(free, max(least, Int128(lend.wanted), share))
        buckets[bucket] = tat + units * terms.interval
        slices[name] = Slice(bucket: bucket, units: units, lentAt: now)
        return .lent(
            slice: SliceID(session: SessionID(rawValue: name.session), sequence: name.sequence),
            units: UInt64(units),
            state: state(terms, tat + units * terms.interval)
        )
    }

    mutating func perform(_ slice: SliceReturn, _ name: SliceName) -> ReturnOutcome {
        guard let held = slices[name], let lent = held.units, now < held.lentAt + 2_000_000_000 else { return .unknown }
        slices[name]!.units = nil
        for policy in policies {
            guard let limit = policy.limits.first(where: { $0.id == held.bucket.limit }),
                let tat = buckets[held.bucket], tat > Int128(now)
            else { continue }
            let terms = terms(policy, limit, held.bucket)
            let length = min(Int128(slice.units), lent) * terms.interval - held.regained(now)
            let after = max(tat - max(length, 0), Int128(now), 1)
            buckets[held.bucket] = after
            return .restored(units: UInt64((tat - after) / terms.interval))
        }
        return .restored(units: 0)
    }
}
