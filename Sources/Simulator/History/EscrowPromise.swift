import Ledger

/// The promise of the policy level `escrow`: no interval w of replicated time admits more than burst + rate × (w + D), where
/// D is a slice's life; and units are neither minted nor lost.
///
/// Told of the log as it was applied, and of each unit that a node spends of a slice. At once it finds a slice of which more is
/// spent and returned than was lent, one that is spent after its end, and a return that restores more than it may. At the
/// end of a run it looks at every interval of each bucket twice: at what clients were admitted, where the bound is as above;
/// and at what the bucket was debited, less what was returned of it, where it is burst + rate × w.
///
/// Where a bucket's terms change it begins anew; what was lent before belongs to the terms that it was lent by. Keys that
/// share a bucket for want of room are bounded each by itself, which is weaker than the ledger's promise.
struct EscrowPromise {
    /// Units of one slice that a request took.
    struct Taken: Hashable {
        var slice: SliceID
        var units: UInt64
        /// When, by the node's estimate of replicated time.
        var time: LedgerTime
        /// When, in truth.
        var moment: Moment
    }

    private struct Bucket: Hashable {
        var limit: LimitID
        var key: QuotaKey
    }

    /// A bucket as long as it has the same terms.
    private struct Segment {
        let interval: UInt64
        let burst: UInt64
        /// In the order of the log: replicated time, and nanoseconds in which what was debited comes back.
        var debits: [(at: UInt64, length: Int128)] = []
        /// In no order: replicated time, and units.
        var admissions: [(at: UInt64, units: UInt64)] = []
    }

    private struct Loan {
        let segment: Int
        let bucket: Bucket
        let debit: Int
        let at: UInt64
        let units: UInt64
        var spent: UInt64 = 0
        var returned: UInt64?
    }

    private struct Once: Hashable {
        var session: SessionID
        var sequence: UInt64
    }

    private struct Terms {
        var policy: PolicyID
        var interval: UInt64
        var burst: UInt64
        /// Whether an override of a key has other terms here.
        var isFree: Bool
    }

    /// Nanoseconds, by the slowest clock, from the sending of the request for a slice to the slice's end.
    private let lifeMax: UInt64
    private var standing: [PolicyFacts] = []
    private var terms: [LimitID: Terms] = [:]
    private var overrides: [OverrideRegister.Partition: (interval: UInt64, burst: UInt64)] = [:]
    private var segments: [Segment] = []
    private var current: [Bucket: Int] = [:]
    private var loans: [SliceID: Loan] = [:]
    /// When the request for a slice was sent first, in truth.
    private var sent: [SliceID: Moment] = [:]
    private var seen: Set<Once> = []
    private var time: UInt64 = 0
    private var latestIndex: UInt64 = 0

    /// Slices that were lent, and those of which something came back.
    private(set) var slicesLent = 0
    private(set) var slicesReturned = 0
    /// Units that were spent of slices.
    private(set) var unitsSpent: UInt64 = 0

    /// - Parameter driftPPM: by which clocks are slow at most.
    init(driftPPM: Int) {
        let life = LedgerBounds.sliceNanoseconds / 100 * 99
        lifeMax = life * 1_000_000 / UInt64(1_000_000 - driftPPM) + 1_000
    }

    // MARK: - The log

    /// The policies that stand.
    mutating func policies(_ policies: [PolicyFacts]) {
        standing = policies
        for policy in policies where Workload.level(of: policy) == .escrow {
            for limit in policy.limits {
                let definition = limit.definition
                if let old = terms[limit.id], old.interval == definition.interval, old.burst == definition.burst {
                    continue
                }
                terms[limit.id] = Terms(
                    policy: policy.id,
                    interval: definition.interval,
                    burst: definition.burst,
                    isFree: definition.role == .free
                )
                current = current.filter { $0.key.limit != limit.id }
            }
        }
    }

    /// A batch was applied, by the first replica to come there. Others' are not looked at.
    mutating func applied(_ application: Application) throws(HistoryFault) {
        guard application.index.rawValue > latestIndex else { return }
        latestIndex = application.index.rawValue
        time = max(time, application.batch.time.nanoseconds)
        for (command, result) in zip(application.batch.commands, application.results) {
            switch (command.command, result) {
            case (.charge, .charged(.admitted)), (.override, .overridden(.set)), (.override, .overridden(.removed)),
                (.setPolicies, .policiesSet), (.lend, .lent(.lent)), (.returnUnits, .returned(.restored)):
                // A command that is in the log again has its first result again, and did nothing.
                guard seen.insert(Once(session: command.session, sequence: command.sequence)).inserted else { continue }
            default: continue
            }
            switch (command.command, result) {
            case (.charge(let charge), _): charged(charge)
            case (.override(let change), _): changed(change)
            case (.setPolicies(_, let definitions), _): policies(standing.given(definitions))
            case (.lend(let lend), .lent(.lent(let slice, let units, _))): try lent(lend, slice, units)
            case (.returnUnits(let slice), .returned(.restored(let units))): try restored(slice, units)
            default: break
            }
        }
    }

