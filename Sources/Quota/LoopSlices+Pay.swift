import Ledger

/// Paying for requests.
extension LoopSlices {
    /// Pays for a request with slices, as far as there are any.
    ///
    /// All limits are paid, or none: those with slices by them, and the others, whose keys are seen too seldom for a slice,
    /// by one charge that the caller has the ledger decide. Where one is known to be empty the charge is refused, whatever
    /// the others hold. A pass is always the ledger's to charge: with it alone, where its limits have slices. A charge of
    /// nothing, a look, takes nothing of slices; it goes to the ledger where they and what refused others do not tell, or
    /// where it is about a pass.
    /// - Parameter mayWait: whether `wanting` may be the answer. Without it the ledger is charged directly for what lacks a
    ///   slice: see ``waitsMax``.
    public mutating func pay(_ charge: Charge, mayWait: Bool = true, now: UInt64) -> Payment {
        if charge.limits.count > LedgerBounds.limits { return whole(charge) }
        if charge.cost == 0 { return charge.pass == nil ? look(charge, now: now) : whole(charge) }
        if charge.pass == nil, charge.limits.count == 1,
            let state = take(BucketID(charge.limits[0]), UInt64(charge.cost), now: now)
        {
            return .paid([state])
        }
        return paySeveral(charge, mayWait: mayWait, now: now)
    }

    private func whole(_ charge: Charge) -> Payment {
        .rest(charge, Reservation(slices: [], cost: 0, states: [], places: []))
    }

    /// Pays one limit with a slice, if one is there.
    @inline(__always)
    private mutating func take(_ id: BucketID, _ cost: UInt64, now: UInt64) -> LimitState? {
        guard let place = table.find(id) else { return nil }
        if let current = table[place].current, now < current.stopsAt, current.take(cost) {
            noteIfLow(current, id)
            return state(place, now: now)
        }
        if let next = table[place].next, now < next.stopsAt, next.take(cost) {
            turnToNext(place, now: now)
            noteIfLow(next, id)
            return state(place, now: now)
        }
        return nil
    }

    /// Lets go of a slice that is over. One that only has too little for this request may do for another.
    private mutating func turnToNext(_ place: Int, now: UInt64) {
        guard let current = table[place].current, !current.isOpen(at: now) || current.left == 0 else { return }
        table[place].current = table[place].next
        table[place].next = nil
    }

    /// How a limit of a charge can be paid, and where it is in the table, which does not change meanwhile.
    private struct Way {
        var means: Means
        var place: Int?
    }

    private enum Means {
        case slice
        case empty
        case wanting
        case direct
    }

    private mutating func paySeveral(_ charge: Charge, mayWait: Bool, now: UInt64) -> Payment {
        var ways = InlineArray<16, Way>(repeating: Way(means: .direct))
        var counts = (slice: 0, empty: 0, wanting: 0)
        var slices: [Slice] = []
        slices.reserveCapacity(charge.limits.count)
        for (index, limit) in charge.limits.enumerated() {
            let id = BucketID(limit)
            let place = table.find(id)
            ways[index].place = place
            if let place, let slice = reserve(place, UInt64(charge.cost), now: now) {
                ways[index].means = .slice
                counts.slice += 1
                slices.append(slice)
                noteIfLow(slice, id)
                continue
            }
            if let outcome = known(place, charge.cost, now: now) {
                putBack(slices, charge)
                return .refused(outcome)
            }
            let means = means(id, place, charge.cost, now: now)
            ways[index].means = means
            if means == .empty { counts.empty += 1 }
            if means == .wanting { counts.wanting += 1 }
        }
        if counts.slice == charge.limits.count, charge.pass == nil {
            for slice in slices { slice.keep() }
            return .paid(states(charge.limits.count, ways, now: now))
        }
        if counts.empty > 0 {
            putBack(slices, charge)
            return .refused(refusal(charge, ways, now: now))
        }
        if counts.wanting > 0, mayWait {
            putBack(slices, charge)
            return .wanting(charge.limits.indices.filter { ways[$0].means == .wanting })
        }
        return rest(charge, ways, slices, now: now)
    }

    private func reserve(_ place: Int, _ cost: UInt64, now: UInt64) -> Slice? {
        if let current = table[place].current, now < current.stopsAt, current.reserve(cost) { return current }
        if let next = table[place].next, now < next.stopsAt, next.reserve(cost) { return next }
        return nil
    }

    private func putBack(_ slices: [Slice], _ charge: Charge) {
        for slice in slices { slice.putBack(UInt64(charge.cost)) }
    }

    /// What refuses a charge whatever its other limits hold.
    private func known(_ place: Int?, _ cost: UInt32, now: UInt64) -> ChargeOutcome? {
        guard let place, let refusal = table[place].refusal, refusal.holds(for: cost, now: now),
            case .denied(let retryAfter) = refusal.reason
        else { return nil }
        return .denied(retryAfterNanoseconds: retryAfter.map { refusal.remaining($0, now: now) })
    }

