/// An operator's word on one key of one policy.
///
/// It is a register with compare-and-set: each change that is made takes the next version of one ledger-wide counter, so
/// a version is never used twice, not even by a key that was removed and set again.
public struct OverrideChange: Hashable, Sendable {
    /// Whose register.
    public var policy: PolicyID
    /// Whose register, within the policy.
    public var key: QuotaKey
    /// nil removes.
    public var value: OverrideValue?
    /// nil: whatever is there; 0: nothing may be there; else exactly this version must be there.
    public var expectedVersion: UInt64?
    /// What the operator calls the key, which is kept with the override. From ``Ledger/lendingVersion`` on.
    public var label: OverrideLabel?

    /// A value of these fields.
    public init(
        policy: PolicyID,
        key: QuotaKey,
        value: OverrideValue?,
        expectedVersion: UInt64?,
        label: OverrideLabel? = nil
    ) {
        self.policy = policy
        self.key = key
        self.value = value
        self.expectedVersion = expectedVersion
        self.label = label
    }
}

/// What an operator calls a key: the ledger itself knows only a hash of it. Decides nothing; it is there to be listed.
public struct OverrideLabel: Hashable, Sendable {
    /// Bytes that a label has at most.
    public static let bytesMax = 48

    /// 1 to ``bytesMax`` bytes.
    public let text: String

    /// Nil where the text is empty or too long.
    public init?(_ text: String) {
        guard (1...Self.bytesMax).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    /// Equal bytes, and not what Swift takes for the same text: replicas of two releases must agree.
    public static func == (left: OverrideLabel, right: OverrideLabel) -> Bool { left.text.isSame(as: right.text) }

    /// As ``==(_:_:)``.
    public func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}

/// What an override says.
public enum OverrideValue: Hashable, Sendable {
    /// Other terms for the key's own bucket in every free limit of the policy: interval in nanoseconds a unit and burst
    /// in units, bounded as in ``LimitDefinition``. Such a key has its own bucket even beyond `maxKeys`.
    case free(interval: UInt64, burst: UInt64)
    /// Every charge of the policy in which the key occurs is denied, before this moment; nil: for good.
    case deny(until: LedgerTime?)
}

/// An override that stands.
public struct OverrideState: Hashable, Sendable {
    /// What it says.
    public var value: OverrideValue
    /// The version that its last change took; from 1.
    public var version: UInt64
    /// As its last change said.
    public var label: OverrideLabel?

    /// A value of these fields.
    public init(value: OverrideValue, version: UInt64, label: OverrideLabel? = nil) {
        self.value = value
        self.version = version
        self.label = label
    }

    /// Whether it still says something at a time: a denial that has ended does not, though it is forgotten only with the
    /// next batch.
    public func holds(at time: LedgerTime) -> Bool {
        if case .deny(let until?) = value { until > time } else { true }
    }
}

/// What became of a change.
public enum OverrideOutcome: Hashable, Sendable {
    /// It stands, at this version.
    case set(version: UInt64)
    /// It is gone, or was not there.
    case removed
    /// The expected version is not the one that is there; 0: there is none.
    case conflict(current: UInt64)
    /// ``LedgerBounds/overrides`` are there already.
    case full
    /// The policy does not exist, or exists no more.
    case unknownPolicy
    /// Interval or burst is 0, or their product is above 2⁶².
    case badRate
}
