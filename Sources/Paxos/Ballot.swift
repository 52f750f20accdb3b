import Wire

/// A ballot of single-decree Paxos: a numbered attempt to have a value chosen ("proposal number" in "Paxos Made
/// Simple"). Compared by round, then by replica; nothing else, no time above all, orders two ballots.
///
/// No ballot is ever used twice. Two replicas never make the same one, since it names its maker, and an empty disk has a
/// replica id of its own. One replica never makes the same one twice, since its ``Proposer`` has the round made durable
/// before the ballot is first sent, and begins after the durable one when it starts again.
public struct Ballot: Hashable, Comparable, Sendable {
    /// The highest round that is read from a peer or a file. One more always fits into the number.
    public static let roundMax: UInt64 = 1 << 62

    /// Counts the attempts, from 1.
    public var round: UInt64
    /// Whose attempt it is.
    public var replica: ReplicaID

    /// A value of these fields.
    public init(round: UInt64, replica: ReplicaID) {
        self.round = round
        self.replica = replica
    }

    /// Loses against.
    public static func < (left: Ballot, right: Ballot) -> Bool {
        left.round != right.round ? left.round < right.round : left.replica < right.replica
    }
}

/// A value under a ballot: what a proposer asks acceptors to accept. One ballot has one value.
public struct Proposal: Hashable, Sendable {
    /// Bytes of a value, at most: 64 KiB.
    public static let valueBytesMax = 65_536

    /// Under which ballot.
    public var ballot: Ballot
    /// What is proposed. Opaque here; at most ``valueBytesMax`` bytes.
    public var value: [UInt8]

    /// A value of these fields.
    public init(ballot: Ballot, value: [UInt8]) {
        self.ballot = ballot
        self.value = value
    }
}
