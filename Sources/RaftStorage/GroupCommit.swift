/// Which writes make a group: what comes while one synchronization is under way shares the next one.
///
/// A disk takes as long to synchronize one request as a thousand. So nothing waits for company: the first request is
/// written at once, and all that came meanwhile follow together. Pure: whoever has the thread and the file reports what
/// happened and does what is answered.
///
///     idle ─ submit ─▶ ready ─ takeGroup ─▶ writing ─ written ─▶ synchronizing ─ synchronized ─▶ idle, or ready
///                                              │
///                                              └ foundNoSpace ─▶ (synchronizing what was written ─▶) full ─ tryAgain ─▶ ready
///
///     failed: from anywhere, for ever
public struct GroupCommit: Hashable, Sendable {
    /// The bounds.
    public struct Settings: Hashable, Sendable {
        /// Requests in a group at most.
        public var groupRequestsMax = 4_096
        /// Bytes in a group at most; a single request may be longer. 4 MiB: some milliseconds of a disk's time, so that
        /// the first of a group does not wait long for the last.
        public var groupBytesMax = 4 << 20
        /// Bytes that wait at most, those that are being written included. Beyond it requests are refused, so that a
        /// slow disk does not fill the memory.
        public var waitingBytesMax = 64 << 20

        /// The defaults.
        public init() {}
    }

    /// What is to be done now.
    public enum Action: Hashable, Sendable {
        /// Nothing.
        case none
        /// As soon as the thread is free: take what waits by ``GroupCommit/takeGroup()``, write it, then report
        /// ``GroupCommit/written()``, or ``GroupCommit/foundNoSpace(at:)``.
        case write
        /// Synchronize, then report ``GroupCommit/synchronized()``.
        case synchronize
        /// Make it known that there is no space, and after a while report ``GroupCommit/tryAgain()``.
        case waitForSpace
    }

    /// Why a request is not taken.
    public enum Refusal: Error, Hashable, Sendable {
        /// The disk is full: nothing is taken before there is space.
        case full
        /// Too much waits.
        case overloaded
        /// The disk failed: nothing is taken any more.
        case failed
    }

    private enum State: Hashable {
        case idle
        case ready
        case writing(ClosedRange<UInt64>)
        /// What is written up to this number; then there is no space, where that was found.
        case synchronizing(through: UInt64, isFull: Bool)
        case full
        case failed
    }

    private let settings: Settings
    private var state = State.idle
    /// The bytes of each request that is not durable, from ``durable`` + 1 on.
    private var sizes: [Int] = []
    private var waitingBytes = 0

    /// All requests up to this number are durable. They are numbered from 1 as they are submitted.
    public private(set) var durable: UInt64 = 0

    /// A machine at rest.
    public init(settings: Settings = Settings()) { self.settings = settings }

    /// The number of the last request that was taken.
    public var submitted: UInt64 { durable + UInt64(sizes.count) }
    /// There is no space.
    public var isFull: Bool {
        switch state {
        case .full, .synchronizing(_, isFull: true): true
        default: false
        }
    }

    /// A request came. It has the number ``submitted`` from now on.
    /// - Parameter bytes: about as many as it will take on disk, at least 0.
    public mutating func submit(bytes: Int) throws(Refusal) -> Action {
        if state == .failed { throw .failed }
        if isFull { throw .full }
        guard sizes.isEmpty || waitingBytes + bytes <= settings.waitingBytesMax else { throw .overloaded }
        sizes.append(bytes)
        waitingBytes += bytes
        return state == .idle ? begin() : .none
    }

    /// What makes the next group: the numbers of the requests to write, in order.
    public mutating func takeGroup() -> ClosedRange<UInt64> {
        guard state == .ready else { preconditionFailure("there is nothing to write, or something is being written") }
        var count = 0
        var bytes = 0
        while count < sizes.count, count < max(settings.groupRequestsMax, 1) {
            guard count == 0 || bytes + sizes[count] <= settings.groupBytesMax else { break }
            bytes += sizes[count]
            count += 1
        }
        let group = durable + 1...durable + UInt64(count)
        state = .writing(group)
        return group
    }

    /// All of the group has been written.
    public mutating func written() -> Action {
        guard case .writing(let group) = state else { preconditionFailure("nothing was being written") }
        state = .synchronizing(through: group.upperBound, isFull: false)
        return .synchronize
    }

    /// The request of that number found no space; those before it were written. Nothing of it counts.
    public mutating func foundNoSpace(at number: UInt64) -> Action {
        guard case .writing(let group) = state, group.contains(number) else {
            preconditionFailure("the request was not being written")
        }
        guard number > group.lowerBound else {
            state = .full
            return .waitForSpace
        }
        state = .synchronizing(through: number - 1, isFull: true)
        return .synchronize
    }

    /// Everything that was written is durable: ``durable`` says up to where. What depends on it may be said.
    public mutating func synchronized() -> Action {
        guard case .synchronizing(let number, let isFull) = state else {
            preconditionFailure("nothing was synchronized")
        }
        let count = Int(number - durable)
        waitingBytes -= sizes[..<count].reduce(0, +)
        sizes.removeFirst(count)
        durable = number
        state = isFull ? .full : .idle
        return isFull ? .waitForSpace : begin()
    }

    /// There may be space again.
    public mutating func tryAgain() -> Action {
        guard state == .full else { return .none }
        state = .idle
        return begin()
    }

    /// A call failed that may not fail. Nothing is written or becomes durable any more.
    public mutating func failed() { state = .failed }

    private mutating func begin() -> Action {
        guard !sizes.isEmpty else { return .none }
        state = .ready
        return .write
    }
}