    /// How a limit without a slice can be paid.
    private func means(_ id: BucketID, _ place: Int?, _ cost: UInt32, now: UInt64) -> Means {
        guard let place else { return rates.isHot(id.hash, now: now) ? .wanting : .direct }
        if let refusal = table[place].refusal, refusal.holds(for: cost, now: now) {
            if case .empty = refusal.reason { return .empty }
            return .direct
        }
        // A slice that is spent, and not because its time was over.
        if let newest = table[place].next ?? table[place].current, newest.isOpen(at: now) { return .wanting }
        return rates.isHot(id.hash, now: now) ? .wanting : .direct
    }

    private func states(_ count: Int, _ ways: InlineArray<16, Way>, now: UInt64) -> [LimitState] {
        var states: [LimitState] = []
        states.reserveCapacity(count)
        for index in 0..<count {
            states.append(ways[index].place.flatMap { state($0, now: now) } ?? Self.unknownState)
        }
        return states
    }

    private static var unknownState: LimitState { LimitState(remaining: 0, resetNanoseconds: 0, burst: 0) }

    /// What the ledger would say: some limits are empty. Of others that have no slices nothing is known.
    private mutating func refusal(_ charge: Charge, _ ways: InlineArray<16, Way>, now: UInt64) -> ChargeOutcome {
        var states = states(charge.limits.count, ways, now: now)
        var refusing = 0
        var longest: UInt64 = 0
        for (index, limit) in charge.limits.enumerated() {
            guard ways[index].means == .empty, let place = ways[index].place, let refusal = table[place].refusal,
                case .empty(let retryAfter, let state) = refusal.reason
            else { continue }
            rates.saw(BucketID(limit).hash, now: now)
            let wait = refusal.remaining(retryAfter, now: now)
            if wait > longest {
                longest = wait
                refusing = index
            }
            states[index] = refusal.remaining(state, now: now)
        }
        return .refused(limit: refusing, retryAfterNanoseconds: longest, limits: states)
    }

    // MARK: - Looking

    /// Answers a charge of nothing: whether each limit's reserve is there.
    ///
    /// A slice says yes that has what is asked for beside its own reserve: a request that came now would be paid. A refusal
    /// tells what was left a quarter of a second ago at most. Whatever is said, nothing is had by it. A limit of which neither
    /// is known may be anywhere: then the ledger is asked for all of it.
    private func look(_ charge: Charge, now: UInt64) -> Payment {
        var states: [LimitState] = []
        states.reserveCapacity(charge.limits.count)
        var refusing: (limit: Int, wait: UInt64)?
        var isKnown = true
        for (index, limit) in charge.limits.enumerated() {
            switch look(limit, now: now) {
            case .seen(let state, let wait):
                states.append(state)
                if wait > refusing?.wait ?? 0 { refusing = (index, wait) }
            case .denied(let outcome): return .refused(outcome)
            case nil:
                isKnown = false
                states.append(Self.unknownState)
            }
        }
        if let refusing {
            return .refused(
                .refused(limit: refusing.limit, retryAfterNanoseconds: refusing.wait, limits: states)
            )
        }
        return isKnown ? .paid(states) : whole(charge)
    }

    private enum Look {
        /// How the limit is, and how long until its reserve is there.
        case seen(LimitState, wait: UInt64)
        case denied(ChargeOutcome)
    }

    /// A limit as it is known here; nil: it is not.
    ///
    /// Whoever looks asks for a reserve of all that a request needs: its cost, most often 1, and what it must leave. So what
    /// is known may be under a smaller reserve.
    private func look(_ limit: LimitCharge, now: UInt64) -> Look? {
        let reserve = limit.reserve
        var looked: UInt32?
        for other in [0, reserve - min(reserve, 1), reserve] where other != looked {
            looked = other
            guard let place = table.find(BucketID(limit: limit.limit, key: limit.key, reserve: other)) else { continue }
            if let outcome = known(place, .max, now: now) { return .denied(outcome) }
            let units = UInt64(max(1, reserve - other))
            for slice in [table[place].current, table[place].next] {
                guard let slice, slice.isOpen(at: now), slice.left >= units, let state = state(place, now: now)
                else { continue }
                return .seen(state, wait: 0)
            }
            guard let refusal = table[place].refusal, now < refusal.until, case .empty(_, let state) = refusal.reason
            else { continue }
            return .seen(refusal.remaining(state, now: now), wait: refusal.wait(for: UInt64(reserve), state, now: now))
        }
        return nil
    }

    /// Has the ledger decide on what has no slice.
    private mutating func rest(
        _ charge: Charge,
        _ ways: InlineArray<16, Way>,
        _ slices: [Slice],
        now: UInt64
    ) -> Payment {
        var rest = charge
        var places: [Int] = []
        rest.limits = []
        for (index, limit) in charge.limits.enumerated() where ways[index].means != .slice {
            rates.saw(BucketID(limit).hash, now: now)
            rest.limits.append(limit)
            places.append(index)
        }
        let reservation = Reservation(
            slices: slices,
            cost: UInt64(charge.cost),
            states: slices.isEmpty ? [] : states(charge.limits.count, ways, now: now),
            places: places
        )
        return .rest(rest, reservation)
    }
}
