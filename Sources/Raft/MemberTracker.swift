import Wire

/// All that a leader keeps of one member, itself included.
struct MemberTracker: Sendable {
    let id: ReplicaID
    /// What others may see of it.
    var progress: Progress
    /// Among the voters, the incoming ones in a joint configuration.
    var isVoter: Bool
    /// Among the outgoing voters of a joint configuration.
    var isOutgoing: Bool
    /// Appends that are not answered, in state `replicate`.
    var inflights = Inflights()
    /// The snapshot on its way, in state `snapshot`.
    var snapshot: OutgoingSnapshot?
    /// The greatest index that was sent in this term. Who acknowledges more did not understand.
    var sentThrough = LogIndex.zero
    /// The commit index that was sent last.
    var commitSent = LogIndex.zero
    /// The last heartbeat round that it answered.
    var roundAnswered: UInt64 = 0
    /// In state `probe`: a message is out, and nothing more is sent until it is answered or given up.
    var isProbeSent = false
    /// In state `probe`: the end of the entries that went with that message, and their cost; zero if it had none.
    var probed = (through: LogIndex.zero, bytes: 0)
    /// An append without entries is due, to find out where the member is.
    var isNudgeDue = false
    /// Ticks since something was sent that is to be answered, or since the last answer that brought news.
    var waitedTicks = 0

    init(id: ReplicaID, isVoter: Bool, isOutgoing: Bool, next: LogIndex) {
        self.id = id
        self.isVoter = isVoter
        self.isOutgoing = isOutgoing
        progress = Progress(state: .probe, match: .zero, next: next, recentlyActive: false)
    }

    /// Whether an answer is waited for.
    var isWaiting: Bool {
        switch progress.state {
        case .probe: isProbeSent
        case .replicate: !inflights.isEmpty
        case .snapshot: true
        }
    }

    /// Something came from it.
    mutating func heard() {
        progress.silentTicks = 0
        progress.recentlyActive = true
    }

    /// A tick passes.
    mutating func tick(_ settings: RaftSettings) {
        if isWaiting { waitedTicks += 1 }
        progress.silentTicks += 1
        if progress.silentTicks >= settings.electionTicksMin { progress.recentlyActive = false }
    }

    /// To find out where the logs agree, one message at a time.
    mutating func probe(next: LogIndex) {
        progress.state = .probe
        progress.next = max(next, progress.match + 1)
        inflights.forget()
        snapshot = nil
        probed = (.zero, 0)
        isProbeSent = false
        isNudgeDue = false
        waitedTicks = 0
    }

    /// The logs agree up to `match`: sends what follows without waiting for each answer. Entries that went with the
    /// probe have arrived too, and may not be durable yet: they are not sent twice.
    mutating func replicate() {
        progress.state = .replicate
        progress.next = max(progress.match, probed.through) + 1
        inflights.forget()
        if probed.through > progress.match { inflights.sent(through: probed.through, bytes: probed.bytes) }
        probed = (.zero, 0)
        snapshot = nil
        isProbeSent = false
        isNudgeDue = false
        waitedTicks = 0
    }

    /// What it needs is gone from the log: sends a snapshot.
    mutating func send(_ description: SnapshotDescription) {
        progress.state = .snapshot
        inflights.forget()
        snapshot = OutgoingSnapshot(description)
        isProbeSent = false
        isNudgeDue = false
        waitedTicks = 0
    }

    /// The member's log is the leader's up to `index`, which is durable there.
    /// - Returns: whether that is news.
    mutating func matched(through index: LogIndex) -> Bool {
        inflights.acknowledged(through: index)
        guard index > progress.match else { return false }
        progress.match = index
        progress.next = max(progress.next, index + 1)
        waitedTicks = 0
        return true
    }
}

/// The members of a leader's group, sorted by id.
struct MemberTable: Sendable {
    var trackers: [MemberTracker] = []

    /// Where a member is.
    func position(of id: ReplicaID) -> Int? { trackers.firstIndex { $0.id == id } }

    /// Takes a membership: members that stay keep what is known of them.
    mutating func adopt(_ configuration: Configuration, next: LogIndex) {
        let before = trackers
        trackers = configuration.members.map { member in
            let isVoter = configuration.voters.contains(member.id)
            let isOutgoing = configuration.outgoing.contains(member.id)
            guard var tracker = before.first(where: { $0.id == member.id }) else {
                return MemberTracker(id: member.id, isVoter: isVoter, isOutgoing: isOutgoing, next: next)
            }
            tracker.isVoter = isVoter
            tracker.isOutgoing = isOutgoing
            return tracker
        }
    }

    /// The greatest value that a majority of the voters reaches, of both sets in a joint configuration.
    /// - Parameter value: of the member at a position. Not of the member: nothing is copied.
    func reached(_ value: (Int) -> UInt64) -> UInt64 {
        min(reached(value) { trackers[$0].isVoter }, reached(value) { trackers[$0].isOutgoing })
    }

    private func reached(_ value: (Int) -> UInt64, among counts: (Int) -> Bool) -> UInt64 {
        var count = 0
        for position in trackers.indices where counts(position) { count += 1 }
        return Quorum.reached(count: count) { buffer in
            var place = 0
            for position in trackers.indices where counts(position) {
                buffer[place] = value(position)
                place += 1
            }
        }
    }
}
