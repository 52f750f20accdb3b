/// Who searches what: the solver's plan, a value without threads, time or hashing.
///
/// Nonces of a round are handed out in slices, in ascending order. A worker claims a slice of the unsolved round that
/// the fewest others are at, so that as long as there are as many unsolved rounds as workers, none of them does work
/// that another makes useless. The answer that counts is either the first that comes (`any`) or the smallest n of the
/// round (`smallest`), for which a round stays open until all slices below its best answer are done.
struct SearchPlan {
    /// Which answer of a round is wanted.
    enum Answer: Hashable, Sendable {
        case any
        case smallest
    }

    /// A range of nonces of a round: `count` of them from `start`.
    struct Slice: Hashable, Sendable {
        var round: Int
        var start: UInt64
        var count: UInt64
    }

    private struct Round {
        /// Where the next slice begins; nil: all 2^64 nonces are handed out.
        var next: UInt64?
        /// The starts of the slices that are being searched: one for each worker at most.
        var claimed: [UInt64] = []
        /// The smallest n found so far.
        var best: UInt64?
        var isSolved = false
    }

    private var rounds: [Round]
    private let answer: Answer
    private let sliceCount: UInt64

    /// Rounds that have their answer.
    private(set) var solvedCount = 0
    /// Hashes that were taken, of all workers, those without use among them. Wraps never: 2^64 take centuries.
    private(set) var hashes: UInt64 = 0

    /// - Parameters:
    ///   - rounds: 1 to 64.
    ///   - sliceCount: nonces a slice, 1 or more.
    ///   - start: the first nonce of each round.
    init(rounds: Int, answer: Answer, sliceCount: UInt64, start: UInt64 = 0) {
        precondition(rounds > 0 && sliceCount > 0)
        self.rounds = Array(repeating: Round(next: start), count: rounds)
        self.answer = answer
        self.sliceCount = sliceCount
    }

    /// Whether every round has its answer.
    var isSolved: Bool { solvedCount == rounds.count }

    /// Whether there is nothing left to hand out or wait for, and yet a round without an answer.
    var isExhausted: Bool {
        !isSolved && rounds.allSatisfy { $0.isSolved || ($0.next == nil && $0.claimed.isEmpty) }
    }

    /// The answers; nil before all are there.
    var nonces: [UInt64]? { isSolved ? rounds.compactMap(\.best) : nil }

    /// A worker asks for work; nil: there is none now that is not being done. Call again after the next ``finish``.
    mutating func claim() -> Slice? {
        var chosen: (index: Int, start: UInt64)?
        for (index, round) in rounds.enumerated() {
            guard !round.isSolved, let start = round.next else { continue }
            // Above the best answer there is no smaller one.
            if let best = round.best, start > best { continue }
            if let chosen, rounds[chosen.index].claimed.count <= round.claimed.count { continue }
            chosen = (index, start)
        }
        guard let (index, start) = chosen else { return nil }
        // The last slice ends at 2^64 − 1: `remaining` is what follows its first nonce.
        let remaining = UInt64.max - start
        let count = sliceCount - 1 < remaining ? sliceCount : remaining + (remaining == .max ? 0 : 1)
        rounds[index].next = start.addingReportingOverflow(count).overflow ? nil : start + count
        rounds[index].claimed.append(start)
        return Slice(round: index, start: start, count: count)
    }

    /// A worker has searched a slice that it claimed.
    ///
    /// - Parameters:
    ///   - tried: the hashes it took.
    ///   - nonce: the smallest n of the slice that meets the target; nil: none does.
    mutating func finish(_ slice: Slice, tried: UInt64, nonce: UInt64?) {
        hashes &+= tried
        guard let claim = rounds[slice.round].claimed.firstIndex(of: slice.start) else {
            preconditionFailure("a slice is finished once, by whoever claimed it")
        }
        rounds[slice.round].claimed.remove(at: claim)
        guard !rounds[slice.round].isSolved else { return }
        if let nonce { rounds[slice.round].best = min(nonce, rounds[slice.round].best ?? .max) }
        guard let best = rounds[slice.round].best else { return }
        // Slices are handed out in ascending order, so that what is not claimed lies above the best answer.
        let isDecided = answer == .any || rounds[slice.round].claimed.allSatisfy { $0 > best }
        guard isDecided else { return }
        rounds[slice.round].isSolved = true
        solvedCount += 1
    }
}
