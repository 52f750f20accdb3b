// The bytes of results, which sessions keep in snapshots.

extension CommandResult {
    private enum Tag: UInt8 {
        case sessionOpened = 1
        case policiesSet = 2
        case policiesRefused = 3
        case charged = 4
        case spent = 5
        case rebound = 6
        case overridden = 7
        case rotated = 8
        case versionRaised = 9
        case rejected = 10
        case lent = 11
        case returned = 12
        case recorded = 13
        case pricesSet = 14
        case reported = 15
        case reset = 16
    }

    func write(into sink: inout some FieldSink) {
        switch self {
        case .charged(let outcome):
            sink.u8(Tag.charged.rawValue)
            outcome.write(into: &sink)
        case .spent(let outcome):
            sink.u8(Tag.spent.rawValue)
            outcome.write(into: &sink)
        case .rebound(let outcome):
            sink.u8(Tag.rebound.rawValue)
            outcome.write(into: &sink)
        case .overridden(let outcome):
            sink.u8(Tag.overridden.rawValue)
            outcome.write(into: &sink)
        case .sessionOpened(let session):
            sink.u8(Tag.sessionOpened.rawValue)
            sink.u64(session.rawValue)
        case .policiesSet(let revision):
            sink.u8(Tag.policiesSet.rawValue)
            sink.u64(revision)
        case .policiesRefused(let refusal):
            sink.u8(Tag.policiesRefused.rawValue)
            refusal.write(into: &sink)
        case .rotated(let epoch):
            sink.u8(Tag.rotated.rawValue)
            sink.u32(epoch)
        case .versionRaised(let version):
            sink.u8(Tag.versionRaised.rawValue)
            sink.u32(version)
        case .lent(let outcome):
            sink.u8(Tag.lent.rawValue)
            outcome.write(into: &sink)
        case .returned(let outcome):
            sink.u8(Tag.returned.rawValue)
            outcome.write(into: &sink)
        case .recorded(let outcome):
            sink.u8(Tag.recorded.rawValue)
            outcome.write(into: &sink)
        case .pricesSet(let outcome):
            sink.u8(Tag.pricesSet.rawValue)
            outcome.write(into: &sink)
        case .reported(let outcome):
            sink.u8(Tag.reported.rawValue)
            outcome.write(into: &sink)
        case .reset(let outcome):
            sink.u8(Tag.reset.rawValue)
            outcome.write(into: &sink)
        case .rejected(let rejection):
            sink.u8(Tag.rejected.rawValue)
            sink.u8(rejection.rawValue)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch Tag(rawValue: try source.u8()) {
        case .sessionOpened: self = .sessionOpened(SessionID(rawValue: try source.u64()))
        case .policiesSet: self = .policiesSet(revision: try source.u64())
        case .policiesRefused: self = .policiesRefused(try PolicyRefusal(from: &source))
        case .charged: self = .charged(try ChargeOutcome(from: &source))
        case .spent: self = .spent(try SpendOutcome(from: &source))
        case .rebound: self = .rebound(try RebindOutcome(from: &source))
        case .overridden: self = .overridden(try OverrideOutcome(from: &source))
        case .rotated: self = .rotated(epoch: try source.u32())
        case .versionRaised: self = .versionRaised(to: try source.u32())
        case .lent: self = .lent(try LendOutcome(from: &source))
        case .returned: self = .returned(try ReturnOutcome(from: &source))
        case .recorded: self = .recorded(try IssueOutcome(from: &source))
        case .pricesSet: self = .pricesSet(try PriceOutcome(from: &source))
        case .reported: self = .reported(try ReportOutcome(from: &source))
        case .reset: self = .reset(try ResetOutcome(from: &source))
        case .rejected:
            guard let rejection = Rejection(rawValue: try source.u8()) else { throw .invalid(field: "rejection") }
            self = .rejected(rejection)
        case nil: throw .invalid(field: "result")
        }
    }
}

extension PolicyRefusal {
    fileprivate func write(into sink: inout some FieldSink) {
        switch self {
        case .revisionConflict(let current):
            sink.u8(1)
            sink.u64(current)
        case .tooManyPolicies: sink.u8(2)
        case .badName(let policy):
            sink.u8(3)
            sink.u32(policy)
        case .duplicateName(let policy):
            sink.u8(4)
            sink.u32(policy)
        case .badMaxKeys(let policy):
            sink.u8(5)
            sink.u32(policy)
        case .tooManyLimits(let policy):
            sink.u8(6)
            sink.u32(policy)
        case .badKey(let policy, let limit):
            sink.u8(7)
            sink.u32(policy)
            sink.u32(limit)
        case .badRate(let policy, let limit):
            sink.u8(8)
            sink.u32(policy)
            sink.u32(limit)
        case .identifiersExhausted: sink.u8(9)
        }
    }

    fileprivate init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch try source.u8() {
        case 1: self = .revisionConflict(current: try source.u64())
        case 2: self = .tooManyPolicies
        case 3: self = .badName(policy: try source.u32())
        case 4: self = .duplicateName(policy: try source.u32())
        case 5: self = .badMaxKeys(policy: try source.u32())
        case 6: self = .tooManyLimits(policy: try source.u32())
        case 7: self = .badKey(policy: try source.u32(), limit: try source.u32())
        case 8: self = .badRate(policy: try source.u32(), limit: try source.u32())
        case 9: self = .identifiersExhausted
        default: throw .invalid(field: "policy refusal")
        }
    }
}

extension RebindOutcome {
    fileprivate func write(into sink: inout some FieldSink) {
        switch self {
        case .rebound(let left):
            sink.u8(1)
            sink.u8(left)
        case .unchanged: sink.u8(2)
        case .tooSoon(let retryAfter):
            sink.u8(3)
            sink.u64(retryAfter)
        case .exhausted: sink.u8(4)
        case .unknown: sink.u8(5)
        }
    }

    fileprivate init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch try source.u8() {
        case 1: self = .rebound(left: try source.u8())
        case 2: self = .unchanged
        case 3: self = .tooSoon(retryAfterNanoseconds: try source.u64())
        case 4: self = .exhausted
        case 5: self = .unknown
        default: throw .invalid(field: "rebind outcome")
        }
    }
}

extension OverrideOutcome {
    fileprivate func write(into sink: inout some FieldSink) {
        switch self {
        case .set(let version):
            sink.u8(1)
            sink.u64(version)
        case .removed: sink.u8(2)
        case .conflict(let current):
            sink.u8(3)
            sink.u64(current)
        case .full: sink.u8(4)
        case .unknownPolicy: sink.u8(5)
        case .badRate: sink.u8(6)
        }
    }

    fileprivate init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch try source.u8() {
        case 1: self = .set(version: try source.u64())
        case 2: self = .removed
        case 3: self = .conflict(current: try source.u64())
        case 4: self = .full
        case 5: self = .unknownPolicy
        case 6: self = .badRate
        default: throw .invalid(field: "override outcome")
        }
    }
}
