import DequeModule
import NIOCore

/// What waits to be sent on one link, bounded in bytes.
///
/// While there is a connection, what does not fit is dropped: what waits is older, and nothing is sent out of order. While
/// there is none, only the newest wait: Raft repeats itself, and what is old by the time a peer is back is of no use to it.
struct LinkQueue {
    /// What a payload costs beside its bytes: the array's own, its place in the queue, the head of its frame. Without it a
    /// flood of short ones would take a multiple of the bound.
    static let overheadBytes = 64

    /// Most bytes that wait while there is a connection. One payload may always wait, however long it is.
    let bytesMax: Int
    /// Most bytes that wait while there is none. The newest payload stays whatever its length.
    let disconnectedBytesMax: Int
    private var payloads: Deque<[UInt8]> = []
    /// Bytes that wait, with ``overheadBytes`` for each payload.
    private(set) var bytes = 0
    /// Whether there is a connection to send on.
    private(set) var isConnected = false
    /// Payloads that were dropped so far.
    private(set) var dropped: UInt64 = 0

    init(bytesMax: Int, disconnectedBytesMax: Int) {
        self.bytesMax = bytesMax
        self.disconnectedBytesMax = disconnectedBytesMax
    }

    /// Nothing waits.
    var isEmpty: Bool { payloads.isEmpty }
    /// How many payloads wait.
    var count: Int { payloads.count }

    /// Takes a payload, or drops it or others.
    mutating func enqueue(_ payload: [UInt8]) {
        if isConnected, !isEmpty, bytes + Self.cost(payload) > bytesMax {
            dropped += 1
            return
        }
        payloads.append(payload)
        bytes += Self.cost(payload)
        if !isConnected { dropOld() }
    }

    /// There is a connection: what waits is taken by ``take(into:bytes:)``.
    mutating func connected() { isConnected = true }

    /// There is none any more.
    mutating func disconnected() {
        isConnected = false
        dropOld()
    }

    /// Drops everything.
    mutating func clear() {
        dropped += UInt64(payloads.count)
        payloads.removeAll()
        bytes = 0
    }

    /// Moves the oldest payloads into a buffer, as frames, until it has so many bytes or nothing is left.
    /// - Returns: how many payloads.
    mutating func take(into buffer: inout ByteBuffer, bytes most: Int) -> Int {
        var taken = 0
        while buffer.readableBytes < most, let payload = payloads.popFirst() {
            bytes -= Self.cost(payload)
            Frame.payload(payload).write(to: &buffer)
            taken += 1
        }
        return taken
    }

    private static func cost(_ payload: [UInt8]) -> Int { payload.count + overheadBytes }

    private mutating func dropOld() {
        while bytes > disconnectedBytesMax, payloads.count > 1, let oldest = payloads.popFirst() {
            bytes -= Self.cost(oldest)
            dropped += 1
        }
    }
}
