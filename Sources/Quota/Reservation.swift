import Ledger

/// Units of slices that a request has taken while the ledger decides on the rest of its limits.
///
/// Whoever has one settles it, once, on any thread: until then its slices wait to be returned.
public struct Reservation: Sendable {
    private let slices: [Slice]
    private let cost: UInt64
    /// Of all limits of the charge; those of `places` are filled in by the ledger's answer.
    private let states: [LimitState]
    /// Where in the charge the limits are that the ledger is asked for.
    private let places: [Int]

    init(slices: [Slice], cost: UInt64, states: [LimitState], places: [Int]) {
        self.slices = slices
        self.cost = cost
        self.states = states
        self.places = places
    }

    /// Whether nothing is reserved: the ledger is asked for the whole charge.
    public var isEmpty: Bool { slices.isEmpty }

    /// The ledger has answered for the rest: what is reserved is spent if it admits, and given back if not.
    ///
    /// Units are good until their slice ends, also for a request that has waited: what is admitted later the bucket has
    /// perhaps given to others.
    /// - Parameter now: nanoseconds of the node's clock, read just before.
    /// - Returns: what became of the whole charge; no quorum, where it was admitted too late for what was reserved. Then all
    ///   of it is spent, and nobody has had it.
    public func settle(_ outcome: ChargeOutcome, now: UInt64) -> Result<ChargeOutcome, LedgerUnavailable> {
        switch outcome {
        case .admitted(let limits, let passRemaining):
            for slice in slices { slice.keep() }
            guard slices.allSatisfy({ now < $0.stopsAt }) else { return .failure(.noQuorum) }
            return .success(.admitted(limits: merged(limits, returned: 0), passRemaining: passRemaining))
        case .refused(let limit, let retryAfter, let limits):
            putBack()
            let place = isEmpty || !places.indices.contains(limit) ? limit : places[limit]
            return .success(
                .refused(
                    limit: place,
                    retryAfterNanoseconds: retryAfter,
                    limits: merged(limits, returned: cost)
                )
            )
        case .denied, .passRefused, .invalid:
            putBack()
            return .success(outcome)
        }
    }

    /// There is no answer. Unless the ledger has not been asked at all the rest may have been charged, and so what is
    /// reserved counts as spent.
    public func settle(_ unavailable: LedgerUnavailable) {
        if unavailable == .overloaded { return putBack() }
        for slice in slices { slice.keep() }
    }

    private func putBack() {
        for slice in slices { slice.putBack(cost) }
    }

    /// The states of all limits.
    private func merged(_ limits: [LimitState], returned: UInt64) -> [LimitState] {
        if isEmpty || limits.count != places.count { return limits }
        var all = states.map { state in
            var state = state
            state.remaining = min(state.burst, state.remaining.plus(returned))
            return state
        }
        for (index, place) in places.enumerated() { all[place] = limits[index] }
        return all
    }
}