    /// The bucket's present segment; nil for a limit of another level.
    private mutating func segment(_ bucket: Bucket) -> Int? {
        if let known = current[bucket] { return known }
        guard let usual = terms[bucket.limit] else { return nil }
        let register = OverrideRegister.Partition(policy: usual.policy, key: bucket.key)
        let other = usual.isFree ? overrides[register] : nil
        segments.append(Segment(interval: other?.interval ?? usual.interval, burst: other?.burst ?? usual.burst))
        current[bucket] = segments.count - 1
        return segments.count - 1
    }

    private mutating func charged(_ charge: Charge) {
        guard charge.cost > 0 else { return }
        for limit in charge.limits {
            guard let segment = segment(Bucket(limit: limit.limit, key: limit.key)) else { continue }
            let units = UInt64(charge.cost)
            segments[segment].debits.append((time, Int128(units) * Int128(segments[segment].interval)))
            segments[segment].admissions.append((time, units))
        }
    }

    private mutating func changed(_ change: OverrideChange) {
        let register = OverrideRegister.Partition(policy: change.policy, key: change.key)
        if case .free(let interval, let burst) = change.value {
            overrides[register] = (interval, burst)
        } else {
            overrides[register] = nil
        }
        current = current.filter { $0.key.key != change.key }
    }

    private mutating func lent(_ lend: Lend, _ slice: SliceID, _ units: UInt64) throws(HistoryFault) {
        let bucket = Bucket(limit: lend.limit.limit, key: lend.limit.key)
        guard let segment = segment(bucket) else { throw fault(slice, "is of a limit that is not lent") }
        guard units >= max(1, UInt64(lend.least)) else { throw fault(slice, "has \(units) units, not \(lend.least)") }
        guard loans[slice] == nil else { throw fault(slice, "was lent twice") }
        loans[slice] = Loan(
            segment: segment,
            bucket: bucket,
            debit: segments[segment].debits.count,
            at: time,
            units: units
        )
        segments[segment].debits.append((time, Int128(units) * Int128(segments[segment].interval)))
        slicesLent += 1
    }

    private mutating func restored(_ slice: SliceReturn, _ units: UInt64) throws(HistoryFault) {
        guard let loan = loans[slice.slice] else { throw fault(slice.slice, "is returned and was never lent") }
        guard loan.returned == nil else { throw fault(slice.slice, "is returned twice") }
        let elapsed = time - loan.at
        guard elapsed < LedgerBounds.sliceNanoseconds else { throw fault(slice.slice, "is returned after its end") }
        let back = min(slice.units, loan.units)
        loans[slice.slice]?.returned = back
        slicesReturned += 1
        guard loan.spent + back <= loan.units else {
            throw fault(slice.slice, "of \(loan.units) units: \(loan.spent) are spent, \(back) returned")
        }
        guard units <= back else { throw fault(slice.slice, "restores \(units) units, of \(back) that come back") }
        // Where the terms are others now, what it owes was reckoned by those of then.
        guard let segment = current[loan.bucket], segment == loan.segment else { return }
        let interval = Int128(segments[segment].interval)
        // What its bucket regained meanwhile is kept back.
        let most = max(0, Int128(back) * interval - Int128(elapsed))
        guard Int128(units) * interval <= most else {
            throw fault(slice.slice, "restores \(units) units, of \(back) that come back after \(elapsed) ns")
        }
        segments[segment].debits[loan.debit].length -= min(most, (Int128(units) + 1) * interval - 1)
    }

    // MARK: - Nodes

    /// A node was answered that it is lent a slice, for a request that it sent first at this moment.
    mutating func granted(_ slice: SliceID, sent moment: Moment) { sent[slice] = moment }

    /// A request was admitted for which units of a slice were taken.
    mutating func spent(_ taken: Taken) throws(HistoryFault) {
        guard let loan = loans[taken.slice], let sent = sent[taken.slice] else {
            throw fault(taken.slice, "is spent and was never lent")
        }
        loans[taken.slice]?.spent += taken.units
        unitsSpent += taken.units
        guard loan.spent + taken.units + (loan.returned ?? 0) <= loan.units else {
            throw fault(
                taken.slice,
                "of \(loan.units) units: \(loan.spent + taken.units) are spent, \(loan.returned ?? 0) returned"
            )
        }
        guard taken.moment - sent <= lifeMax else {
            throw fault(taken.slice, "is spent \(taken.moment - sent) ns after it was asked for")
        }
        // An estimate may lag behind the log, and jump where a pause of all was counted by wall clocks: what is spent was
        // lent before, and not longer ago than it may be.
        let time = min(max(taken.time.nanoseconds, loan.at), loan.at + LedgerBounds.sliceNanoseconds)
        segments[loan.segment].admissions.append((time, taken.units))
    }

    /// The run is over: every interval of every bucket is looked at.
    func finish() throws(HistoryFault) {
        for segment in segments {
            var strict = IntervalBound(interval: segment.interval, burst: segment.burst)
            for debit in segment.debits { try strict.admitted(length: debit.length, at: debit.at) }
            var bound = IntervalBound(
                interval: segment.interval,
                burst: segment.burst,
                slack: LedgerBounds.sliceNanoseconds
            )
            for admission in segment.admissions.sorted(by: { $0.at < $1.at }) {
                try bound.admitted(admission.units, at: admission.at)
            }
        }
    }

    private func fault(_ slice: SliceID, _ detail: String) -> HistoryFault {
        HistoryFault(
            promise: "EscrowPromise",
            detail: "slice \(slice.sequence) of session \(slice.session.rawValue) \(detail)"
        )
    }
}
