/// The price of a challenge: by how much it is harder than its policy's difficulty says, in 16.16 fixed point.
///
/// It is the client's factor times the cluster's, each at least 1. Integers only, and nothing overflows: a product that is
/// too large for 32 bits is as large as they are.
public struct Price: Hashable, Sendable {
    /// A factor of 1.
    public static let one: UInt32 = 1 << 16

    /// Grows with what the client's address, and less with what its neighbourhoods, redeemed lately.
    public var client: UInt32
    /// Follows the load of the policy; the same for all clients.
    public var cluster: UInt32

    /// A value of these fields.
    public init(client: UInt32, cluster: UInt32) {
        self.client = client
        self.cluster = cluster
    }

    /// Both factors together, at least ``one``.
    public var total: UInt32 { Self.product(max(client, Self.one), max(cluster, Self.one)) }

    /// The product of two factors, rounded down.
    static func product(_ left: UInt32, _ right: UInt32) -> UInt32 {
        UInt32(clamping: (UInt64(left) * UInt64(right)) >> 16)
    }

    /// What is granted for work that was priced at issue and is handed in at this price: a share of what the challenge
    /// promises, never more, at least 1. So a stock of challenges from when they were cheap buys nothing.
    /// - Parameter issue: the price at issue; less than ``one`` counts as ``one``.
    func settled(grants: UInt32, issue: UInt32) -> UInt32 {
        let total = total
        let issue = max(issue, Self.one)
        guard issue < total else { return grants }
        return UInt32(clamping: max(1, UInt64(grants) * UInt64(issue) / UInt64(total)))
    }
}

/// What a challenge is issued by: its price, and whether there may be one.
public struct IssueTerms: Hashable, Sendable {
    /// The client's factor and the cluster's.
    public var price: Price
    /// How long until a challenge may be issued; 0: now. See ``LedgerBounds/issueNanoseconds(_:)``.
    public var waitNanoseconds: UInt64

    /// A value of these fields.
    public init(price: Price, waitNanoseconds: UInt64) {
        self.price = price
        self.waitNanoseconds = waitNanoseconds
    }
}
