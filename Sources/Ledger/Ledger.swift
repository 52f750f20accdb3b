/// The replicated state machine: what every replica makes of the same log.
///
/// Pure and deterministic: no I/O, no clock, no randomness, no floating point, and nothing that depends on how a table
/// lies in memory. Whatever a batch holds, `apply` answers; nothing from outside can trap.
///
/// A value: a copy is the state at that moment, made in constant time, for a snapshot to be written elsewhere while
/// this one goes on. The first write to a part that a copy still shares copies that part, 64 KiB at most. Use from one
/// thread at a time; copies are independent and may go to other threads.
public struct Ledger: Sendable {
    /// The version of commands that this release can apply.
    public static let supportedVersion: UInt32 = 2
    /// The version from which on units can be lent, and work has a price.
    public static let lendingVersion: UInt32 = 2

    // The parts are internal so that the files of this module, one for each kind of command, can share them.
    let maxRecords: UInt32
    /// All facts but the time, which moves with every batch.
    var standing: LedgerFacts
    var now: LedgerTime
    /// The log index of the last batch.
    public internal(set) var lastIndex: UInt64
    var nextPolicyID: UInt32
    var nextLimitID: UInt32
    /// Sorted by id, which is the order of first appearance.
    var policies: ContiguousArray<PolicyState>
    var records: RecordStore
    var slices: SliceStore
    /// Buckets that somebody was refused by since ``takeRecalls()``. No part of the state.
    var recalls: RecallList
    /// What prices depend on, but for the cluster's factors: those are facts.
    var prices: PriceTables
    var sessions: SessionTable
    /// The last version that an override took.
    var overrideVersion: UInt64
    var overrideCount: Int
    /// No denial ends before this moment; `UInt64.max` where none ends.
    var earliestDenialEnd: UInt64
    /// How far the sweep has come, in slices since genesis.
    var swept: UInt64
    /// The digest's part of buckets and overrides.
    var tableDigest: LedgerDigest

    /// The ledger of a new cluster.
    /// - Precondition: the secret has ``LedgerBounds/secretBytes``; `maxRecords` is within its bounds.
    public init(genesis: Genesis) {
        precondition(genesis.secret.count == LedgerBounds.secretBytes, "the genesis secret has 32 bytes")
        precondition(
            (1...LedgerBounds.recordsMaximum).contains(genesis.maxRecords),
            "the genesis' maxRecords is out of bounds"
        )
        self.init(
            maxRecords: genesis.maxRecords,
            standing: LedgerFacts(
                revision: 0,
                policies: [],
                epochs: [KeyEpoch(number: genesis.firstEpoch, secret: genesis.secret, began: .zero)],
                clusterID: genesis.clusterID,
                secret: genesis.secret,
                ledgerVersion: genesis.ledgerVersion,
                time: .zero,
                generation: 0
            )
        )
    }

    /// A ledger with facts and nothing else.
    init(maxRecords: UInt32, standing: LedgerFacts) {
        self.maxRecords = maxRecords
        self.standing = standing
        now = .zero
        lastIndex = 0
        nextPolicyID = 1
        nextLimitID = 1
        policies = []
        records = RecordStore()
        slices = SliceStore()
        recalls = RecallList()
        prices = PriceTables()
        sessions = SessionTable()
        overrideVersion = 0
        overrideCount = 0
        earliestDenialEnd = .max
        swept = 0
        tableDigest = .zero
    }

    /// What a gateway must know to make commands.
    public var facts: LedgerFacts {
        var facts = standing
        facts.time = now
        return facts
    }

    /// ``LedgerFacts/generation`` of ``facts``, without making them.
    public var factsGeneration: UInt64 { standing.generation }

    /// The number of the newest key epoch.
    public var keyEpoch: UInt32 { standing.epochs[standing.epochs.count - 1].number }

    /// Replicated time: the latest time-stamp of any batch.
    public var time: LedgerTime { now }

