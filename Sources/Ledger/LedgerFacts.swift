import Wire

/// What founds a ledger. Every replica of a cluster begins with the same, or with a snapshot.
public struct Genesis: Hashable, Sendable {
    /// Which cluster this is.
    public var clusterID: ClusterID
    /// ``LedgerBounds/secretBytes`` random bytes: the cluster's secret, and the secret of the first key epoch.
    public var secret: [UInt8]
    /// The number of the first key epoch, at least 1. A ledger in memory begins with a random one, so that tokens of an
    /// earlier run are known to be from an epoch that is no longer kept.
    public var firstEpoch: UInt32
    /// The version of commands that all founders know.
    public var ledgerVersion: UInt32
    /// Spent records held at most, 1 to ``LedgerBounds/recordsMaximum``. It belongs to the genesis since replicas must
    /// agree on it.
    public var maxRecords: UInt32

    /// A value of these fields.
    public init(
        clusterID: ClusterID,
        secret: [UInt8],
        firstEpoch: UInt32 = 1,
        ledgerVersion: UInt32 = 1,
        maxRecords: UInt32 = LedgerBounds.records
    ) {
        self.clusterID = clusterID
        self.secret = secret
        self.firstEpoch = max(1, firstEpoch)
        self.ledgerVersion = ledgerVersion
        self.maxRecords = maxRecords
    }
}

/// A limit as it stands.
public struct LimitFacts: Hashable, Sendable {
    /// The number to charge by.
    public var id: LimitID
    /// What the revision says of it.
    public var definition: LimitDefinition

    /// A value of these fields.
    public init(id: LimitID, definition: LimitDefinition) {
        self.id = id
        self.definition = definition
    }
}

/// A policy as it stands. Limits are in the order of the revision.
public struct PolicyFacts: Hashable, Sendable {
    /// The number to charge by.
    public var id: PolicyID
    /// As in the revision.
    public var name: String
    /// As in ``PolicyDefinition/maxKeys``.
    public var maxKeys: UInt32
    /// In the order of the revision.
    public var limits: [LimitFacts]

    /// A value of these fields.
    public init(id: PolicyID, name: String, maxKeys: UInt32, limits: [LimitFacts]) {
        self.id = id
        self.name = name
        self.maxKeys = maxKeys
        self.limits = limits
    }
}

/// A key epoch: the secret under which tokens of its time are sealed.
public struct KeyEpoch: Hashable, Sendable {
    /// From 1.
    public var number: UInt32
    /// ``LedgerBounds/secretBytes`` bytes. Never logged.
    public var secret: [UInt8]
    /// Replicated time of the command that began it.
    public var began: LedgerTime

    /// A value of these fields.
    public init(number: UInt32, secret: [UInt8], began: LedgerTime) {
        self.number = number
        self.secret = secret
        self.began = began
    }
}

/// What a gateway must know of the ledger to make commands: a value, read between batches.
public struct LedgerFacts: Hashable, Sendable {
    /// The policies' revision; 0 before the first.
    public var revision: UInt64
    /// Sorted by id.
    public var policies: [PolicyFacts]
    /// The newest last; at most ``LedgerBounds/epochs``, at least one.
    public var epochs: [KeyEpoch]
    /// Which cluster this is.
    public var clusterID: ClusterID
    /// The cluster's secret. Never logged.
    public var secret: [UInt8]
    /// The version of commands that every member knows.
    public var ledgerVersion: UInt32
    /// Replicated time: the latest time-stamp of any batch.
    public var time: LedgerTime
    /// Grows with every change of the facts other than of the time.
    public var generation: UInt64
    /// The cluster's factors that are above 1, sorted by policy; see ``clusterFactor(of:)``.
    public var prices: [PolicyPrice]
    /// The version of ``prices``, which the next change of them must name; 0 before the first.
    public var priceVersion: UInt64

    /// A value of these fields.
    public init(
        revision: UInt64,
        policies: [PolicyFacts],
        epochs: [KeyEpoch],
        clusterID: ClusterID,
        secret: [UInt8],
        ledgerVersion: UInt32,
        time: LedgerTime,
        generation: UInt64,
        prices: [PolicyPrice] = [],
        priceVersion: UInt64 = 0
    ) {
        self.revision = revision
        self.policies = policies
        self.epochs = epochs
        self.clusterID = clusterID
        self.secret = secret
        self.ledgerVersion = ledgerVersion
        self.time = time
        self.generation = generation
        self.prices = prices
        self.priceVersion = priceVersion
    }
}
