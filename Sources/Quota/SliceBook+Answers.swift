import Ledger

/// What the ledger says to a request for a slice.
extension SliceBook {
    /// The result of a ``SliceAction/lend(ticket:_:)``. A second one for the same ticket does nothing.
    public mutating func answered(
        _ ticket: UInt64,
        _ result: Result<CommandResult, LedgerUnavailable>,
        now: UInt64
    ) {
        guard let asked = tickets.removeValue(forKey: ticket) else { return }
        let id = asked.bucket
        if case .success = result { measure(now.minus(asked.sentAt)) }
        buckets[id]?.isAsking = false
        switch result {
        case .success(.lent(.lent(let slice, let units, let state))):
            lent(asked, slice: slice, units: units, state: state, now: now)
        case .success(.lent(.refused(let retryAfter, let state, let outstanding))):
            refused(asked, retryAfter: retryAfter, state: state, outstanding: outstanding, now: now)
        case .success(.lent(.denied(let retryAfter))):
            refuse(id, .denied(retryAfterNanoseconds: retryAfter), least: 0, for: retryAfter ?? .max, now: now)
        case .success(.lent(.invalid(let invalid))):
            refuse(id, .invalid(invalid), least: 0, for: 0, now: now)
        case .success:
            // No slices are to be had: by what the members know, by the session, or since there are too many.
            refuse(id, .direct, least: 0, for: .max, now: now)
        case .failure(.overloaded):
            // Not applied.
            if buckets[id]?.demand == nil || !retry(id, now: now) { fail(id, .overloaded) }
        case .failure(let unavailable):
            // Perhaps applied. If so its units are lost until the bucket has regained them.
            fail(id, unavailable)
        }
        forgetIfIdle(id)
    }

    private mutating func measure(_ time: UInt64) {
        let time = min(time, Self.roundTripMax)
        roundTrip = roundTrip == 0 ? time : (7 * roundTrip + time) / 8
    }

    /// Units of the bucket are this node's.
    private mutating func lent(_ asked: Asked, slice id: SliceID, units: UInt64, state: LimitState, now: UInt64) {
        let stopsAt = asked.sentAt.plus(settings.life)
        let slice = Slice(id: id, units: units, state: state, grantedAt: now, stopsAt: stopsAt)
        guard !isClosed, buckets[asked.bucket] != nil else {
            give(slice, now: now)
            return
        }
        if asked.isRenounced || now.plus(settings.returning) >= stopsAt {
            // Of other limits, or so late that it is over. Whoever waits may have better luck, or pays directly.
            give(slice, now: now)
            if buckets[asked.bucket]?.demand != nil, !retry(asked.bucket, now: now) {
                refuse(asked.bucket, .direct, least: 0, for: .max, now: now)
            }
            return
        }
        buckets[asked.bucket]?.loans.lent(slice.units, now: now)
        if buckets[asked.bucket]?.slices.isEmpty == true, let limit = buckets[asked.bucket]?.limit {
            index.insert(limit)
        }
        buckets[asked.bucket]?.slices.append(HeldSlice(slice, now: now))
        if let count = buckets[asked.bucket]?.slices.count, count > settings.slicesPerBucketMax,
            let oldest = buckets[asked.bucket]?.slices.removeFirst()
        {
            give(oldest.slice, of: asked.bucket, now: now)
        }
        _ = buckets[asked.bucket]?.answerAll()
        act(.granted(asked.bucket, slice, buckets[asked.bucket]?.loops ?? LoopSet()))
        if buckets[asked.bucket]?.reviewAt == nil {
            buckets[asked.bucket]?.reviewAt = reviews.add(asked.bucket, at: now.plus(settings.review))
        }
    }

    /// Fewer units are left than `asked.least`.
    private mutating func refused(
        _ asked: Asked,
        retryAfter: UInt64,
        state: LimitState,
        outstanding: UInt64,
        now: UInt64
    ) {
        let id = asked.bucket
        guard !isClosed, buckets[id] != nil else { return }
        if let demand = buckets[id]?.demand, demand.least < asked.least {
            // What came to wait meanwhile needs less. It was not asked for.
            return ask(id, now: now)
        }
        let othersHold = outstanding > buckets[id]?.loans.sum(now: now) ?? 0
        if othersHold, buckets[id]?.demand == nil { return }
        // They are recalled, and those that lie idle are returned soon: but not all the time.
        if othersHold, !refusals.isRepeated(id, now: now), retry(id, now: now) { return }
        let reason = SliceRefusal.Reason.empty(retryAfterNanoseconds: retryAfter, state: state)
        refuse(id, reason, least: asked.least, for: retryAfter, now: now)
    }

    private var retryDelay: UInt64 { max(settings.retry, 2 * roundTrip) }

    /// Lets what waits for a bucket wait until it is asked for again.
    /// - Returns: false if that has been often enough.
    private mutating func retry(_ id: BucketID, now: UInt64) -> Bool {
        guard !isClosed, let tries = buckets[id]?.tries, tries < settings.retries,
            retries.count < settings.retryingMax
        else { return false }
        buckets[id]?.tries = tries + 1
        let at = retries.add(id, at: now.plus(retryDelay))
        buckets[id]?.retryAt = at
        return true
    }

    /// Tells what waits why there is no slice, and remembers it.
    private mutating func refuse(
        _ id: BucketID,
        _ reason: SliceRefusal.Reason,
        least: UInt32,
        for time: UInt64,
        now: UInt64
    ) {
        guard !isClosed else { return }
        // However soon it may be otherwise, it is not asked for more often than this.
        let until = time == 0 ? now : now.plus(min(max(time, retryDelay), settings.refusal))
        let refusal = SliceRefusal(reason: reason, least: least, at: now, until: until)
        if until > now { refusals.remember(refusal, of: id) }
        guard buckets[id]?.demand != nil, let waiting = buckets[id]?.answerAll() else { return }
        act(.refused(id, refusal, waiting))
    }

    private mutating func fail(_ id: BucketID, _ unavailable: LedgerUnavailable) {
        guard buckets[id]?.demand != nil, let waiting = buckets[id]?.answerAll() else { return }
        act(.unavailable(id, unavailable, waiting))
    }
}
