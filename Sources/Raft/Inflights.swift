import DequeModule

/// The appends with entries that a member has not yet answered: a window of messages and of bytes.
struct Inflights: Sendable {
    private var messages: Deque<(through: LogIndex, bytes: Int)> = []
    private var bytes = 0

    /// Nothing is in flight.
    init() {}

    /// Whether nothing is in flight.
    var isEmpty: Bool { messages.isEmpty }
    /// How many messages are in flight.
    var count: Int { messages.count }

    /// Whether another message must wait. One message may always be in flight, however long it is.
    func isFull(_ settings: RaftSettings) -> Bool {
        messages.count >= max(settings.inflightMessagesMax, 1)
            || !messages.isEmpty && bytes >= settings.inflightBytesMax
    }

    /// A message was sent.
    mutating func sent(through index: LogIndex, bytes count: Int) {
        messages.append((index, count))
        bytes += count
    }

    /// All up to here was received. Whatever order answers come in, the greatest frees all before it.
    mutating func acknowledged(through index: LogIndex) {
        while let first = messages.first, first.through <= index {
            bytes -= first.bytes
            messages.removeFirst()
        }
    }

    /// What was in flight is not waited for any more.
    mutating func forget() {
        messages.removeAll(keepingCapacity: true)
        bytes = 0
    }
}
