// The digest: what is large is summed as it changes, what is small is hashed when somebody asks.

extension Ledger {
    /// A summary of all state; see ``LedgerDigest``. Takes microseconds, whatever the number of keys.
    public var digest: LedgerDigest {
        var sum = tableDigest
        sum += records.digest
        sum += slices.digest
        sum += prices.digest
        sum += clusterPriceDigest
        sum += sessions.digest
        var mixer = DigestMixer(.header)
        writeHeader(into: &mixer)
        sum += mixer.finish()
        for epoch in standing.epochs {
            var mixer = DigestMixer(.epoch)
            epoch.write(into: &mixer)
            sum += mixer.finish()
        }
        for policy in policies {
            var mixer = DigestMixer(.policy)
            policy.writeDefinition(into: &mixer)
            sum += mixer.finish()
        }
        return sum
    }

    /// Every number of the state that stands alone.
    func writeHeader(into sink: inout some FieldSink) {
        sink.pair(standing.clusterID.high, standing.clusterID.low)
        sink.fixed(standing.secret)
        sink.u32(maxRecords)
        sink.u32(standing.ledgerVersion)
        sink.u64(standing.revision)
        sink.u64(standing.generation)
        sink.time(now)
        sink.u64(lastIndex)
        sink.u64(swept)
        sink.u32(nextPolicyID)
        sink.u32(nextLimitID)
        sink.u64(overrideVersion)
    }
}

extension KeyEpoch {
    /// Bytes of one.
    static let bytes = 12 + LedgerBounds.secretBytes

    func write(into sink: inout some FieldSink) {
        sink.u32(number)
        sink.time(began)
        sink.fixed(secret)
    }

    init(from source: inout FieldSource) throws(LedgerDecodingError) {
        number = try source.u32()
        began = try source.time()
        secret = try source.fixed(LedgerBounds.secretBytes)
    }
}

extension PolicyState {
    /// Bytes of the shortest, with its tables.
    static let leastBytes = 20

    /// The policy without what its keys have used.
    func writeDefinition(into sink: inout some FieldSink) {
        sink.u32(id.rawValue)
        sink.text(name)
        sink.u32(maxKeys)
        sink.count(limits.count)
        for limit in limits {
            sink.u32(limit.id.rawValue)
            limit.definition.write(into: &sink)
        }
    }
}
