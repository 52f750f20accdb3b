import Raft
import Wire

/// One core on its own, with a disk that a test drives by hand: to look at single inputs and outputs.
struct Harness {
    private(set) var raft: Raft
    private(set) var lastNumber: UInt64 = 0

    /// Replica 1 of `count` voters, with a log of these terms, in the term of the last.
    init(
        voters count: Int = 3,
        terms: [UInt64] = [],
        term: UInt64? = nil,
        vote: Int? = nil,
        forgotten: LogPosition? = nil,
        settings: RaftSettings = RaftSettings(),
        blank: Bool = false
    ) {
        let ids = (1...count).map(Group.id)
        let configuration = Configuration(members: ids.map(Group.member), voters: ids)
        let snapshot = SnapshotDescription(position: .zero, configuration: blank ? .empty : configuration, bytes: 8)
        raft = Raft(
            id: ids[0],
            settings: settings,
            restored: RestoredState(
                hardState: HardState(
                    term: Term(term ?? terms.last ?? 0),
                    vote: vote.map(Group.id),
                    forgotten: forgotten
                ),
                snapshot: snapshot,
                entries: Harness.entries(terms)
            ),
            seed: 7
        )
    }

    /// Entries from index `first` on, one for each term.
    static func entries(_ terms: [UInt64], from first: UInt64 = 1) -> [Entry] {
        terms.enumerated().map { offset, term in
            let index = first + UInt64(offset)
            return Entry(position: position(term, index), payload: .command([UInt8(truncatingIfNeeded: index)]))
        }
    }

    static func position(_ term: UInt64, _ index: UInt64) -> LogPosition {
        LogPosition(term: Term(term), index: LogIndex(index))
    }

    /// A message to replica 1.
    static func message(from: Int, term: UInt64, _ body: Message.Body) -> Message {
        Message(from: Group.id(from), to: Group.id(1), term: Term(term), body: body)
    }

    /// An append to replica 1, of entries with these terms after `previous`.
    static func append(
        from: Int = 2,
        term: UInt64,
        after previous: LogPosition,
        terms: [UInt64] = [],
        commit: UInt64 = 0
    ) -> Message {
        let request = AppendRequest(
            previous: previous,
            entries: entries(terms, from: previous.index.rawValue + 1),
            commit: LogIndex(commit)
        )
        return message(from: from, term: term, .appendRequest(request))
    }

    /// The terms of the log in memory.
    var terms: [UInt64] {
        var terms: [UInt64] = []
        var index = raft.firstIndex
        while let entry = raft.entry(at: index) {
            terms.append(entry.position.term.rawValue)
            index = index + 1
        }
        return terms
    }

    /// Does something to the core, and returns what it wants then. Nothing is written.
    mutating func act(_ body: (inout Raft) -> Void) -> RaftOutput {
        body(&raft)
        return take()
    }

    /// What the core wants.
    mutating func take() -> RaftOutput {
        let output = raft.takeOutput()
        if let number = output.persist?.number { lastNumber = number }
        return output
    }

    /// A message comes.
    mutating func step(_ message: Message) -> RaftOutput { act { $0.step(message) } }

    /// The disk has everything up to request `number`.
    mutating func write(_ number: UInt64? = nil) -> RaftOutput {
        let written = number ?? lastNumber
        return act { $0.persisted(written) }
    }

    /// A message comes, the disk writes, until nothing more is wanted. Returns all messages.
    mutating func settle(_ message: Message? = nil) -> [Message] {
        if let message { raft.step(message) }
        var messages: [Message] = []
        while true {
            let output = take()
            if output.isEmpty { return messages }
            messages += output.messages
            if output.persist != nil { raft.persisted(lastNumber) }
            for case .entries(let entries) in output.apply {
                if let last = entries.last { raft.applied(through: last.position.index) }
            }
        }
    }

    /// Becomes the leader of the next term with the votes of 2 and 3, and commits nothing. Returns what it sends.
    mutating func lead() -> [Message] {
        raft.campaign()
        var messages = settle()
        let next = raft.term.rawValue + (raft.role == .preCandidate ? 1 : 0)
        if raft.role == .preCandidate {
            messages = settle(
                Harness.message(from: 2, term: next, .voteResponse(VoteResponse(isPreVote: true, granted: true)))
            )
        }
        if raft.role == .candidate {
            messages = settle(
                Harness.message(from: 2, term: next, .voteResponse(VoteResponse(isPreVote: false, granted: true)))
            )
        }
        precondition(raft.role == .leader, "did not win")
        return messages
    }

    /// A follower acknowledges.
    mutating func accept(from: Int, through index: UInt64) -> [Message] {
        settle(
            Harness.message(
                from: from,
                term: raft.term.rawValue,
                .appendResponse(.accepted(through: LogIndex(index)))
            )
        )
    }
}

extension Message {
    /// The append in this message.
    var append: AppendRequest? {
        if case .appendRequest(let request) = body { request } else { nil }
    }
}
