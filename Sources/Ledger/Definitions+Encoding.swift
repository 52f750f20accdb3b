// The bytes of policies, limits and overrides: the same in commands and in snapshots.

extension PolicyDefinition {
    /// Bytes of the shortest: an empty name, the number of keys, no limits.
    static let leastBytes = 12

    func write(into sink: inout some FieldSink) {
        sink.text(name)
        sink.u32(maxKeys)
        sink.count(limits.count)
        for limit in limits { limit.write(into: &sink) }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        name = try source.text(limit: LedgerBounds.policyNameBytes)
        maxKeys = try source.u32()
        limits = []
        for _ in 0..<(try source.count(limit: LedgerBounds.limits, elementBytes: LimitDefinition.leastBytes)) {
            limits.append(try LimitDefinition(from: &source))
        }
    }
}

extension LimitDefinition {
    /// Bytes of the shortest: role, an empty key, interval and burst.
    static let leastBytes = 21

    func write(into sink: inout some FieldSink) {
        sink.u8(role.rawValue)
        sink.text(key)
        sink.u64(interval)
        sink.u64(burst)
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        guard let role = LimitRole(rawValue: try source.u8()) else { throw .invalid(field: "role") }
        self.role = role
        key = try source.text(limit: LedgerBounds.keyExpressionBytes)
        interval = try source.u64()
        burst = try source.u64()
    }
}

extension OverrideLabel {
    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        guard let label = OverrideLabel(try source.text(limit: Self.bytesMax)) else { throw .invalid(field: "label") }
        self = label
    }
}

extension OverrideValue {
    private enum Tag: UInt8 {
        case free = 1
        case deny = 2
    }

    func write(into sink: inout some FieldSink) {
        switch self {
        case .free(let interval, let burst):
            sink.u8(Tag.free.rawValue)
            sink.u64(interval)
            sink.u64(burst)
        case .deny(let until):
            sink.u8(Tag.deny.rawValue)
            sink.optional(until) { $0.time($1) }
        }
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        switch Tag(rawValue: try source.u8()) {
        case .free:
            self = .free(interval: try source.u64(), burst: try source.u64())
        case .deny:
            self = .deny(until: try source.optional { (from) throws(LedgerDecodingError) in try from.time() })
        case nil:
            throw .invalid(field: "override")
        }
    }
}
