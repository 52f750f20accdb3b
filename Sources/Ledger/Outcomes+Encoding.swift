// The bytes of the outcomes that carry state: of charges, of spends and of loans.

extension ChargeOutcome {
    private enum Tag: UInt8 {
        case admitted = 1
        case refused = 2
        case denied = 3
        case passRefused = 4
        case invalid = 5
    }

    func write(into sink: inout some FieldSink) {
        switch self {
        case .admitted(let limits, let passRemaining):
            sink.u8(Tag.admitted.rawValue)
            Self.write(limits, into: &sink)
            sink.optional(passRemaining) { $0.u32($1) }
        case .refused(let limit, let retryAfter, let limits):
            sink.u8(Tag.refused.rawValue)
            sink.count(limit)
            sink.u64(retryAfter)
            Self.write(limits, into: &sink)
        case .denied(let retryAfter):
            sink.u8(Tag.denied.rawValue)
            sink.optional(retryAfter) { $0.u64($1) }
        case .passRefused(let refusal):
            sink.u8(Tag.passRefused.rawValue)
            sink.u8(refusal.rawValue)
        case .invalid(let reason):
            sink.u8(Tag.invalid.rawValue)
            sink.u8(reason.rawValue)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch Tag(rawValue: try source.u8()) {
        case .admitted:
            self = .admitted(
                limits: try Self.limits(from: &source),
                passRemaining: try source.optional { (from) throws(LedgerDecodingError) in try from.u32() }
            )
        case .refused:
            let limit = try source.u32()
            guard limit < LedgerBounds.limits else { throw .invalid(field: "limit") }
            self = .refused(
                limit: Int(limit),
                retryAfterNanoseconds: try source.u64(),
                limits: try Self.limits(from: &source)
            )
        case .denied:
            self = .denied(
                retryAfterNanoseconds: try source.optional { (from) throws(LedgerDecodingError) in try from.u64() }
            )
        case .passRefused:
            guard let refusal = PassRefusal(rawValue: try source.u8()) else { throw .invalid(field: "pass refusal") }
            self = .passRefused(refusal)
        case .invalid:
            guard let reason = InvalidCharge(rawValue: try source.u8()) else { throw .invalid(field: "charge") }
            self = .invalid(reason)
        case nil:
            throw .invalid(field: "charge outcome")
        }
    }

    private static func write(_ limits: [LimitState], into sink: inout some FieldSink) {
        sink.count(limits.count)
        for limit in limits { limit.write(into: &sink) }
    }

    private static func limits(from source: inout FieldSource) throws(LedgerDecodingError) -> [LimitState] {
        var limits: [LimitState] = []
        for _ in 0..<(try source.count(limit: LedgerBounds.limits, elementBytes: 24)) {
            limits.append(try LimitState(from: &source))
        }
        return limits
    }
}

extension LimitState {
    fileprivate func write(into sink: inout some FieldSink) {
        sink.u64(remaining)
        sink.u64(resetNanoseconds)
        sink.u64(burst)
    }

    fileprivate init(from source: inout FieldSource) throws(LedgerDecodingError) {
        remaining = try source.u64()
        resetNanoseconds = try source.u64()
        burst = try source.u64()
    }
}

extension LendOutcome {
    private enum Tag: UInt8 {
        case lent = 1
        case refused = 2
        case denied = 3
        case invalid = 4
        case tooManySlices = 5
    }

    func write(into sink: inout some FieldSink) {
        switch self {
        case .lent(let slice, let units, let state):
            sink.u8(Tag.lent.rawValue)
            slice.write(into: &sink)
            sink.u64(units)
            state.write(into: &sink)
        case .refused(let retryAfter, let state, let outstanding):
            sink.u8(Tag.refused.rawValue)
            sink.u64(retryAfter)
            state.write(into: &sink)
            sink.u64(outstanding)
        case .denied(let retryAfter):
            sink.u8(Tag.denied.rawValue)
            sink.optional(retryAfter) { $0.u64($1) }
        case .invalid(let reason):
            sink.u8(Tag.invalid.rawValue)
            sink.u8(reason.rawValue)
        case .tooManySlices:
            sink.u8(Tag.tooManySlices.rawValue)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch Tag(rawValue: try source.u8()) {
        case .lent:
            self = .lent(
                slice: try SliceID(from: &source),
                units: try source.u64(),
                state: try LimitState(from: &source)
            )
        case .refused:
            self = .refused(
                retryAfterNanoseconds: try source.u64(),
                state: try LimitState(from: &source),
                outstanding: try source.u64()
            )
        case .denied:
            self = .denied(
                retryAfterNanoseconds: try source.optional { (from) throws(LedgerDecodingError) in try from.u64() }
            )
        case .invalid:
            guard let reason = InvalidCharge(rawValue: try source.u8()) else { throw .invalid(field: "loan") }
            self = .invalid(reason)
        case .tooManySlices: self = .tooManySlices
        case nil: throw .invalid(field: "lend outcome")
        }
    }
}

extension ReturnOutcome {
    func write(into sink: inout some FieldSink) {
        switch self {
        case .restored(let units):
            sink.u8(1)
            sink.u64(units)
        case .unknown: sink.u8(2)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch try source.u8() {
        case 1: self = .restored(units: try source.u64())
        case 2: self = .unknown
        default: throw .invalid(field: "return outcome")
        }
    }
}

extension SpendOutcome {
    private enum Tag: UInt8 {
        case opened = 1
        case repeated = 2
        case alreadySpent = 3
        case expired = 4
        case fromFuture = 5
        case full = 6
        case invalid = 7
        // Of passes whose grant was settled by a price, which earlier versions do not know.
        case openedSettled = 8
        case repeatedSettled = 9
    }

    func write(into sink: inout some FieldSink) {
        switch self {
        case .opened(let pass):
            sink.u8((pass.granted == nil ? Tag.opened : .openedSettled).rawValue)
            pass.write(into: &sink)
        case .repeated(let pass):
            sink.u8((pass.granted == nil ? Tag.repeated : .repeatedSettled).rawValue)
            pass.write(into: &sink)
        case .alreadySpent: sink.u8(Tag.alreadySpent.rawValue)
        case .expired: sink.u8(Tag.expired.rawValue)
        case .fromFuture: sink.u8(Tag.fromFuture.rawValue)
        case .full: sink.u8(Tag.full.rawValue)
        case .invalid: sink.u8(Tag.invalid.rawValue)
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch Tag(rawValue: try source.u8()) {
        case .opened: self = .opened(try PassState(from: &source, isSettled: false))
        case .repeated: self = .repeated(try PassState(from: &source, isSettled: false))
        case .openedSettled: self = .opened(try PassState(from: &source, isSettled: true))
        case .repeatedSettled: self = .repeated(try PassState(from: &source, isSettled: true))
        case .alreadySpent: self = .alreadySpent
        case .expired: self = .expired
        case .fromFuture: self = .fromFuture
        case .full: self = .full
        case .invalid: self = .invalid
        case nil: throw .invalid(field: "spend outcome")
        }
    }
}

extension PassState {
    fileprivate func write(into sink: inout some FieldSink) {
        sink.u32(remaining)
        sink.time(expires)
        sink.u32(epoch)
        sink.u64(binding)
        sink.time(recordExpiry)
        if let granted { sink.u32(granted) }
    }

    fileprivate init(from source: inout FieldSource, isSettled: Bool) throws(LedgerDecodingError) {
        remaining = try source.u32()
        expires = try source.time()
        epoch = try source.u32()
        binding = try source.u64()
        recordExpiry = try source.time()
        if isSettled { granted = try source.u32() }
    }
}
