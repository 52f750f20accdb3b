import Wire

/// A snapshot that a leader sends to this replica, part by part.
///
///     receiving ──(last part handed out)──▶ installing ──(on disk)──▶ done
struct IncomingSnapshot: Sendable {
    /// Which transfer, of those that this replica has begun to receive: what the disk says of an earlier one is not of
    /// this one.
    let number: UInt64
    /// Who sends it. Another leader's file of the same position may differ.
    let leader: ReplicaID
    /// In which term.
    let term: Term
    /// Which snapshot.
    let description: SnapshotDescription
    /// All bytes below this were handed out.
    private(set) var received: UInt64 = 0
    /// The last part was handed out, and the driver has not yet said what became of it.
    private(set) var isInstalling = false

    init(number: UInt64, leader: ReplicaID, term: Term, description: SnapshotDescription) {
        self.number = number
        self.leader = leader
        self.term = term
        self.description = description
    }

    /// Whether a part is the next one.
    func isNext(offset: UInt64) -> Bool { !isInstalling && offset == received }

    /// Takes the next part.
    mutating func take(_ data: [UInt8]) -> IncomingSnapshotPart {
        let offset = received
        received += UInt64(data.count)
        isInstalling = received == description.bytes
        return IncomingSnapshotPart(
            transfer: number,
            snapshot: description,
            offset: offset,
            data: data,
            isLast: isInstalling
        )
    }
}
