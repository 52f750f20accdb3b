import Wire

@testable import Ledger

/// The ledger written slowly and obviously: dictionaries, exact arithmetic in 128 bits, a copy of everything before
/// every charge. What the real one must agree with, result for result.
struct ModelLedger {
    struct Limit {
        var id: UInt32
        var definition: LimitDefinition
    }

    struct Policy {
        var id: UInt32
        var name: String
        var maxKeys: UInt32
        var limits: [Limit]
    }

    struct BucketName: Hashable {
        var limit: UInt32
        /// own, fallback or shared.
        var kind: String
        var key: QuotaKey
    }

    struct Terms {
        var interval: Int128
        var burst: Int128
    }

    struct OverrideName: Hashable {
        var policy: UInt32
        var key: QuotaKey
    }

    struct RecordName: Hashable {
        var bucket: UInt64
        var challenge: ChallengeID
    }

    struct Record {
        var policy: PolicyID
        var pass: PassState
        var idempotencyKey: QuotaKey?
        var rebinds = 0
        var lastRebind: UInt64?
    }

    struct Session {
        var id: UInt64
        var owner: ReplicaID
        var lastUsed: UInt64
        var floor: UInt64 = 0
        var results: [UInt64: CommandResult] = [:]
    }

    struct Slice {
        var bucket: BucketName
        /// Nil: returned.
        var units: Int128?
        var lentAt: UInt64
    }

    struct SliceName: Hashable {
        var session: UInt64
        var sequence: UInt64
    }

    var maxRecords: Int
    var slices: [SliceName: Slice] = [:]
    var now: UInt64 = 0
    var revision: UInt64 = 0
    var policies: [Policy] = []
    var policyCount: UInt32 = 0
    var limitCount: UInt32 = 0
    var buckets: [BucketName: Int128] = [:]
    var overrides: [OverrideName: OverrideState] = [:]
    var overrideVersion: UInt64 = 0
    var records: [RecordName: Record] = [:]
    var sessions: [Session] = []
    var epochs: [KeyEpoch]
    var version: UInt32
    var swept: UInt64 = 0
    /// Moments at which a prefix will be cold, or its bucket of issued challenges full.
    var prefixes: [PrefixName: UInt64] = [:]
    /// The cluster's factors above 1, by policy.
    var prices: [UInt32: UInt32] = [:]
    var priceVersion: UInt64 = 0

    init(_ genesis: Genesis) {
        maxRecords = Int(genesis.maxRecords)
        epochs = [KeyEpoch(number: 1, secret: genesis.secret, began: .zero)]
        version = genesis.ledgerVersion
    }

    mutating func apply(_ batch: Batch, index: UInt64) -> [CommandResult] {
        now = max(now, batch.time.nanoseconds)
        forget()
        var opened = false
        return batch.commands.map { command in
            if case .openSession(let owner) = command.command {
                if opened { return .rejected(.secondSession) }
                opened = true
                return open(owner, index)
            }
            return once(command, index)
        }
    }

    // MARK: - Sessions

    private mutating func open(_ owner: ReplicaID, _ index: UInt64) -> CommandResult {
        if sessions.contains(where: { $0.owner == owner }) {
            sessions.removeAll { $0.owner == owner }
        } else if sessions.count == 256 {
            let oldest = sessions.min { ($0.lastUsed, $0.id) < ($1.lastUsed, $1.id) }!
            sessions.removeAll { $0.id == oldest.id }
        }
        sessions.append(Session(id: index, owner: owner, lastUsed: index))
        return .sessionOpened(SessionID(rawValue: index))
    }

    private mutating func once(_ command: SequencedCommand, _ index: UInt64) -> CommandResult {
        guard let place = sessions.firstIndex(where: { $0.id == command.session.rawValue }) else {
            return .rejected(.unknownSession)
        }
        sessions[place].lastUsed = index
        let floor = max(sessions[place].floor, command.floor)
        sessions[place].floor = floor
        sessions[place].results = sessions[place].results.filter { $0.key >= floor }
        if command.sequence < floor { return .rejected(.belowFloor) }
        if command.sequence - floor > 4_095 { return .rejected(.tooManyUnacknowledged) }
        if let first = sessions[place].results[command.sequence] { return first }
        switch command.command {
        case .lend, .returnUnits, .record, .setPrices, .report, .reset:
            if version < 2 { return .rejected(.unknownToMembers) }
        case .spend(let spend): if version < 2, spend.pricing != nil { return .rejected(.unknownToMembers) }
        case .override(let change): if version < 2, change.label != nil { return .rejected(.unknownToMembers) }
        default: break
        }
        let result = perform(command)
        sessions[place].results[command.sequence] = result
        return result
    }

