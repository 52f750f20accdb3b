import Wire

// One command's bytes: tag, version, fields in the order of their declaration. A change of a command's fields is a new
// version of its tag, written only once the replicated ledger version says that every member reads it.

/// The kinds of command, on the wire. A number is never used for anything else.
enum CommandTag: UInt8 {
    case openSession = 1
    case setPolicies = 2
    case charge = 3
    case spend = 4
    case rebind = 5
    case override = 6
    case rotate = 7
    case raiseVersion = 8
    case lend = 9
    case returnUnits = 10
    case report = 11
    case record = 12
    case setPrices = 13
    case reset = 14
}

extension Command {
    /// The version in which the command is written. There is one of each so far, and a second of a spend that has a price
    /// and of an override that has a label.
    var encodingVersion: UInt8 {
        switch self {
        case .spend(let spend): spend.pricing == nil ? 1 : 2
        case .override(let change): change.label == nil ? 1 : 2
        default: 1
        }
    }

    private static func isRead(_ version: UInt8, of tag: CommandTag) -> Bool {
        version == 1 || version == 2 && (tag == .spend || tag == .override)
    }

    /// Bytes of the shortest command: tag, version, and a version number's four bytes.
    static let leastBytes = 6

    var tag: CommandTag {
        switch self {
        case .openSession: .openSession
        case .setPolicies: .setPolicies
        case .charge: .charge
        case .spend: .spend
        case .rebind: .rebind
        case .override: .override
        case .rotate: .rotate
        case .raiseVersion: .raiseVersion
        case .lend: .lend
        case .returnUnits: .returnUnits
        case .record: .record
        case .setPrices: .setPrices
        case .report: .report
        case .reset: .reset
        }
    }

    /// The version of the ledger from which on the command may be used.
    public var leastVersion: UInt32 {
        switch self {
        case .openSession, .setPolicies, .charge, .rebind, .rotate, .raiseVersion: 1
        case .spend(let spend): spend.pricing == nil ? 1 : Ledger.lendingVersion
        case .override(let change): change.label == nil ? 1 : Ledger.lendingVersion
        case .lend, .returnUnits, .record, .setPrices, .report, .reset: Ledger.lendingVersion
        }
    }

