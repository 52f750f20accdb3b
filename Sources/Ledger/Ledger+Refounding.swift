import Wire

extension Ledger {
    /// Epochs that are left out where new keys begin: more than were begun since the state was saved, so that a token of one
    /// of those is known to be of an epoch that is not kept, and not taken for a forged one.
    private static let epochsSkipped: UInt32 = 1_024

    /// Makes this the first state of another cluster, after a disaster. Quotas, spent challenges, passes and the cluster's
    /// secret stay as they are, under which keys of limits and bindings are hashed.
    /// - Parameters:
    ///   - cluster: the new one.
    ///   - secret: ``LedgerBounds/secretBytes`` of the one epoch that there is then: no token of before is good any more.
    ///     Nil keeps the epochs, and with them challenges and passes.
    public mutating func refound(as cluster: ClusterID, secret: [UInt8]?) {
        standing.clusterID = cluster
        standing.generation += 1
        guard let secret else { return }
        precondition(secret.count == LedgerBounds.secretBytes, "an epoch's secret has 32 bytes")
        let last = standing.epochs[standing.epochs.count - 1].number
        let (next, overflow) = last.addingReportingOverflow(Self.epochsSkipped)
        standing.epochs = [KeyEpoch(number: overflow ? .max : next, secret: secret, began: now)]
    }
}