    private mutating func perform(_ command: SequencedCommand) -> CommandResult {
        switch command.command {
        case .lend(let lend):
            return .lent(
                perform(lend, SliceName(session: command.session.rawValue, sequence: command.sequence))
            )
        case .returnUnits(let slice):
            guard slice.slice.session == command.session else { return .returned(.unknown) }
            return .returned(
                perform(slice, SliceName(session: command.session.rawValue, sequence: slice.slice.sequence))
            )
        case .record(let report): return .recorded(perform(report))
        case .setPrices(let change): return .pricesSet(perform(change))
        case .report(let report): return .reported(perform(report))
        case .reset(let reset): return .reset(perform(reset))
        case .charge(let charge): return .charged(perform(charge))
        case .spend(let spend): return .spent(perform(spend))
        case .rebind(let rebind): return .rebound(perform(rebind))
        case .override(let change): return .overridden(perform(change))
        case .setPolicies(let expected, let definitions): return set(definitions, expected)
        case .rotate(let secret):
            guard secret.count == 32 else { return .rejected(.badSecret) }
            let number = epochs.last!.number + 1
            epochs = Array(
                (epochs + [KeyEpoch(number: number, secret: secret, began: LedgerTime(nanoseconds: now))]).suffix(8)
            )
            return .rotated(epoch: number)
        case .raiseVersion(let to):
            version = max(version, to)
            return .versionRaised(to: version)
        case .openSession: preconditionFailure("the caller opens sessions itself")
        }
    }

    // MARK: - Time

    private mutating func forget() {
        records = records.filter { $0.key.bucket * 60_000_000_000 >= now }
        slices = slices.filter { ($0.value.lentAt / 500_000_000 + 1) * 500_000_000 + 2 * 1_000_000_000 > now }
        overrides = overrides.filter { entry in
            if case .deny(let until?) = entry.value.value { return until.nanoseconds > now }
            return true
        }
        let due = now / 16_777_216
        if due > swept {
            swept = max(swept, due - min(due, 4_096))
            var slices: Set<Int> = []
            while swept < due, slices.count < 64 {
                slices.insert(Int(swept % 4_096))
                swept += 1
            }
            buckets = buckets.filter { name, tat in
                name.kind == "shared" || tat > Int128(now)
                    || !slices.contains(ShardedTable<QuotaEntry>.slice(of: name.key))
            }
            prefixes = prefixes.filter { name, moment in
                moment > now || !slices.contains(ShardedTable<QuotaEntry>.slice(of: name.key))
            }
        }
    }

    // MARK: - Charges

    func terms(_ policy: Policy, _ limit: Limit, _ name: BucketName) -> Terms {
        if name.kind == "own", let special = special(policy, limit, name.key) { return special }
        return Terms(interval: Int128(limit.definition.interval), burst: Int128(limit.definition.burst))
    }

    private func special(_ policy: Policy, _ limit: Limit, _ key: QuotaKey) -> Terms? {
        guard limit.definition.role == .free,
            case .free(let interval, let burst)? = overrides[OverrideName(policy: policy.id, key: key)]?.value
        else { return nil }
        return Terms(interval: Int128(interval), burst: Int128(burst))
    }

    func count(_ limit: UInt32, _ kind: String) -> Int {
        buckets.keys.count { $0.limit == limit && $0.kind == kind }
    }

    static func rescale(_ tat: Int128, _ now: Int128, _ from: Int128, _ to: Int128) -> Int128 {
        guard tat > now else { return tat }
        // Both factors are below 2^63: the product fits in 128 bits with its sign.
        return now + min(((tat - now) * to + from - 1) / from, 1 << 62)
    }

    /// Finds or makes the bucket that pays.
    mutating func bucket(_ policy: Policy, _ limit: Limit, _ charge: LimitCharge) -> BucketName {
        let own = BucketName(limit: limit.id, kind: "own", key: charge.key)
        let fallback = BucketName(limit: limit.id, kind: "fallback", key: charge.fallback)
        let shared = BucketName(limit: limit.id, kind: "shared", key: QuotaKey(high: 0, low: 0))
        if buckets[own] != nil { return own }
        let special = special(policy, limit, charge.key)
        if special != nil || count(limit.id, "own") < Int(policy.maxKeys) {
            var start = max(Int128(now), buckets[fallback] ?? 0, buckets[shared] ?? 0)
            if let special {
                start = Self.rescale(start, Int128(now), Int128(limit.definition.interval), special.interval)
            }
            buckets[own] = start
            return own
        }
        return sharingBucket(policy, limit, charge)
    }