    /// Applies one log entry. Results are in the order of the commands.
    ///
    /// Takes time in proportion to the commands, and a bounded time for what replicated time makes due.
    /// - Parameter index: the entry's log index.
    /// - Precondition: the index is greater than that of every batch before.
    public mutating func apply(_ batch: Batch, index: UInt64) -> [CommandResult] {
        precondition(index > lastIndex, "batches are applied in the order of the log, once")
        lastIndex = index
        now = max(now, batch.time)
        forget()
        var results: [CommandResult] = []
        results.reserveCapacity(batch.commands.count)
        var opened = false
        for command in batch.commands {
            guard case .openSession(let owner) = command.command else {
                results.append(applyOnce(command))
                continue
            }
            if opened {
                results.append(.rejected(.secondSession))
            } else {
                opened = true
                sessions.open(index, owner: owner)
                results.append(.sessionOpened(SessionID(rawValue: index)))
            }
        }
        return results
    }

    /// Applies a command, unless it was applied: then its first result is the answer.
    private mutating func applyOnce(_ command: SequencedCommand) -> CommandResult {
        guard let session = sessions.place(of: command.session) else { return .rejected(.unknownSession) }
        sessions.touch(session, index: lastIndex, floor: command.floor)
        switch sessions.standing(session, sequence: command.sequence) {
        case .rejected(let rejection): return .rejected(rejection)
        case .known(let result): return result
        case .new: break
        }
        guard command.command.leastVersion <= max(standing.ledgerVersion, 1) else {
            return .rejected(.unknownToMembers)
        }
        let result = perform(command.command, session: command.session, sequence: command.sequence)
        sessions.keep(result, session, sequence: command.sequence)
        return result
    }

    private mutating func perform(_ command: Command, session: SessionID, sequence: UInt64) -> CommandResult {
        switch command {
        case .charge(let charge): .charged(apply(charge))
        case .spend(let spend): .spent(apply(spend))
        case .rebind(let rebind): .rebound(apply(rebind))
        case .override(let change): .overridden(apply(change))
        case .setPolicies(let expected, let policies): setPolicies(policies, expectedRevision: expected)
        case .rotate(let secret): rotate(secret)
        case .raiseVersion(let version): raiseVersion(to: version)
        case .lend(let lend): .lent(apply(lend, session: session, sequence: sequence))
        case .returnUnits(let slice): .returned(apply(slice, session: session))
        case .record(let report): .recorded(apply(report))
        case .setPrices(let change): .pricesSet(apply(change))
        case .report(let report): .reported(apply(report))
        case .reset(let reset): .reset(apply(reset))
        case .openSession: preconditionFailure("sessions are opened by the batch")
        }
    }

    /// Begins a key epoch; the oldest goes when there are too many.
    private mutating func rotate(_ secret: [UInt8]) -> CommandResult {
        guard secret.count == LedgerBounds.secretBytes else { return .rejected(.badSecret) }
        let last = standing.epochs[standing.epochs.count - 1].number
        guard last < .max else { return .rejected(.epochsExhausted) }
        standing.epochs.append(KeyEpoch(number: last + 1, secret: secret, began: now))
        if standing.epochs.count > LedgerBounds.epochs { standing.epochs.removeFirst() }
        standing.generation += 1
        return .rotated(epoch: last + 1)
    }

    private mutating func raiseVersion(to version: UInt32) -> CommandResult {
        if version > standing.ledgerVersion {
            standing.ledgerVersion = version
            standing.generation += 1
        }
        return .versionRaised(to: standing.ledgerVersion)
    }

    /// The place of a policy.
    @inline(__always)
    func policyIndex(_ id: PolicyID) -> Int? {
        var low = 0
        var high = policies.count
        while low < high {
            let middle = (low + high) / 2
            if policies[middle].id.rawValue < id.rawValue { low = middle + 1 } else { high = middle }
        }
        return low < policies.count && policies[low].id == id ? low : nil
    }
}