    func write(into sink: inout some FieldSink) {
        sink.u8(tag.rawValue)
        sink.u8(encodingVersion)
        switch self {
        case .openSession(let owner):
            sink.pair(owner.high, owner.low)
        case .setPolicies(let expectedRevision, let policies):
            sink.u64(expectedRevision)
            sink.count(policies.count)
            for policy in policies { policy.write(into: &sink) }
        case .charge(let charge):
            charge.write(into: &sink)
        case .spend(let spend):
            spend.write(into: &sink)
        case .rebind(let rebind):
            sink.pair(rebind.challenge.high, rebind.challenge.low)
            sink.u32(rebind.policy.rawValue)
            sink.time(rebind.recordExpiry)
            sink.u64(rebind.binding)
        case .override(let change):
            sink.u32(change.policy.rawValue)
            sink.key(change.key)
            sink.optional(change.value) { $1.write(into: &$0) }
            sink.optional(change.expectedVersion) { $0.u64($1) }
            if let label = change.label { sink.text(label.text) }
        case .rotate(let secret):
            sink.count(secret.count)
            sink.fixed(secret)
        case .raiseVersion(let version):
            sink.u32(version)
        case .lend(let lend):
            lend.write(into: &sink)
        case .returnUnits(let slice):
            slice.slice.write(into: &sink)
            sink.u64(slice.units)
        case .record(let report):
            report.write(into: &sink)
        case .setPrices(let change):
            change.write(into: &sink)
        case .report(let report):
            report.write(into: &sink)
        case .reset(let reset):
            sink.u32(reset.policy.rawValue)
            sink.key(reset.key)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        let number = try source.u8()
        let version = try source.u8()
        guard let tag = CommandTag(rawValue: number) else { throw .unknownCommand(tag: number) }
        guard Self.isRead(version, of: tag) else { throw .unsupportedCommand(tag: number, version: version) }
        switch tag {
        case .openSession:
            self = .openSession(owner: ReplicaID(high: try source.u64(), low: try source.u64()))
        case .setPolicies:
            let expectedRevision = try source.u64()
            var policies: [PolicyDefinition] = []
            for _ in 0..<(try source.count(limit: LedgerBounds.policies, elementBytes: PolicyDefinition.leastBytes)) {
                policies.append(try PolicyDefinition(from: &source))
            }
            self = .setPolicies(expectedRevision: expectedRevision, policies: policies)
        case .charge:
            self = .charge(try Charge(from: &source))
        case .spend:
            self = .spend(try Spend(from: &source, version: version))
        case .rebind:
            self = .rebind(
                Rebind(
                    challenge: ChallengeID(high: try source.u64(), low: try source.u64()),
                    policy: PolicyID(rawValue: try source.u32()),
                    recordExpiry: try source.time(),
                    binding: try source.u64()
                )
            )
        case .override:
            self = .override(
                OverrideChange(
                    policy: PolicyID(rawValue: try source.u32()),
                    key: try source.key(),
                    value: try source.optional { (from) throws(LedgerDecodingError) in try OverrideValue(from: &from) },
                    expectedVersion: try source.optional { (from) throws(LedgerDecodingError) in try from.u64() },
                    label: version == 1 ? nil : try OverrideLabel(from: &source)
                )
            )
        case .rotate:
            let count = try source.count(limit: LedgerBounds.secretBytes, elementBytes: 1)
            self = .rotate(secret: try source.fixed(count))
        case .raiseVersion:
            self = .raiseVersion(to: try source.u32())
        case .lend:
            self = .lend(try Lend(from: &source))
        case .returnUnits:
            self = .returnUnits(SliceReturn(slice: try SliceID(from: &source), units: try source.u64()))
        case .record:
            self = .record(try IssueReport(from: &source))
        case .setPrices:
            self = .setPrices(try PriceChange(from: &source))
        case .reset:
            self = .reset(QuotaReset(policy: PolicyID(rawValue: try source.u32()), key: try source.key()))
        case .report:
            self = .report(try AdmissionReport(from: &source))
        }
    }
}

extension Charge {
    fileprivate func write(into sink: inout some FieldSink) {
        sink.u32(policy.rawValue)
        sink.u32(cost)
        sink.optional(pass) { sink, pass in
            sink.pair(pass.challenge.high, pass.challenge.low)
            sink.time(pass.recordExpiry)
            sink.u64(pass.binding)
        }
        sink.count(limits.count)
        for limit in limits { limit.write(into: &sink) }
    }

    fileprivate init(from source: inout FieldSource) throws(LedgerDecodingError) {
        policy = PolicyID(rawValue: try source.u32())
        cost = try source.u32()
        pass = try source.optional { (from) throws(LedgerDecodingError) in
            PassCharge(
                challenge: ChallengeID(high: try from.u64(), low: try from.u64()),
                recordExpiry: try from.time(),
                binding: try from.u64()
            )
        }
        limits = []
        let count = try source.count(limit: LedgerBounds.limits, elementBytes: LimitCharge.bytes)
        limits.reserveCapacity(count)
        for _ in 0..<count { limits.append(try LimitCharge(from: &source)) }
    }
}

extension LimitCharge {
    /// Bytes of one.
    static let bytes = 40

    func write(into sink: inout some FieldSink) {
        sink.u32(limit.rawValue)
        sink.key(key)
        sink.key(fallback)
        sink.u32(reserve)
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        limit = LimitID(rawValue: try source.u32())
        key = try source.key()
        fallback = try source.key()
        reserve = try source.u32()
    }
}

extension SliceID {
    func write(into sink: inout some FieldSink) {
        sink.u64(session.rawValue)
        sink.u64(sequence)
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        session = SessionID(rawValue: try source.u64())
        sequence = try source.u64()
    }
}

extension Lend {
    fileprivate func write(into sink: inout some FieldSink) {
        sink.u32(policy.rawValue)
        limit.write(into: &sink)
        sink.u32(least)
        sink.u32(wanted)
        sink.u8(nodes)
    }

    fileprivate init(from source: inout FieldSource) throws(LedgerDecodingError) {
        policy = PolicyID(rawValue: try source.u32())
        limit = try LimitCharge(from: &source)
        least = try source.u32()
        wanted = try source.u32()
        nodes = try source.u8()
    }
}