    /// Finds or makes the bucket that pays for a key that has none of its own.
    mutating func sharingBucket(_ policy: Policy, _ limit: Limit, _ charge: LimitCharge) -> BucketName {
        let fallback = BucketName(limit: limit.id, kind: "fallback", key: charge.fallback)
        let shared = BucketName(limit: limit.id, kind: "shared", key: QuotaKey(high: 0, low: 0))
        if buckets[fallback] != nil { return fallback }
        if count(limit.id, "fallback") < Int(policy.maxKeys) / 8 + 1 {
            buckets[fallback] = max(Int128(now), buckets[shared] ?? 0)
            return fallback
        }
        buckets[shared] = buckets[shared] ?? 0
        return shared
    }

    func state(_ terms: Terms, _ tat: Int128) -> LimitState {
        let full = max(tat, Int128(now))
        let left = (Int128(now) + terms.burst * terms.interval - full)
        return LimitState(
            remaining: left > 0 ? UInt64(left / terms.interval) : 0,
            resetNanoseconds: UInt64(full - Int128(now)),
            burst: UInt64(terms.burst)
        )
    }

    private mutating func perform(_ charge: Charge) -> ChargeOutcome {
        guard charge.limits.count <= 16 else { return .invalid(.tooManyLimits) }
        guard let policy = policies.first(where: { $0.id == charge.policy.rawValue }) else {
            return .invalid(.unknownPolicy)
        }
        var limits: [Limit] = []
        for limit in charge.limits {
            guard let found = policy.limits.first(where: { $0.id == limit.limit.rawValue }) else {
                return .invalid(.unknownLimit)
            }
            limits.append(found)
        }
        var waits: [UInt64?] = []
        for limit in charge.limits {
            if case .deny(let until)? = overrides[OverrideName(policy: policy.id, key: limit.key)]?.value {
                waits.append(until.map { $0.nanoseconds - now })
            }
        }
        if waits.contains(nil) { return .denied(retryAfterNanoseconds: nil) }
        if let longest = waits.compactMap({ $0 }).max() { return .denied(retryAfterNanoseconds: longest) }
        var paid: RecordName?
        if let pass = charge.pass {
            let name = recordName(pass.challenge, pass.recordExpiry)
            if name.bucket * 60_000_000_000 < now { return .passRefused(.expired) }
            guard let record = records[name] else { return .passRefused(.unknown) }
            if record.policy != charge.policy { return .passRefused(.policyMismatch) }
            if now >= record.pass.expires.nanoseconds { return .passRefused(.expired) }
            if record.pass.binding != 0, record.pass.binding != pass.binding { return .passRefused(.otherClient) }
            if record.pass.remaining < charge.cost { return .passRefused(.exhausted) }
            paid = name
        }

        let before = buckets
        var names: [BucketName] = []
        var starts: [BucketName: Int128] = [:]
        var takenOf: [BucketName: Int128] = [:]
        var refusing: (limit: Int, wait: UInt64)?
        for (index, limit) in charge.limits.enumerated() {
            let name = bucket(policy, limits[index], limit)
            names.append(name)
            let terms = terms(policy, limits[index], name)
            let tat = max(buckets[name]!, Int128(now))
            if starts[name] == nil { starts[name] = tat }
            let needed = Int128(charge.cost) + Int128(limit.reserve)
            if needed > 0 {
                var wait: UInt64 = 0
                if takenOf[name, default: 0] + needed > terms.burst {
                    wait = .max
                } else {
                    let over = tat + needed * terms.interval - (Int128(now) + terms.burst * terms.interval)
                    if over > 0 { wait = UInt64(over) }
                }
                if wait > refusing?.wait ?? 0 { refusing = (index, wait) }
            }
            takenOf[name, default: 0] += Int128(charge.cost)
            // As late as a bucket can be; only charges that are refused come so far.
            buckets[name] = min(tat + Int128(charge.cost) * terms.interval, 1 << 63)
        }
        func states(_ tats: [BucketName: Int128]) -> [LimitState] {
            names.indices.map { state(terms(policy, limits[$0], names[$0]), tats[names[$0]]!) }
        }
        if let refusing {
            buckets = before
            return .refused(
                limit: refusing.limit,
                retryAfterNanoseconds: refusing.wait,
                limits: states(starts)
            )
        }
        let after = states(buckets)
        if charge.cost == 0 { buckets = before }
        if let paid { records[paid]!.pass.remaining -= charge.cost }
        return .admitted(limits: after, passRemaining: paid.map { records[$0]!.pass.remaining })
    }
}
