import NIOCore
import Raft
import Wire

/// What an operator's requests wait for at this node. On the replica's loop.
struct OperationDesk {
    /// What a look at the cluster depends on.
    struct Landmark: Hashable {
        var leader: ReplicaID?
        var term: Term
        var decided: Configuration
        var newest: Configuration
        var snapshot: LogIndex
        var waiting: [WaitingNode]
    }

    /// Of the last request to a leader.
    private var lastNumber = Randomness.word()
    private var requests: [UInt64: EventLoopPromise<OperationAnswer?>] = [:]
    private var watchers: [EventLoopPromise<Void>] = []
    private var landmark: Landmark?
    private var idlers: [EventLoopPromise<Void>] = []

    /// How often peers have said since the start that they do not take this node for a member.
    private(set) var refusals: UInt64 = 0

    /// Whether somebody waits for a change.
    var isWatched: Bool { !watchers.isEmpty }

    /// A request that went to a leader.
    mutating func began(_ promise: EventLoopPromise<OperationAnswer?>) -> UInt64 {
        lastNumber &+= 1
        requests[lastNumber] = promise
        return lastNumber
    }

    /// A request has its answer, or will have none.
    mutating func ended(_ number: UInt64, _ answer: OperationAnswer?) {
        requests.removeValue(forKey: number)?.succeed(answer)
    }

    /// A peer does not take this node for a member. If it leads, it answers nothing any more: all look again.
    mutating func refused() {
        refusals += 1
        for number in requests.keys.sorted() { ended(number, nil) }
        releaseWatchers()
    }

    /// Somebody waits until the landmark is another one than this.
    mutating func watch(_ promise: EventLoopPromise<Void>, from landmark: Landmark?) {
        watchers.append(promise)
        self.landmark = landmark
    }

    /// The cluster stands so now.
    mutating func observe(_ landmark: Landmark?) {
        guard landmark != self.landmark else { return }
        self.landmark = landmark
        releaseWatchers()
    }

    /// All that wait for a change look again.
    mutating func releaseWatchers() {
        let promises = watchers
        watchers = []
        for promise in promises { promise.succeed() }
    }

    /// Somebody waits until nothing is asked any more.
    mutating func await(idle promise: EventLoopPromise<Void>) { idlers.append(promise) }

    /// Nothing is asked any more.
    mutating func isIdle() {
        let promises = idlers
        idlers = []
        for promise in promises { promise.succeed() }
    }

    /// The node ends: nobody waits any longer.
    mutating func close() {
        for number in requests.keys.sorted() { ended(number, nil) }
        let promises = watchers
        watchers = []
        for promise in promises { promise.fail(OperationError.stopped) }
        isIdle()
    }
}
